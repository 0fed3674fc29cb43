"""CORS: the web origins whose pages may call this server and read what it answers. None, unless they are named.

A page shows its key in a header that its own script writes. What a browser would add by itself (cookies, client
certificates) is never asked for, so `*` opens the server to no page that has no key.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from ...memory.errors import InvalidInput
from .address import allowed_origins

ANY = "*"
NAME = "MEMORYOPS_CORS_ORIGINS"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
EXPOSED = (
    "mcp-session-id",
    "mcp-protocol-version",
    "www-authenticate",
    "retry-after",
    "x-request-id",
    "x-tokens-before",
    "x-tokens-after",
    "x-tokens-saved",
    "x-compression-ratio",
    "x-compressor",
    "x-cost-usd",
    "x-memory-items",
    "x-memory-status",
    "x-memory-reason",
    ANY,  # what an upstream says besides
)
"""The headers of an answer that a page may read."""
HOLDS = 600
"""Seconds for which a browser remembers what it may send."""


def cors_origins(given: str | None, *, auth: bool) -> frozenset[str]:
    """The origins in *given*, a comma list, or `*`. Raises `InvalidInput`; so it does for `*` where no key is asked for
    (*auth*), which would open the memory to every page that its user looks at."""
    origins = allowed_origins([each for each in _listed(given) if each != ANY], NAME)
    if ANY not in _listed(given):
        return origins
    if origins:
        raise InvalidInput(f"{NAME} has {ANY} beside origins; give one or the other")
    if not auth:
        raise InvalidInput(f"{NAME} is {ANY}, and --no-auth asks for no key; name the origins, or leave --no-auth out")
    return frozenset([ANY])


def cors(origins: Collection[str]) -> list[Middleware]:
    """What answers the preflights of *origins* and lets their pages read; nothing where there are none."""
    if not origins:
        return []
    layer = Middleware(
        CORSMiddleware,
        allow_origins=tuple(origins),
        allow_methods=METHODS,
        allow_headers=(ANY,),  # the gateway hands on headers that nobody here knows
        allow_private_network=True,
        expose_headers=EXPOSED,
        max_age=HOLDS,
    )
    return [layer]


def _listed(given: str | None) -> list[str]:
    return [each.strip() for each in (given or "").split(",") if each.strip()]
