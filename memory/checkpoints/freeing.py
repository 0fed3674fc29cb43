"""What of a thread is needed no more, and deleting that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from ...stores.errors import Conflict
from ...stores.ports import Point, Put
from ..batches import batched
from ..paging import pages
from . import rows
from .commits import Commits, attempts, new_epoch
from .refs import children, names
from .rows import BLOB, CHECKPOINT, WRITES, Head, head

PAGE = 10_000  # the most; each page of a thread is sorted out of all its rows
CHANGES = 2000
"""Rows that one write removes."""

Choose = Callable[[Sequence[Head]], Collection[str]]
"""Which of the checkpoints to delete, by their rows."""


@dataclass(slots=True)
class Holdings:
    """All rows of a thread."""

    heads: list[Head] = field(default_factory=list)
    revs: dict[str, int] = field(default_factory=dict)
    writes: list[Point] = field(default_factory=list)
    blobs: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    rows: dict[bytes, str] = field(default_factory=dict)

    def take(self, point: Point) -> None:
        kind = point.payload["type"]
        if kind == CHECKPOINT:
            self.heads.append(head(point))
            self.revs[point.id] = point.rev
        elif kind == WRITES:
            self.writes.append(point)
        elif kind == BLOB:
            name = rows.blob_name(point.id)
            self.blobs[name], self.rows[name] = (point.rev, rows.bare(point.text or "")), point.id


def holdings(commits: Commits, key: str) -> Holdings:
    """Everything that the thread has now."""
    found = Holdings()
    for page in pages(commits.store, commits.workspace, rows.all_of_thread(key), PAGE):
        for point in page.points:
            found.take(point)
    return found


def ancestors(heads: Iterable[Head], kept: Iterable[Head]) -> set[str]:
    """The rows of earlier checkpoints whose writes rebuild a channel of those *kept*."""
    by_id = {(each.place, each.id): each for each in heads}
    needed: set[str] = set()
    for start in kept:
        missing, current, walked = set(start.needs), start, {start.row}
        while missing and current.parent is not None:
            parent = by_id.get((current.place, current.parent))
            if parent is None or parent.row in walked:
                break
            needed.add(parent.row)
            walked.add(parent.row)
            missing -= parent.refs.keys()
            current = parent
    return needed


def marked(heads: Iterable[Head], written: Iterable[Point], blobs: Mapping[bytes, tuple[int, bytes]]) -> set[bytes]:
    """The blobs that *heads* and *written* need, pages and pieces with what they name."""
    refs = [ref for each in heads for _, ref in each.refs.values()]
    refs += [line[3] for point in written for line in rows.unpack(point.text or "")[1]]
    found: set[bytes] = set()
    pending = [name for ref in refs for name in names(ref)]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            if name in blobs:
                pending.extend(children(blobs[name][1]))
    return found


def changes(commits: Commits, found: Holdings, drop: Collection[str], epoch: str) -> list[Put] | None:
    """What deletes the checkpoints *drop* and all that only they need; None if no checkpoint is left to be seen.

    A dropped one whose writes rebuild a channel of one that stays is hidden, not deleted. The latest that stay get the
    new *epoch*, so that other processes may go on from what they need.
    """
    visible = [each for each in found.heads if not each.hidden and each.row not in drop]
    if not visible:
        return None
    needed = ancestors(found.heads, visible) - {each.row for each in visible}
    ghosts = [each for each in found.heads if each.row in needed]
    kept = [*visible, *ghosts]
    places = {rows.writes_place(each.place, each.id) for each in kept}
    written = [point for point in found.writes if point.payload["thread"] in places]
    used, keeping = marked(kept, written, found.blobs), {each.row for each in kept}
    latest = [max(group, key=lambda each: each.id) for _, group in _by_place(visible)]
    wanted = [
        *(replace(each, hidden=True).put() for each in ghosts if not each.hidden),
        *(commits.gone(CHECKPOINT, row, rev) for row, rev in found.revs.items() if row not in keeping),
        *(commits.gone(WRITES, p.id, p.rev) for p in found.writes if p.payload["thread"] not in places),
        *(commits.gone(BLOB, row, rev) for row, rev in _others(found, used)),
    ]
    return [*(replace(each, epoch=epoch).put() for each in latest), *wanted] if wanted else []


def but_latest(heads: Sequence[Head]) -> set[str]:
    """The rows of all but the latest of each namespace."""
    latest = {max(group, key=lambda each: each.id).row for _, group in _by_place(heads)}
    return {each.row for each in heads} - latest


def free(commits: Commits, key: str, choose: Choose) -> None:
    """Delete the checkpoints that *choose* names and everything that only they need, in the store's files as well."""
    view = commits.views.of(key)
    with view.lock:
        for _ in attempts():
            try:
                if _free_once(commits, key, choose):
                    commits.store.sweep()
                    view.forget("")
                return
            except Conflict:  # somebody put something in between
                continue


def _free_once(commits: Commits, key: str, choose: Choose) -> bool:
    """Whether there was anything to delete. Raises `Conflict` if the thread changed meanwhile."""
    point = commits.row(key)
    found = holdings(commits, key)
    epoch = new_epoch()
    drop = choose([each for each in found.heads if not each.hidden])
    wanted = changes(commits, found, drop, epoch)
    if point is None or wanted is None:
        commits.delete(key, point)
        return True
    if not wanted:
        return False
    rev, payload = point.rev, {**point.payload, "epoch": epoch}
    for some in batched(wanted, CHANGES):
        mine = Put("records", point.id, payload, expected_rev=rev)
        rev = commits.store.write(commits.workspace, [mine, *some]).revs[point.id]
    return True


def _others(found: Holdings, used: Collection[bytes]) -> Iterator[tuple[str, int]]:
    return ((found.rows[name], rev) for name, (rev, _) in found.blobs.items() if name not in used)


def _by_place(heads: Iterable[Head]) -> Iterator[tuple[str, Iterator[Head]]]:
    return groupby(sorted(heads, key=lambda each: each.place), key=lambda each: each.place)
