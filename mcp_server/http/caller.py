"""Who calls: what a request's key or token says of its sender, put where handlers find it."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import HTTPConnection

from ...memory.keys import Key
from ...memory.scope import Scope

_PLACE = "memoryops.caller"


@dataclass(frozen=True, slots=True)
class Caller:
    """*scope*: what the caller may reach, and as whom. *key*: the id of the key, None for the local token.

    *upstream*: the `Authorization` header where it is none of ours, for whoever forwards requests, else None.
    *own*: the stored key, which may have limits of its own; None for the token and for keys of the environment.
    """

    scope: Scope
    key: str | None = None
    upstream: str | None = field(default=None, repr=False)
    own: Key | None = None


def set_caller(scope: MutableMapping[str, Any], caller: Caller) -> None:
    """Note *caller* in the ASGI *scope* of a request."""
    scope.setdefault("state", {})[_PLACE] = caller


def caller_of(request: HTTPConnection) -> Caller:
    """The caller of *request*; `Gate` has noted it, so its absence is a defect (`KeyError`)."""
    caller: Caller = request.scope["state"][_PLACE]
    return caller
