"""Ids: unique without a coordinator, and in the order of the millisecond in which they were made."""

from __future__ import annotations

import secrets
import time
import uuid

from ..stores.payloads import check_id


def new_id() -> str:
    """A UUID version 7 (RFC 9562): 48 bits of milliseconds, then random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (
        (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    )
    return str(uuid.UUID(int=value))


__all__ = ["check_id", "new_id"]
