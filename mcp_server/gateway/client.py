"""The connection to the endpoints: requests go out with the headers that are given, and replies come as they are.

httpcore without a client around it: nothing is added to a request but what frames it, no redirect is followed (a key
would follow it), no reply is decoded, and no proxy or key is read from the environment.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import anyio
import httpcore2
import httpx2

from .errors import UpstreamTimeout, UpstreamUnreachable
from .stream import Streams
from .upstreams import Upstream

CONNECT_SECONDS = 10.0
KEEP_IDLE = 100
"""Connections that are kept open while nothing is asked."""
IDLE_SECONDS = 4.0
"""Less than servers keep theirs, so that none is closed while a request is being written into it."""
_BROKEN = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.TimeoutException,
    httpcore2.UnsupportedProtocol,
)


@dataclass(slots=True)
class Reply:
    """The head of a reply; its body is read chunk by chunk, and `close` has to be called in any case."""

    status: int
    headers: list[tuple[bytes, bytes]]
    response: httpcore2.Response
    upstream: str

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body's bytes as they come, undecoded. Raises `UpstreamUnreachable` where it breaks off."""
        try:
            async for chunk in self.response.aiter_stream():
                yield chunk
        except _BROKEN as error:
            raise UpstreamUnreachable(f"the upstream {self.upstream} broke off in the middle of its answer") from error

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            await self.response.aclose()


class Client:
    """Asks upstreams. Opened with the server, closed with it. *trusted*: whose certificates are believed; None: the
    machine's, whatever the environment says."""

    def __init__(self, timeout: float, proxy: str | None = None, trusted: ssl.SSLContext | None = None) -> None:
        self.timeout = timeout
        self._pool = httpcore2.AsyncConnectionPool(
            proxy=None if proxy is None else _proxy(proxy),
            ssl_context=trusted or httpx2.create_ssl_context(trust_env=False),
            max_connections=None,
            max_keepalive_connections=KEEP_IDLE,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=Streams(),
        )
        self._patience = {"connect": CONNECT_SECONDS, "read": timeout, "write": timeout, "pool": timeout}

    async def ask(
        self, upstream: Upstream, method: str, url: str, headers: Iterable[tuple[bytes, bytes]], body: bytes | None
    ) -> Reply:
        """Send a request and wait for the head of the reply. Raises `UpstreamUnreachable` or `UpstreamTimeout`."""
        place, host = _parsed(url)
        framed = [(b"host", host), *headers]
        if body is not None:
            framed.append((b"content-length", b"%d" % len(body)))
        request = httpcore2.Request(method, place, headers=framed, content=body, extensions={"timeout": self._patience})
        try:
            response = await self._pool.handle_async_request(request)
        except httpcore2.ConnectTimeout as error:
            raise UpstreamTimeout(
                f"the upstream {upstream.name} took no connection within {CONNECT_SECONDS:g} s"
            ) from error
        except httpcore2.TimeoutException as error:
            raise UpstreamTimeout(f"the upstream {upstream.name} said nothing for {self.timeout:g} s") from error
        except _BROKEN as error:
            reason = type(error).__name__
            raise UpstreamUnreachable(
                f"the upstream {upstream.name} cannot be reached, or closed the connection ({reason}); check its base"
            ) from error
        return Reply(response.status, response.headers, response, upstream.name)

    async def close(self) -> None:
        await self._pool.aclose()


@lru_cache(maxsize=256)
def _parsed(url: str) -> tuple[httpcore2.URL, bytes]:
    """*url*, and the `Host` that it asks for."""
    return httpcore2.URL(url), urlsplit(url).netloc.encode("ascii")


def _proxy(url: str) -> httpcore2.Proxy:
    given = httpx2.Proxy(url)
    place = httpcore2.URL(scheme=given.url.raw_scheme, host=given.url.raw_host, port=given.url.port, target=b"/")
    return httpcore2.Proxy(place, auth=given.raw_auth, headers=given.headers.raw, ssl_context=given.ssl_context)
