"""Opaque cursors: a position in an ordered listing, bound to the listing it was made for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any

from .errors import InvalidRequest


def encode(listing: object, position: list[Any]) -> str:
    """A cursor at *position* of *listing*; any value with a stable repr names a listing."""
    data = json.dumps([_digest(listing), position], separators=(",", ":"))
    return base64.urlsafe_b64encode(data.encode()).decode().rstrip("=")


def decode(listing: object, cursor: str) -> list[Any]:
    """The position in *cursor*. Raises `InvalidRequest` if it is malformed or of another listing."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        digest, position = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (AttributeError, ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise InvalidRequest(f"{cursor!r:.80} is no cursor; pass next_cursor as it came, or none") from error
    if digest != _digest(listing):
        raise InvalidRequest("the cursor belongs to another query; start again without a cursor")
    if not isinstance(position, list):
        raise InvalidRequest(f"{cursor!r:.80} is no cursor; pass next_cursor as it came, or none")
    return position


def _digest(listing: object) -> str:
    return hashlib.blake2b(repr(listing).encode("utf-8", "surrogatepass"), digest_size=9).hexdigest()
