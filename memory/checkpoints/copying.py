"""A thread's rows under another thread's key. What a checkpoint refers to by content is the same in both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ...stores.ports import Put
from . import rows
from .commits import Commits
from .freeing import Holdings, holdings
from .refs import Draft
from .rows import Head
from .views import View


def copy(commits: Commits, source: str, target: str, thread: str) -> None:
    """Copy the thread *source* (a key) to *target*, whose id is *thread*; nothing if there is none."""
    found = holdings(commits, source)
    origin = commits.row(source)
    if origin is None or commits.expired(origin) or source == target:
        return
    places = {each.place: rows.key(target, each.namespace) for each in found.heads}

    def make(view: View, draft: Draft) -> tuple[list[Put], Callable[[], None]]:
        draft.blobs.update((name, content) for name, (_, content) in found.blobs.items() if name not in view.known)
        moved = [_moved(each, target, places[each.place], view) for each in found.heads]
        return [*_written(found, target, places), *moved], lambda: None

    commits.guarded(target, thread, origin.payload.get("ttl"), make)


def _moved(found: Head, target: str, place: str, view: View) -> Put:
    row = rows.checkpoint_row(place, found.id)
    return replace(found, row=row, thread=target, place=place, epoch=view.epoch, expiring=view.ttl is not None).put()


def _written(found: Holdings, target: str, places: dict[str, str]) -> list[Put]:
    """The rows of writes, those first so that no checkpoint is seen without them."""
    puts = []
    for point in found.writes:
        place, _, checkpoint = point.payload["thread"].partition(".")
        if place in places:
            task = rows.unpack(point.text or "")[0]
            row = rows.writes_row(target, places[place], checkpoint, task)
            payload = {**point.payload, "item": target, "thread": rows.writes_place(places[place], checkpoint)}
            puts.append(Put("records", row, payload, point.text))
    return puts
