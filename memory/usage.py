"""Usage: what each request to a model took and cost, in a ledger of the workspace.

A line is a record of its own, which no search, export or working set shows, and which expires by itself. Sums are made
from the lines when they are asked for.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from ..stores.filters import Eq, Filter, Range, all_of
from ..stores.payloads import MAX_ID_CHARS
from ..stores.ports import Point, PointStore, Put
from . import inputs, paging
from .batches import batched
from .conditions import iso, timestamp
from .ids import new_id
from .scope import Scope

TYPE = "usage"
DAY = 86400.0
LINES = 200
"""How many lines one write carries."""
By = Literal["model", "key", "user", "day", "upstream"]
GROUPS = ("model", "key", "user", "day", "upstream")


@dataclass(frozen=True, slots=True)
class Spent:
    """What one request took. Tokens *before* and *after* memory had its part, as counted here; *in* and *out* as the
    provider counted, where it says. *status*: of the reply. *memory*: ok, skipped or degraded. *cost_usd* is None where
    the model has no price; *at*: when it ended (seconds since the epoch), None for now. *id*: a line that is written
    again with the same one takes the place of the first.
    """

    key: str | None = None
    user: str | None = None
    model: str = ""
    upstream: str = ""
    status: int = 200
    tokens_before: int = 0
    tokens_after: int = 0
    tokens_saved: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float | None = None
    saved_usd: float | None = None
    memory: str = "skipped"
    milliseconds: float = 0.0
    at: float | None = None
    id: str = field(default_factory=lambda: f"usage:{new_id()}")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the ledger: *spent*, at the time *created_at* (ISO 8601)."""

    created_at: str
    spent: Spent

    def as_row(self) -> dict[str, Any]:
        """Its values under one another, for a table."""
        values = asdict(self.spent)
        return {name: self.created_at if name == "created_at" else values[name] for name in COLUMNS}


@dataclass(frozen=True, slots=True)
class UsagePage:
    """Lines, the newest first, and the cursor that continues after them (None at the end)."""

    lines: Sequence[Line]
    next_cursor: str | None


@dataclass(slots=True)
class Sum:
    """What the requests of one *group* took together. *unpriced*: how many have no known cost."""

    group: str
    requests: int = 0
    failed: int = 0
    tokens_before: int = 0
    tokens_after: int = 0
    tokens_saved: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    saved_usd: float = 0.0
    unpriced: int = 0

    def add(self, spent: Spent) -> None:
        """Count one more request."""
        self.requests += 1
        self.failed += spent.status >= 400
        for name in ("tokens_before", "tokens_after", "tokens_saved", "tokens_in", "tokens_out"):
            setattr(self, name, getattr(self, name) + getattr(spent, name))
        self.unpriced += spent.cost_usd is None
        self.cost_usd = round(self.cost_usd + (spent.cost_usd or 0.0), 9)
        self.saved_usd = round(self.saved_usd + (spent.saved_usd or 0.0), 9)


class Usage:
    """The ledger of one scope's workspace; a scope with a user sees that user's lines alone."""

    def __init__(self, store: PointStore, scope: Scope, clock: Callable[[], float]) -> None:
        self.store, self.scope, self.clock = store, scope, clock

    def add(self, spent: Sequence[Spent], *, days: float = 90.0) -> None:
        """Write lines that are kept for *days*. Raises a `StoreError`; what was written before it stays."""
        inputs.seconds(days, "days")
        for some in batched(spent, LINES):
            self.store.write(self.scope.workspace, [_put(each, self.clock(), days) for each in some])

    def page(
        self,
        *,
        since: object = None,
        until: object = None,
        key: str | None = None,
        model: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> UsagePage:
        """Lines from *since* up to before *until* (ISO 8601 or seconds), of one *key* or *model* if given."""
        inputs.whole(limit, "limit", 1, 1000)
        page = paging.newest(self.store, self.scope.workspace, self._where(since, until, key, model), limit, cursor)
        return UsagePage([_line(point) for point in page.points], page.cursor)

    def lines(self, **chosen: Any) -> Iterator[Line]:
        """All lines that `page` gives with the same arguments, page by page."""
        cursor: str | None = None
        while True:
            page = self.page(**chosen, limit=1000, cursor=cursor)
            yield from page.lines
            cursor = page.next_cursor
            if cursor is None:
                return

    def summary(self, by: Sequence[By] = ("model",), **chosen: Any) -> list[Sum]:
        """Sums of the lines that `page` gives, one for each combination of *by*, the dearest first; of no *by*, one."""
        for each in by:
            inputs.choice(each, "by", GROUPS)
        sums: dict[str, Sum] = {}
        for line in self.lines(**chosen):
            group = " · ".join(_group(line, each) for each in by) or "all"
            sums.setdefault(group, Sum(group)).add(line.spent)
        return sorted(sums.values(), key=lambda each: (-each.cost_usd, -each.tokens_in, each.group))

    def _where(self, since: object, until: object, key: str | None, model: str | None) -> Filter | None:
        begin = None if since is None else timestamp(since, "since")
        end = None if until is None else timestamp(until, "until")
        return all_of(
            Eq("type", TYPE),
            Range("created_at", gte=begin, lt=end) if begin is not None or end is not None else None,
            Eq("created_by", inputs.name(key, "key")) if key is not None else None,
            Eq("source", inputs.name(model, "model")) if model is not None else None,
            Eq("user", self.scope.user) if self.scope.user is not None else None,
        )


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """*rows* as CSV with a head line. A value that a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """*rows* as a JSON list."""
    return json.dumps(list(rows), ensure_ascii=False, indent=2) + "\n"


COLUMNS = ["id", "created_at", *(each.name for each in fields(Spent) if each.name not in ("id", "at"))]


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _put(spent: Spent, now: float, days: float) -> Put:
    values = asdict(spent)
    id, at = values.pop("id"), values.pop("at")
    at = now if at is None else at
    key, user, model = (_name(values.pop(name)) for name in ("key", "user", "model"))
    payload = {
        "type": TYPE,
        "created_at": at,
        "expires_at": at + days * DAY,
        "created_by": key,
        "user": user,
        "source": model,
        "spent": values,
    }
    return Put("records", id, {name: value for name, value in payload.items() if value is not None})


def _name(value: str | None) -> str | None:
    """*value* as a field that can be filtered by: of what strangers write, only what is a name is kept."""
    short = "".join(each for each in value or "" if each.isprintable())[:MAX_ID_CHARS]
    return short or None


def _line(point: Point) -> Line:
    payload = point.payload
    spent = Spent(
        **payload["spent"],
        key=payload.get("created_by"),
        user=payload.get("user"),
        model=payload.get("source", ""),
        at=payload["created_at"],
        id=point.id,
    )
    return Line(iso(payload["created_at"]), spent)


def _group(line: Line, by: By) -> str:
    if by == "day":
        return line.created_at[:10]
    return getattr(line.spent, by) or "-"
