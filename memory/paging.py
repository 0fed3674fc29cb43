"""Listings in pages: all pages of one, and cursors of those that depend on the time, each page of which asks at the
time of the first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from ..stores import cursors
from ..stores.errors import InvalidRequest
from ..stores.filters import Filter
from ..stores.payloads import is_number
from ..stores.ports import Page, PointStore
from .errors import InvalidInput

P = TypeVar("P", str, int)


def pages(store: PointStore, workspace: str, where: Filter | None, size: int) -> Iterator[Page]:
    """All records of *workspace* that meet *where*, *size* of them a page."""
    cursor: str | None = None
    while True:
        page = store.scroll(workspace, "records", where=where, limit=size, cursor=cursor)
        yield page
        cursor = page.cursor
        if cursor is None:
            return


def newest(store: PointStore, workspace: str, where: Filter | None, limit: int, cursor: str | None = None) -> Page:
    """Records of *workspace* that meet *where*, those with the highest `created_at` first."""
    return store.scroll(
        workspace, "records", where=where, order_by="created_at", descending=True, limit=limit, cursor=cursor
    )


def resume(listing: object, cursor: str | None, now: float, kind: type[P]) -> tuple[float, P | None]:
    """The time to ask at and the place to go on from: *now* and None for a first page, else what `keep` put in.

    A place of *kind* str is the store's own cursor, one of *kind* int an offset from 0 up. Raises `InvalidInput`.
    """
    if cursor is None:
        return now, None
    try:
        kept = cursors.decode(listing, cursor)
    except InvalidRequest as error:
        raise InvalidInput(str(error)) from error
    asked, place = kept if len(kept) == 2 else (None, None)
    if not isinstance(asked, int | float) or not is_number(asked) or not isinstance(place, kind):
        raise InvalidInput("the cursor is malformed; pass next_cursor as it came, or none")
    if isinstance(place, int) and place < 0:
        raise InvalidInput("the cursor is malformed; pass next_cursor as it came, or none")
    return float(asked), place


def keep(listing: object, asked: float, place: P | None) -> str | None:
    """The cursor of the page after one that was *asked* for and ended at *place*; None at the end."""
    return None if place is None else cursors.encode(listing, [asked, place])
