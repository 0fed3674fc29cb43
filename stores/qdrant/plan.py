"""Reads what a write concerns and works out, before anything is written, what it will do."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from ..errors import Duplicate
from ..filters import Filter, matches
from ..ports import Collection, Patch
from . import filters
from .claims import Claim, Claims, wait_for
from .edits import Edit, Moment, Prepared, Ref, revise
from .gateway import RETRIEVE, Gateway
from .rows import WITHOUT_TEXT, Row, parse, point_id


class Plan:
    """The edits of each row of one write, in order, with the rows as they were read and as they will be.

    Raises `Conflict` or `Duplicate` while it is made, when nothing has been written yet.
    """

    def __init__(self, gateway: Gateway, at: Moment, edits: Sequence[Edit], grace: float) -> None:
        self._gateway, self.at, self._grace = gateway, at, grace
        self.claims = Claims(gateway, at.workspace)
        self.before: dict[Ref, Row | None] = {}
        self.after: dict[Ref, Row | None] = {}
        self.edits: dict[Ref, list[Edit]] = {}
        self.revs: dict[str, int] = {}
        self.patched = self.deleted = 0
        self.seen: dict[str, Claim | None] = {}
        self.owners: dict[str, Ref] = {}
        self.read(ref for ref in map(_named, edits) if ref is not None)
        for edit in edits:
            for ref in self._concerned(edit):
                self._apply(ref, edit)
        self.released = self._released()

    def read(self, refs: Iterable[Ref]) -> None:
        """Read the rows of *refs* (again)."""
        wanted = list(refs)
        for collection in ("memory", "records"):
            ids = {ref[1]: point_id(self.at.workspace, collection, ref[1]) for ref in wanted if ref[0] == collection}
            records = self._gateway.retrieve(collection, list(ids.values()), WITHOUT_TEXT)
            for id, point in ids.items():
                record = records.get(point)
                self.before[(collection, id)] = parse(collection, record) if record is not None else None

    def changed(self) -> list[Ref]:
        """The rows that will be written."""
        return [ref for ref, row in self.after.items() if row is not self.before.get(ref)]

    def _released(self) -> list[tuple[str, Ref]]:
        """The unique keys that rows had and will have no more."""
        pairs = [(row.unique, ref) for ref, row in self.before.items() if row is not None and row.unique is not None]
        return [(unique, ref) for unique, ref in pairs if (after := self._row(ref)) is None or after.unique != unique]

    def _row(self, ref: Ref) -> Row | None:
        return self.after[ref] if ref in self.after else self.before.get(ref)

    def _concerned(self, edit: Edit) -> list[Ref]:
        ref = _named(edit)
        if ref is not None:
            return [ref]
        assert not isinstance(edit, Prepared)
        return self._matching(edit.collection, edit.where)  # type: ignore[union-attr]  # _named has sorted Delete out

    def _matching(self, collection: Collection, where: Filter) -> list[Ref]:
        stored = filters.living(self.at.workspace, self.at.now, *filters.conditions(where))
        for record in self._gateway.scan(collection, stored, WITHOUT_TEXT, RETRIEVE):
            row = parse(collection, record)
            self.before.setdefault((collection, row.id), row)
        rows = {ref: self._row(ref) for ref in self.before if ref[0] == collection}
        return [ref for ref, row in rows.items() if row and row.living(self.at.now) and matches(where, row.payload)]

    def _apply(self, ref: Ref, edit: Edit) -> None:
        row = self._row(ref)
        after = revise(ref, row, [edit], self.at)
        self.edits.setdefault(ref, []).append(edit)
        self.after[ref] = after
        if isinstance(edit, Prepared):
            assert after is not None
            self.revs[ref[1]] = after.rev
            if edit.put.unique is not None:
                self._claim(ref, edit.put.unique)
        elif isinstance(edit, Patch):
            self.patched += after is not row
        else:
            self.deleted += after is not row

    # unique keys

    def _claim(self, ref: Ref, unique: str) -> None:
        """Find *unique* free for *ref*, or raise `Duplicate`."""
        deadline = time.monotonic() + 2 * self._grace + 1
        while True:
            holder = next((r for r in self.after if r != ref and self._holds(r, unique)), None)
            claim = self.claims.read(unique)
            if holder is None and claim is not None and claim.owner != ref and claim.owner not in self.after:
                self.read([claim.owner])
                holder = claim.owner if self._holds(claim.owner, unique) else None
                if holder is None and self._under_way(claim):
                    wait_for(claim, deadline - time.monotonic())
                    continue
            if holder is not None:
                raise Duplicate(unique, holder[1])
            self.seen[unique], self.owners[unique] = claim, ref
            return

    def _holds(self, ref: Ref, unique: str) -> bool:
        row = self._row(ref)
        return row is not None and row.unique == unique and row.living(self.at.now)

    def _under_way(self, claim: Claim) -> bool:
        row = self.before.get(claim.owner)
        decided = row is not None and row.seq >= claim.seq
        return not decided and claim.age() < self._grace


def _named(edit: Edit) -> Ref | None:
    """The one row that *edit* names, None for an edit by filter."""
    if isinstance(edit, Prepared):
        return edit.put.collection, edit.put.id
    return (edit.collection, edit.id) if hasattr(edit, "id") else None
