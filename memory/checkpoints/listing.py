"""Checkpoints in order, what was written after them, and the way back from one to its ancestors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from ...stores.filters import Eq, Exists, Filter, In, Not, Range, all_of
from ...stores.ports import Page
from .. import paging
from ..batches import batched
from . import rows
from .commits import Commits
from .refs import Ref
from .rows import CHECKPOINT, HIDDEN, Head, head

PAGE = 64
VISIBLE = Not(Eq("status", HIDDEN))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which checkpoints; what is None or empty asks for nothing. *key*: a thread's."""

    key: str | None
    namespace: str | None
    id: str | None
    before: str | None
    labels: Mapping[str, Any]
    match: Callable[[bytes], bool] | None

    def filter(self, user: str | None) -> Filter | None:
        """What the store can decide."""
        place = rows.key(self.key, self.namespace) if self.key is not None and self.namespace is not None else None
        where = Eq("thread", place) if place else Eq("item", rows.head_item(self.key)) if self.key else None
        labels = [Eq(f"metadata.{name}", value) for name, value in self.labels.items()]
        until = Range("created_at", lte=rows.rank(self.before)) if self.before is not None else None
        one = Range("created_at", gte=rows.rank(self.id), lte=rows.rank(self.id)) if self.id is not None else None
        owner = of_user(user) if self.key is None else None
        return all_of(where or Eq("type", CHECKPOINT), VISIBLE, owner, until, one, *labels)

    def takes(self, found: Head) -> bool:
        """What is left to decide."""
        return (
            (self.namespace is None or found.namespace == self.namespace)
            and (self.id is None or found.id == self.id)
            and (self.before is None or found.id < self.before)
            and (self.match is None or self.match(found.metadata))
        )


@dataclass(frozen=True, slots=True)
class Line:
    """One write as its row has it."""

    task: str
    index: int
    channel: str
    path: str
    ref: Ref


def of_user(user: str | None) -> Filter:
    """The rows of *user*; None has those of nobody."""
    return Eq("user", user) if user is not None else Not(Exists("user"))


def heads(commits: Commits, wanted: Wanted, user: str | None, limit: int | None) -> Iterator[Head]:
    """The checkpoints that are *wanted*, the highest ids first."""
    where = wanted.filter(user)
    size = PAGE if limit is None or wanted.match is not None else min(max(limit, 1) + 1, PAGE)

    def found() -> Iterator[Head]:
        cursor: str | None = None
        while True:
            page: Page = commits.store.scroll(
                commits.workspace,
                "records",
                where=where,
                order_by="created_at",
                descending=True,
                limit=size,
                cursor=cursor,
            )
            yield from map(head, page.points)
            cursor = page.cursor
            if cursor is None:
                return

    expired: dict[str, bool] = {}
    for _, tied in groupby(found(), key=lambda each: rows.rank(each.id)):
        for each in sorted(tied, key=lambda each: each.id, reverse=True):
            if each.expiring and each.thread not in expired:
                expired[each.thread] = gone(commits, each.thread)
            if not expired.get(each.thread) and wanted.takes(each):
                yield each


def runs(found: Iterator[Head], limit: int | None) -> Iterator[list[Head]]:
    """*found* in runs that are read together: short ones first, for whoever stops early."""
    rest, size = islice(found, limit), 10
    while some := list(islice(rest, size)):
        yield some
        size = min(2 * size, PAGE)


def gone(commits: Commits, key: str) -> bool:
    """Whether the thread's time has come."""
    point = commits.row(key)
    return point is None or commits.expired(point)


def thread_ids(commits: Commits, keys: Iterable[str]) -> dict[str, str]:
    """The ids of the threads *keys*."""
    asked = list(keys)
    points = commits.store.get(commits.workspace, "records", [rows.thread_row(key) for key in asked])
    return {key: point.payload["thread_id"] for key, point in zip(asked, points, strict=True) if point is not None}


def writes(commits: Commits, of: Sequence[Head]) -> dict[str, list[Line]]:
    """What was written after each of the checkpoints *of*, by its row, in the order in which it is applied."""
    found: dict[str, list[Line]] = {}
    by_place = {rows.writes_place(each.place, each.id): each.row for each in of}
    for some in batched(list(by_place), 200):
        where = In("thread", some)
        cursor: str | None = None
        while True:
            page = commits.store.scroll(commits.workspace, "records", where=where, limit=1000, cursor=cursor)
            for point in page.points:
                task, lines = rows.unpack(point.text or "")
                row = by_place[point.payload["thread"]]
                found.setdefault(row, []).extend(Line(task, *line) for line in lines)
            cursor = page.cursor
            if cursor is None:
                break
    for lines in found.values():
        lines.sort(key=lambda line: (line.path, line.task, line.index))
    return found


def chain(commits: Commits, target: Head, channels: set[str]) -> list[tuple[Head, list[Line]]]:
    """The ancestors of *target*, the nearest first, with what was written after each of them.

    As far as needed to find a value of each of *channels*.
    """
    near: dict[str, Head] = {}
    walked: dict[str, Head] = {}
    missing, current = set(channels), target
    while missing and current.parent is not None:
        parent = near.get(current.parent) or _near(commits, current, near)
        if parent is None or parent.row in walked or parent.row == target.row:
            break  # a checkpoint that was put again may close a circle
        walked[parent.row] = current = parent
        missing -= parent.refs.keys()
    written = writes(commits, list(walked.values()))
    return [(each, written.get(each.row, [])) for each in walked.values()]


def _near(commits: Commits, of: Head, near: dict[str, Head]) -> Head | None:
    """The parent *of* a checkpoint, and in *near* those that come before it, which may be asked for next."""
    assert of.parent is not None
    until = all_of(Eq("thread", of.place), Range("created_at", lte=rows.rank(of.parent)))
    page = paging.newest(commits.store, commits.workspace, until, PAGE)
    near.clear()
    near.update((each.id, each) for each in map(head, page.points))
    if of.parent not in near:
        row = rows.checkpoint_row(of.place, of.parent)
        (point,) = commits.store.get(commits.workspace, "records", [row])
        if point is not None:
            near[of.parent] = head(point)
    return near.get(of.parent)


def threads_of_runs(commits: Commits, run_ids: Sequence[str], user: str | None) -> list[str]:
    """The keys of the threads that hold checkpoints of *run_ids*."""
    keys: dict[str, None] = {}
    for some in batched(run_ids, 100):
        where = all_of(Eq("type", CHECKPOINT), In("metadata.run_id", some), of_user(user))
        cursor: str | None = None
        while True:
            page = commits.store.scroll(commits.workspace, "records", where=where, limit=1000, cursor=cursor)
            keys.update((point.payload["item"][:-1], None) for point in page.points)
            cursor = page.cursor
            if cursor is None:
                break
    return list(keys)
