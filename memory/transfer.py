"""Export and import: a whole memory as JSON lines, equal again after a round trip, from any store to any other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, get_args

from ..compressors import tokens
from ..stores.errors import Conflict, Duplicate, InvalidRequest
from ..stores.filters import Eq, In, Not, Or, all_of, matches
from ..stores.payloads import check_change
from ..stores.ports import Change, DeleteWhere, Page, Point, PointStore, Put
from . import drafts, entry_rows, entry_transfer, forms, hil, inputs, paging, tasks
from .batches import batched
from .conditions import TIMES, timestamp
from .errors import InvalidInput
from .items import Items
from .models import Tier
from .scope import Scope

FORMAT = 1
HEADER = {"memoryops_export": FORMAT}
LEFT_OUT = "left_out"
TYPES = ("item", "task", "agent", "hil")
PAGE = 200
TURNS = 20_000
"""How many messages an import holds in memory at once."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Exported:
    """How much went into *path*."""

    path: str
    records: int
    quarantined_left_out: int


@dataclass(frozen=True, slots=True)
class ExportPage:
    """Some lines of an export file, each a mapping; *next_cursor* gives what follows.

    The lines of all pages, as JSON, are a file that `import_` reads: the first page begins with its header.
    *left_out*: ids of records that alone are longer than a page. Their line says so and how many tokens it would
    have, holds nothing else, and is refused by `import_`.
    """

    records: Sequence[Mapping[str, Any]]
    next_cursor: str | None = None
    left_out: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """How many records came in, were there already with the same content, or replaced what was there."""

    added: int
    unchanged: int
    replaced: int
    duplicates: int


