"""Carries out a plan, row by row, so that no other writer's row is ever overwritten unseen.

Qdrant has no transaction over several points, but each conditional update of one point happens as a whole.
So a row is replaced only while the write that made it is still the last (`_claim`), and read back: the row
keeps the names of its last writes, hence a write knows its own even when the next has already come.
"""

from __future__ import annotations

import contextlib
import random
import time
import uuid
from collections.abc import Sequence

from qdrant_client import models

from ..errors import Conflict, Duplicate, StoreUnavailable
from ..ports import Collection, Delete, Patch, Written
from .clock import Ticks
from .edits import Edit, Moment, Prepared, Ref, revise
from .filters import CLAIM, among, equals
from .gateway import Gateway
from .plan import Plan
from .rows import Row

ATTEMPTS = 200
CLAIM_ATTEMPTS = 20
BATCH_POINTS = 64
BATCH_CHARS = 4_000_000


class ClaimLost(StoreUnavailable):
    """Another write was faster to claim a unique key; planned anew, this one finds out what became of it."""


def write(gateway: Gateway, ticks: Ticks, workspace: str, edits: Sequence[Edit], now: float, grace: float) -> Written:
    """Plan *edits* and carry them out. Raises `Conflict`, `Duplicate` or `StoreUnavailable`."""
    for _ in range(CLAIM_ATTEMPTS):
        with contextlib.suppress(ClaimLost):
            return Writing(gateway, ticks, workspace, edits, now, grace).run()
    return Writing(gateway, ticks, workspace, edits, now, grace).run()


