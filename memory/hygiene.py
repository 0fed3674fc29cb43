"""Keeping a memory lean: what nobody has touched for a while is compressed, then archived. Nothing is deleted.

Run explicitly, never on its own. What counts as touching: adding, changing, finding, retrieving, being shown whole in
a working set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from ..compressors import tokens
from ..stores.errors import Conflict, InvalidRequest
from ..stores.filters import Eq, Exists, Filter, Not, Or, Range, all_of
from ..stores.payloads import dump
from ..stores.ports import Change, DeleteWhere, Point
from . import forms, inputs, paging
from .batches import batched, writes
from .errors import InvalidInput
from .items import Items

DAY = 86400.0
MOST = 100_000
"""How many memories one run may move."""
PAGE = 500
TOGETHER = 50
"""How many memories are written together."""

Move = Literal["compress", "archive", "lift"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Policy:
    """After how many days without being touched a memory is compressed and archived; below which priority (1 to 10)
    memories go first."""

    compress_days: float = 7.0
    archive_days: float = 30.0
    priority: int = 5

    def __post_init__(self) -> None:
        inputs.number(self.compress_days, "compress_days", 0, 36_500)
        inputs.number(self.archive_days, "archive_days", 0, 36_500)
        inputs.whole(self.priority, "priority", 1, 10)
        if self.archive_days < self.compress_days:
            raise InvalidInput(
                f"memories are archived after {self.archive_days:g} days, before they are compressed "
                f"({self.compress_days:g}); archive later or compress earlier"
            )


@dataclass(frozen=True, slots=True)
class Hygiened:
    """What a run did, or with *dry_run* would do: ids, in the order in which they were moved.

    *lifted*: compressed ones that were touched since, and are full again. *tokens_before*, *tokens_after*: what those
    memories took in their old tiers and take in the new ones; in a dry run the compressed ones are estimated.
    *left*: how many more are due, beyond the limit; *changed*: how many somebody changed meanwhile, which the next
    run looks at again.
    """

    compressed: Sequence[str]
    archived: Sequence[str]
    lifted: Sequence[str]
    tokens_before: int
    tokens_after: int
    left: int
    changed: int
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Due:
    """A memory that is to be moved: what it takes now (tokens), and what it would take."""

    id: str
    rev: int
    move: Move
    priority: int
    touched: float
    before: int
    after: int


class Hygiene:
    """Hygiene of one scope."""

    def __init__(self, items: Items, policy: Policy) -> None:
        self.items, self.policy = items, policy

    def run(self, *, dry_run: bool = False, limit: int = 1000, progress: Progress | None = None) -> Hygiened:
        """See `MemoryOps.hygiene`."""
        inputs.whole(limit, "limit", 1, MOST)
        self.items.access.flush()
        due = sorted(self._due(), key=self._order)
        chosen = due[:limit]
        done = chosen if dry_run else self._carried_out(chosen, progress)
        return _report(done, len(chosen) - len(done), len(due[limit:]), dry_run)

    def make_room(self, room: int) -> Hygiened:
        """Compress full memories, touched or not, until *room* tokens of their context are free or no more can be: the
        lowest priority first, then what was not touched for longest. The next `run` lifts those that are in use."""
        self.items.access.flush()
        full = sorted(self._full(), key=lambda each: (each.priority, each.touched, each.id))
        done: list[Due] = []
        seen = freed = 0
        while seen < len(full) and freed < room:
            expected = accumulate(each.before - each.after for each in full[seen:])
            some = next((n for n, sum_ in enumerate(expected, start=1) if freed + sum_ >= room), len(full) - seen)
            moved = self._carried_out(full[seen : seen + some], None)
            seen += some
            freed += sum(each.before - each.after for each in moved)
            done += moved
        return _report(done, seen - len(done), len(full) - seen, dry_run=False)

    def _full(self) -> Iterator[Due]:
        """The full memories that can be compressed."""
        where = all_of(Eq("type", "item"), Eq("status", "active"), Not(Exists("state")), self.items.scope.filter)
        for point, touched in self._touched(where):
            if point.payload["tokens"] > 2 * forms.LEAST:
                yield _due(point, "compress", touched)

    def _order(self, due: Due) -> tuple[bool, float, str]:
        """Low priorities first, then what was not touched for longest."""
        return due.priority >= self.policy.priority, due.touched, due.id

    def _due(self) -> Iterator[Due]:
        now = self.items.clock()
        compress = now - DAY * self.policy.compress_days
        archive = now - DAY * self.policy.archive_days
        for point, touched in self._touched(self._old(compress)):
            move = _move(point, touched, compress, archive)
            if move is not None:
                yield _due(point, move, touched)

    def _touched(self, where: Filter | None) -> Iterator[tuple[Point, float]]:
        """The memories that meet *where*, each with the time when it was touched last."""
        for page in paging.pages(self.items.store, self.items.scope.workspace, where, PAGE):
            used = self.items.access.last([point.id for point in page.points])
            for point in page.points:
                yield point, max(float(point.payload["updated_at"]), used.get(point.id, 0.0))

    def _old(self, since: float) -> Filter | None:
        """What was not written since then, and what is compressed; not what is archived already."""
        old = Or((Range("updated_at", lte=since), Eq("state", forms.COMPRESSED)))
        return all_of(
            Eq("type", "item"), Eq("status", "active"), Not(Eq("state", forms.ARCHIVED)), old, self.items.scope.filter
        )

    def _carried_out(self, chosen: Sequence[Due], progress: Progress | None) -> list[Due]:
        done: list[Due] = []
        seen = 0
        for some in batched(chosen, TOGETHER):
            points = self.items.store.get(self.items.scope.workspace, "records", [due.id for due in some])
            for group in _groups(some, points):
                done += self._written(group)
            seen += len(some)
            if progress is not None:
                progress(seen, len(chosen))
        return done

    def _written(self, group: Sequence[tuple[Due, Point]]) -> list[Due]:
        """Those of *group* that were moved; one that somebody changes meanwhile keeps back only itself."""
        made = [self._moved(due, point) for due, point in group]
        try:
            self.items.store.write(self.items.scope.workspace, [change for _, changes in made for change in changes])
        except Conflict:
            if len(group) == 1:
                return []
            return [due for each in group for due in self._written([each])]
        return [due for due, _ in made]

    def _moved(self, due: Due, point: Point) -> tuple[Due, list[Change]]:
        payload = forms.without_tier(point.payload)
        if due.move == "lift":
            return due, [self.items.rewritten(point, payload)]
        if due.move == "archive":
            size = tokens.count(forms.hint_line(point))
            kept = {name: value for name, value in point.payload.items() if name == "compressed"}
            payload |= {**kept, "state": forms.ARCHIVED, "context_tokens": size}
            made = Due(due.id, due.rev, due.move, due.priority, due.touched, due.before, size)
            return made, [self.items.rewritten(point, payload), DeleteWhere("memory", Eq("item", point.id))]
        text = forms.shortened(point.text or "", point.payload["content_type"])
        size = tokens.count(text)
        payload |= {"state": forms.COMPRESSED, "compressed": text, "context_tokens": size}
        if not _fits(payload):  # metadata take all the room that a payload has: it is made when it is asked for
            del payload["compressed"]
        made = Due(due.id, due.rev, due.move, due.priority, due.touched, due.before, size)
        return made, [self.items.rewritten(point, payload)]


def _report(done: Sequence[Due], changed: int, left: int, dry_run: bool) -> Hygiened:
    def ids(move: Move) -> list[str]:
        return [each.id for each in done if each.move == move]

    return Hygiened(
        compressed=ids("compress"),
        archived=ids("archive"),
        lifted=ids("lift"),
        tokens_before=sum(each.before for each in done),
        tokens_after=sum(each.after for each in done),
        left=left,
        changed=changed,
        dry_run=dry_run,
    )


def _move(point: Point, touched: float, compress: float, archive: float) -> Move | None:
    """Where *point*, last *touched* then, belongs; None where it is."""
    if touched <= archive:
        return "archive"
    if forms.tier(point.payload) == "compressed":
        return "lift" if touched > compress else None
    return "compress" if touched <= compress and point.payload["tokens"] > 2 * forms.LEAST else None


def _due(point: Point, move: Move, touched: float) -> Due:
    before, after = _figures(point, move)
    return Due(point.id, point.rev, move, point.payload["priority"], touched, before, after)


def _figures(point: Point, move: Move) -> tuple[int, int]:
    """What *point* takes before and after the *move* (tokens); of what is to be compressed, about."""
    size = int(point.payload["tokens"])
    before = int(point.payload.get("context_tokens", size))
    if move == "lift":
        return before, size
    if move == "archive":
        return before, tokens.count(forms.hint_line(point))
    return before, min(forms.MOST, max(forms.LEAST, int(forms.SHARE * size)))


def _groups(due: Sequence[Due], points: Sequence[Point | None]) -> list[list[tuple[Due, Point]]]:
    """Those that are still as they were found, in groups that one write carries."""
    pairs = zip(due, points, strict=True)
    same = [(each, point) for each, point in pairs if point is not None and point.rev == each.rev]
    return writes(same, lambda pair: len(pair[1].text or ""))


def _fits(payload: dict[str, object]) -> bool:
    try:
        dump(payload)
    except InvalidRequest:
        return False
    return True