def export(
    store: PointStore,
    scope: Scope,
    path: Path,
    *,
    quarantined: bool = False,
    progress: Progress | None = None,
) -> Exported:
    """Write everything in *scope* to the new file *path*, one record a line, in the order of their ids, entries last.

    Checkpoints of graphs stay out: they go from saver to saver (`graphs.copy_threads`), and with a backup.
    Content in quarantine is left out unless a person asks for it (*quarantined*). The file appears when it is whole.
    """
    if quarantined:
        scope.require_person("export what is in quarantine")
    if path.exists():
        raise InvalidInput(f"{path} exists already; name a new file")
    where = _exported(scope, quarantined)
    total = store.count(scope.workspace, "records", where) + entry_transfer.count(store, scope)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.touch(mode=0o600)
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(HEADER) + "\n")
            written = 0
            found = chain(map(_line, _points(store, scope, where)), entry_transfer.lines(store, scope))
            for line in found:
                file.write(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n")
                written += 1
                if progress is not None and (written % PAGE == 0 or written == total):
                    progress(written, total)
        partial.rename(path)
    except OSError as error:
        raise InvalidInput(f"cannot write {path} ({error.strerror}); name a file that this user may write") from error
    finally:
        partial.unlink(missing_ok=True)
    left_out = 0 if quarantined else store.count(scope.workspace, "records", _in_quarantine(scope))
    return Exported(str(path), written, left_out)


def export_page(
    store: PointStore, scope: Scope, *, limit: int = 100, max_tokens: int = 10_000, cursor: str | None = None
) -> ExportPage:
    """What `export` would write, in pages of at most *limit* records and *max_tokens* tokens; nothing quarantined,
    and no entries."""
    inputs.whole(limit, "limit", 1, 1000)
    inputs.whole(max_tokens, "max_tokens", 100, 10_000_000)
    where = _exported(scope, False)

    def page(most: int) -> Page:
        return store.scroll(scope.workspace, "records", where=where, limit=most, cursor=cursor)

    found = page(limit)
    records: list[dict[str, Any]] = []
    room = max_tokens
    for point in found.points:
        line = _line(point)
        size = tokens.count(json.dumps(line, ensure_ascii=False))
        if size > max_tokens:
            line = {"id": point.id, "type": point.payload["type"], "tokens": size, LEFT_OUT: True}
            size = tokens.count(json.dumps(line))
        if records and size > room:
            break
        records.append(line)
        room -= size
    left_out = [line["id"] for line in records if LEFT_OUT in line]
    rest = found.cursor if len(records) == len(found.points) else page(len(records)).cursor
    header = [HEADER] if cursor is None else []
    return ExportPage([*header, *records], rest, left_out)


def import_(
    store: PointStore, scope: Scope, path: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> Imported:
    """Read what `export` wrote into *scope*'s workspace; ids are kept, embeddings are made anew.

    The whole file is checked first. A record that is there with other content is an error, or replaced with
    *overwrite*. Raises `InvalidInput` naming the line.
    """
    items = Items(store, scope, "off")
    total = sum(1 for _ in _read(path, scope))
    counts = {"added": 0, "unchanged": 0, "replaced": 0, "duplicates": 0}
    _refuse_conflicts(store, scope, path, overwrite=overwrite)
    for done, point in enumerate(_in_order(path, scope), start=1):
        counts[_import_one(items, point)] += 1
        if progress is not None:
            progress(done, total)
    return Imported(**counts)


def _in_order(path: Path, scope: Scope) -> Iterator[Point]:
    """The records in *path*: all but messages, then the messages by time, so that each finds those before it."""
    turns: list[tuple[float, int]] = []
    for number, point in _read(path, scope):
        if point.payload.get("kind") == "message":
            turns.append((point.payload["created_at"], number))
        else:
            yield point
    for some in batched([number for _, number in sorted(turns)], TURNS):
        wanted = set(some)
        found = {number: point for number, point in _read(path, scope) if number in wanted}
        yield from (found[number] for number in some)


def _exported(scope: Scope, quarantined: bool) -> Any:
    hidden = None if quarantined else Not(Eq("status", "quarantined"))
    narrow = scope.filter if scope.filter is None else Or((Eq("type", "agent"), scope.filter))
    return all_of(In("type", TYPES), hidden, narrow)


def _in_quarantine(scope: Scope) -> Any:
    return all_of(Eq("type", "item"), Eq("status", "quarantined"), scope.filter)


def _points(store: PointStore, scope: Scope, where: Any) -> Iterator[Point]:
    for page in paging.pages(store, scope.workspace, where, PAGE):
        yield from page.points


def _line(point: Point) -> dict[str, Any]:
    return {"id": point.id, "payload": dict(point.payload), "content": point.text}


def _read(path: Path, scope: Scope) -> Iterator[tuple[int, Point]]:
    """The records in *path* with their line numbers, each checked."""
    try:
        with path.open(encoding="utf-8") as file:
            header = _json(file.readline(), 1)
            if header.get("memoryops_export") != FORMAT:
                raise InvalidInput(f"{path} is no export of a memory (or of a newer release); see `memoryops export`")
            for number, line in enumerate(file, start=2):
                yield number, _point(_json(line, number), number, scope)
    except OSError as error:
        raise InvalidInput(f"cannot read {path} ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is no UTF-8 text") from error


def _json(line: str, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"line {number} is no JSON; the file was cut or edited") from error
    if not isinstance(value, dict):
        raise InvalidInput(f"line {number} is no record")
    return value


def _point(line: dict[str, Any], number: int, scope: Scope) -> Point:
    payload, text = line.get("payload"), line.get("content")
    if line.get(LEFT_OUT):
        raise InvalidInput(
            f"line {number}: {line.get('id')!s:.100} was left out of this export because it is longer than its pages; "
            "export to a file with `memoryops export`, or take this line out to go on without it"
        )
    try:
        if not isinstance(payload, dict) or payload.get("type") not in (*TYPES, entry_rows.TYPE):
            raise InvalidInput("its type is not item, task, agent, hil or entry")
        id = inputs.id(line.get("id"))
        if payload["type"] == entry_rows.TYPE:
            entry_transfer.checked(id, payload, text)
            return Point("records", id, payload, text, 0, 0)
        check_change(Put("records", id, payload, text))
        _check_record(id, payload, text)
    except (InvalidInput, InvalidRequest) as error:
        raise InvalidInput(f"line {number}: {error}") from error
    for name, bound in (("user", scope.user), ("thread", scope.thread)):
        if bound is not None and payload["type"] != "agent" and payload.get(name) != bound:
            raise InvalidInput(f"line {number} belongs to the {name} {payload.get(name)!r}, this scope to {bound!r}")
    return Point("records", id, payload, text, 0, 0)


NEEDED = {
    "item": "item kind status content_type priority importance tags metadata hint tokens created_at updated_at".split(),
    "task": "title status priority tags metadata created_at updated_at".split(),
    "agent": "source capabilities metadata created_at heartbeat_at".split(),
    "hil": "question options status metadata created_at".split(),
}
"""What a record of each type is never without."""
STATUSES: dict[str, Sequence[str]] = {
    "item": ("active", "quarantined"),
    "task": tuple(tasks.NEXT),
    "hil": hil.STATUSES,
}
LONGEST_ITEM_ID = 180
"""Shorter than other ids: the passages of an item are numbered behind it."""


def _check_record(id: str, payload: dict[str, Any], text: object) -> None:
    kind = payload["type"]
    missing = [name for name in NEEDED[kind] if payload.get(name) is None]
    if missing:
        raise InvalidInput(f"it is of type {kind} and has no {', '.join(missing)}")
    for name in payload.keys() & TIMES:
        if payload[name] is not None:
            timestamp(payload[name], name)
    if kind in STATUSES:
        inputs.choice(payload["status"], "status", STATUSES[kind])
    inputs.metadata(payload["metadata"])
    if "priority" in payload:
        inputs.whole(payload["priority"], "priority", 1, 10)
    if kind == "item":
        _check_item(id, payload, text)


def _check_item(id: str, payload: dict[str, Any], text: object) -> None:
    inputs.text(text, "content")
    inputs.choice(payload["kind"], "kind", ("item", "message"))
    inputs.number(payload["importance"], "importance", 0, 1)
    inputs.choice(forms.tier(payload), "state", get_args(Tier))
    if not isinstance(payload.get("compressed", ""), str):
        raise InvalidInput("its field compressed is no text")
    if payload["item"] != id:
        raise InvalidInput(f"its field item is {payload['item']!r:.100}, not its id")
    if len(id) > LONGEST_ITEM_ID:
        raise InvalidInput(f"its id has {len(id)} characters, over {LONGEST_ITEM_ID}")


def _refuse_conflicts(store: PointStore, scope: Scope, path: Path, *, overwrite: bool) -> None:
    for number, point in _read(path, scope):
        if point.payload["type"] == entry_rows.TYPE:
            there = entry_transfer.known(store, scope, point.id)
            if there is not None and not entry_transfer.same(there, _line(point)):
                _refuse_other(point, number, overwrite=overwrite)
            continue
        (known,) = store.get(scope.workspace, "records", [point.id])
        if known is None or _same(known, point):
            continue
        kind = known.payload.get("type")
        if kind != point.payload["type"] or (kind != "agent" and not matches(scope.filter, known.payload)):
            raise InvalidInput(f"line {number}: the id {point.id} belongs to something else; nothing was imported")
        _refuse_other(point, number, overwrite=overwrite)
        if kind == "hil" or known.payload.get("status") == "quarantined":
            scope.require_person(f"replace {point.id} (line {number}), a HIL request or content in quarantine")


def _refuse_other(point: Point, number: int, *, overwrite: bool) -> None:
    """Raises `InvalidInput`: another record has the id of *point*; unless it may be replaced."""
    if not overwrite:
        raise InvalidInput(
            f"line {number}: {point.id} is here already with other content; nothing was imported "
            "(overwrite=True, or --overwrite, replaces it)"
        )


def _same(known: Point, point: Point) -> bool:
    return known.text == point.text and dict(known.payload) == dict(point.payload)


def _import_one(items: Items, point: Point) -> str:
    store, workspace = items.store, items.scope.workspace
    if point.payload["type"] == entry_rows.TYPE:
        there = entry_transfer.known(store, items.scope, point.id)
        if entry_transfer.same(there, _line(point)):
            return "unchanged"
        entry_transfer.write(store, items.scope, point.id, point.payload, point.text)
        return "added" if there is None else "replaced"
    (known,) = store.get(workspace, "records", [point.id])
    if known is not None and _same(known, point):
        return "unchanged"
    try:
        store.write(workspace, _changes(items, point, known.rev if known is not None else 0))
    except Duplicate:
        return "duplicates"
    except Conflict as error:
        raise InvalidInput(f"{point.id} is being changed by somebody else; repeat the import") from error
    return "added" if known is None else "replaced"


def _changes(items: Items, point: Point, expected_rev: int) -> list[Change]:
    if point.payload["type"] != "item":
        return [Put("records", point.id, point.payload, point.text, expected_rev=expected_rev)]
    draft = drafts.Draft(point.text or "", point.payload)
    put = Put(
        "records",
        point.id,
        point.payload,
        point.text,
        expected_rev=expected_rev,
        unique=drafts.unique_key(draft),
    )
    rows = items.passages(draft, point.id, point.payload.get("findings", ()))
    return [put, DeleteWhere("memory", Eq("item", point.id)), *rows]
