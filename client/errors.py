"""What a call can raise.

MemoryOpsClientError
├── InvalidInput          an argument is wrong; from here or from the service
├── Unreachable           no answer came
│   └── TimedOut
├── BadAnswer             what answered is no MemoryOps service, or a much newer one
└── Refused               the service said no, and why
    ├── Unauthorized, Forbidden, Quarantined, NotFound
    ├── Stale, KeyReused, Taken, Settled, Duplicate, ContextOverflow
    ├── RateLimited       over a limit; *retry_after* seconds
    ├── Unavailable, Full
    └── Failed            the service failed
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class MemoryOpsClientError(Exception):
    """Root of what the client raises on purpose."""


class Unreachable(MemoryOpsClientError):
    """No answer came: whether the call was carried out is not known, unless it may be repeated."""


class TimedOut(Unreachable):
    """No answer came in time."""


class BadAnswer(MemoryOpsClientError):
    """An answer came that cannot be read."""


class Refused(MemoryOpsClientError):
    """The service refused. *status*: of HTTP. *kind*: for programs. *detail*: what happened. *remedy*: what to do next.

    *errors*: what is wrong, member by member. *request_id*: as in the log. *retry_after*: seconds, if it says so.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = "",
        remedy: str = "",
        errors: Sequence[Mapping[str, Any]] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.status, self.kind, self.detail, self.remedy = status, kind, detail, remedy
        self.errors, self.request_id, self.retry_after = errors, request_id, retry_after
        text = f"{detail.rstrip('. ')}. {remedy}" if remedy else detail
        super().__init__(f"{text} ({status}{', ' + kind if kind else ''})")


class InvalidInput(Refused):
    """An argument is missing, of the wrong type or out of range; nothing was written."""

    def __init__(self, detail: str, *, status: int = 422, kind: str = "invalid", **more: Any) -> None:
        super().__init__(status, detail, kind=kind, **more)


class Unauthorized(Refused):
    """No key, or a wrong one."""


class Forbidden(Refused):
    """The key does not allow this."""


class Quarantined(Refused):
    """The content is in quarantine, and a person has to release it first."""


class NotFound(Refused):
    """There is nothing with that id within the key's scope."""


class Stale(Refused):
    """It was changed since the caller read it; nothing was written."""


class KeyReused(Refused):
    """An idempotency key came again with other content."""


class Taken(Refused):
    """The task is not free, or not this agent's; or a name is in use."""


class Settled(Refused):
    """The question or the task has reached its end already."""


class Duplicate(Refused):
    """It is there already."""


class ContextOverflow(Refused):
    """What may not be shortened is more than the window allows."""


class RateLimited(Refused):
    """Over a limit."""


class Unavailable(Refused):
    """The store cannot be asked, or the service is stopping."""


class Full(Refused):
    """The disk is full; nothing was kept."""


class Failed(Refused):
    """The service failed: its store, encoder or compressor, or a defect."""


_BY_KIND: Mapping[str, type[Refused]] = {
    "forbidden": Forbidden,
    "quarantined": Quarantined,
    "not_found": NotFound,
    "stale": Stale,
    "key_reused": KeyReused,
    "taken": Taken,
    "settled": Settled,
    "duplicate": Duplicate,
    "overflow": ContextOverflow,
    "unavailable": Unavailable,
    "full": Full,
}
_BY_STATUS: Mapping[int, type[Refused]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    429: RateLimited,
    503: Unavailable,
    507: Full,
}


def refused(status: int, detail: str, *, kind: str = "", **more: Any) -> Refused:
    """The error for an answer of *status* and *kind*."""
    if kind in _BY_KIND:
        return _BY_KIND[kind](status, detail, kind=kind, **more)
    if status in _BY_STATUS:
        return _BY_STATUS[status](status, detail, kind=kind, **more)
    if kind == "invalid" or status < 500:
        return InvalidInput(detail, status=status, kind=kind or "invalid", **more)
    return Failed(status, detail, kind=kind, **more)
