"""Cursors of listings whose condition holds the time: each page asks at the time of the first."""

from __future__ import annotations

from ..stores import cursors
from ..stores.errors import InvalidRequest
from ..stores.payloads import is_number
from .errors import InvalidInput


def resume(listing: object, cursor: str | None, now: float) -> tuple[float, str | None]:
    """The time to ask at and the store's own cursor: *now* and None for a first page, else what `keep` put in."""
    if cursor is None:
        return now, None
    try:
        kept = cursors.decode(listing, cursor)
    except InvalidRequest as error:
        raise InvalidInput(str(error)) from error
    asked, inner = kept if len(kept) == 2 else (None, None)
    if not isinstance(asked, int | float) or not is_number(asked) or not isinstance(inner, str):
        raise InvalidInput("the cursor is malformed; pass next_cursor as it came, or none")
    return float(asked), inner


def keep(listing: object, asked: float, inner: str | None) -> str | None:
    """The cursor of the page after one that was *asked* for and ended with the store's cursor *inner*."""
    return None if inner is None else cursors.encode(listing, [asked, inner])
