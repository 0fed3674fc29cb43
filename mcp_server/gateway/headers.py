"""Which headers pass through the gateway, in either direction. Pure.

Connections end here on both sides, so what speaks of them stays here (RFC 9110, 7.6.1), and so does what is between a
caller and this server: its key, its cookies, its web origin. Of a reply, what would speak for this server stays out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

Headers = Sequence[tuple[bytes, bytes]]

HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding "
    b"upgrade http2-settings".split()
)
OURS = frozenset(
    b"host content-length authorization x-api-key api-key cookie accept-encoding expect origin referer forwarded "
    b"via x-real-ip x-memory x-thread-id x-memoryops-via".split()
)
"""Of a request: what is for this server, or is written anew."""
THEIRS = frozenset(b"date server via set-cookie alt-svc strict-transport-security content-security-policy".split())
"""Of a reply: what an endpoint says about its own host."""
THEIR_PREFIXES = (b"access-control-", b"x-tokens-", b"x-memory-")
OUR_REPLIES = frozenset((b"x-compression-ratio", b"x-compressor", b"x-cost-usd"))
OUR_PREFIXES = (b"x-forwarded-", b"sec-", b"x-memory-", b"access-control-")
READABLE = ("gzip", "deflate", "identity")
"""Codings of a reply that can be read here to remember it."""

_CODING = re.compile(r"\s*([A-Za-z0-9*._-]+)\s*(?:;\s*q=([0-9.]+)\s*)?")


def of_request(given: Headers) -> list[tuple[bytes, bytes]]:
    """What of a caller's headers goes upstream."""
    named = _nominated(given)
    kept = [
        (name, value)
        for name, value in given
        if name not in HOP_BY_HOP and name not in OURS and name not in named and not name.startswith(OUR_PREFIXES)
    ]
    return [*kept, (b"accept-encoding", _codings(given))]


def of_reply(given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """What of an endpoint's headers goes to the caller."""
    lowered = [(name.lower(), value) for name, value in given]
    named = _nominated(lowered)
    out = HOP_BY_HOP | THEIRS | OUR_REPLIES | named
    return [(name, value) for name, value in lowered if name not in out and not name.startswith(THEIR_PREFIXES)]


def first(given: Headers, name: bytes) -> str | None:
    """The value of the header *name* if it came once."""
    values = [value for key, value in given if key == name]
    return values[0].decode("latin-1").strip() if len(values) == 1 else None


def value_of(given: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    """The value of the header *name* (in lower case), "" where it is missing or came twice."""
    return first([(key.lower(), value) for key, value in given], name) or ""


def _nominated(given: Headers) -> frozenset[bytes]:
    """What `Connection` says is for this connection alone."""
    values = b",".join(value for name, value in given if name == b"connection")
    return frozenset(each.strip().lower() for each in values.split(b",") if each.strip())


def _codings(given: Headers) -> bytes:
    """What of the caller's Accept-Encoding can be read here as well; none asked for: the reply as it is."""
    asked = ",".join(value.decode("latin-1") for name, value in given if name == b"accept-encoding")
    found = []
    for each in asked.split(","):
        match = _CODING.fullmatch(each)
        if match is not None and match[1].lower() in READABLE and float_of(match[2]) > 0:
            found.append(match[1].lower())
    return ", ".join(found or ["identity"]).encode("ascii")


def float_of(value: str | None) -> float:
    try:
        return 1.0 if value is None else float(value)
    except ValueError:
        return 0.0