class Writing:
    """One write.

    Order: rows that the caller compares with an earlier revision first, so that the loser of a race has
    written nothing; then passages; then records. A write that dies midway is repaired by repeating it.
    """

    def __init__(
        self, gateway: Gateway, ticks: Ticks, workspace: str, edits: Sequence[Edit], now: float, grace: float
    ) -> None:
        self._gateway, self._ticks = gateway, ticks
        self._token = uuid.uuid4().hex
        self.plan = Plan(gateway, Moment(workspace, 0, now), edits, grace)
        for row in self.plan.before.values():
            ticks.observe(row.seq if row is not None else 0)
        self._at = Moment(workspace, ticks.next(), now)
        self._seq = self._at.seq
        self._taken: list[str] = []

    def run(self) -> Written:
        try:
            self._take_claims()
            for refs in self._stages():
                self._store(refs)
        except (Conflict, ClaimLost):
            self._give_back_claims()
            raise
        self._keep_claims()
        for unique, ref in self.plan.released:
            self.plan.claims.release(unique, ref, self._seq)
        return Written(self.plan.revs, self.plan.patched, self.plan.deleted, self._seq)

    # unique keys

    def _take_claims(self) -> None:
        for unique, ref in self.plan.owners.items():
            if not self.plan.claims.take(unique, ref, self._at.seq, self._token, self.plan.seen[unique]):
                raise ClaimLost(f"another write has just taken the unique key {unique!r}; repeat the call")
            self._taken.append(unique)

    def _keep_claims(self) -> None:
        """Withdraw the rows whose claim was taken over because this write was too slow. Raises `Duplicate`."""
        for unique, ref in self.plan.owners.items():
            claim = self.plan.claims.read(unique)
            if claim is not None and claim.token != self._token and claim.owner != ref:
                self.plan.read([ref])
                self.plan.edits[ref] = [Delete(ref[0], ref[1])]
                self._store([ref])
                raise Duplicate(unique, claim.owner[1])

    def _give_back_claims(self) -> None:
        for unique in self._taken:
            seen, ref = self.plan.seen[unique], self.plan.owners[unique]
            if seen is None or seen.owner != ref:
                self.plan.claims.release(unique, ref, self._at.seq)

    # rows

    def _stages(self) -> list[list[Ref]]:
        changed = self.plan.changed()
        compared = [ref for ref in changed if any(_expects(edit) for edit in self.plan.edits[ref])]
        rest = [ref for ref in changed if ref not in set(compared)]
        stages = [compared, [r for r in rest if r[0] == "memory"], [r for r in rest if r[0] == "records"]]
        return [stage for stage in stages if stage]

    def _store(self, refs: Sequence[Ref]) -> None:
        """Write the rows of *refs*, again and again for those that another writer changed meanwhile."""
        pending = list(refs)
        for attempt in range(ATTEMPTS):
            rows = {ref: self._next(ref) for ref in pending}
            wanted = {ref: row for ref, row in rows.items() if row is not None and row is not self.plan.before[ref]}
            for collection in ("memory", "records"):
                self._send(collection, {ref: row for ref, row in wanted.items() if ref[0] == collection})
            pending = self._lost(wanted)
            self._count({ref: row for ref, row in wanted.items() if ref not in pending})
            if not pending:
                return
            self._at = Moment(self._at.workspace, self._ticks.next(), self._at.now)
            time.sleep(random.uniform(0, min(0.1, 0.002 * (attempt + 1))))
        raise StoreUnavailable(f"{pending[0][0]}/{pending[0][1]} is written all the time by others; repeat the call")

    def _next(self, ref: Ref) -> Row | None:
        before = self.plan.before.get(ref)
        after = revise(ref, before, self.plan.edits[ref], self._at)
        if after is None or after is before:
            return after
        if before is not None and before.seq >= self._at.seq:
            self._ticks.observe(before.seq)
            self._at = Moment(self._at.workspace, self._ticks.next(), self._at.now)
            after = revise(ref, before, self.plan.edits[ref], self._at)
            assert after is not None
        self._seq = max(self._seq, after.seq)
        return after.written_by(self._token, after.rev - (before.rev if before else 0))

    def _send(self, collection: Collection, rows: dict[Ref, Row]) -> None:
        added: list[Row] = []
        replaced: list[tuple[Row, Row]] = []
        for ref, row in rows.items():
            before = self.plan.before[ref]
            if before is None:
                added.append(row)
            elif row.vectors is None:
                self._gateway.set_payload(collection, row.changing_from(before), unchanged(before))
            else:
                replaced.append((before, row))
        for some in _batches(added):
            self._gateway.insert(collection, [row.struct() for row in some])
        befores = {row.point_id: before for before, row in replaced}
        for some in _batches([row for _, row in replaced]):
            only = models.Filter(should=[unchanged(befores[row.point_id]) for row in some])
            self._gateway.replace(collection, [row.struct() for row in some], only)

    def _lost(self, wanted: dict[Ref, Row]) -> list[Ref]:
        """Which of the rows *wanted* did not become so; `plan.before` then has what they are instead."""
        self.plan.read(wanted)
        return [ref for ref, row in wanted.items() if not self._arrived(row, self.plan.before[ref])]

    def _count(self, rows: dict[Ref, Row]) -> None:
        """Correct the revisions that were foreseen for *rows* by what other writers added meanwhile."""
        for ref, row in rows.items():
            planned = self.plan.after.get(ref)
            if planned is not None and ref[1] in self.plan.revs:
                self.plan.revs[ref[1]] += row.rev - planned.rev
                self.plan.after[ref] = row

    def _arrived(self, row: Row, found: Row | None) -> bool:
        made = found.made_by(self._token, row.rev) if found is not None else False
        if made is None:
            raise StoreUnavailable(
                f"{row.collection}/{row.id} was written so often since that nobody can tell whether this write "
                "came through; read it again"
            )
        return made


def unchanged(row: Row) -> models.Filter:
    """The point of *row*, while no other write has touched it."""
    return models.Filter(must=[among([row.point_id]), equals(CLAIM, row.history[-1])])


def _expects(edit: Edit) -> bool:
    expected = edit.put.expected_rev if isinstance(edit, Prepared) else getattr(edit, "expected_rev", None)
    return not isinstance(edit, Patch) and bool(expected)


def _batches(rows: Sequence[Row]) -> list[list[Row]]:
    """*rows* in requests of bearable size."""
    batches: list[list[Row]] = []
    chars = 0
    for row in rows:
        size = len(row.text or "")
        if not batches or len(batches[-1]) == BATCH_POINTS or chars + size > BATCH_CHARS:
            batches.append([])
            chars = 0
        batches[-1].append(row)
        chars += size
    return batches
