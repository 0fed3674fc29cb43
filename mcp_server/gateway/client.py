"""The connection to the endpoints: requests go out with the headers that are given, and replies come as they are.

httpx's transport without its client: nothing is added to a request, no redirect is followed (a key would follow it),
no reply is decoded, and no proxy or key is read from the environment.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import anyio
import httpx2

from .errors import UpstreamTimeout, UpstreamUnreachable
from .upstreams import Upstream

CONNECT_SECONDS = 10.0
KEEP_IDLE = 100
"""Connections that are kept open while nothing is asked."""
IDLE_SECONDS = 4.0
"""Less than servers keep theirs, so that none is closed while a request is being written into it."""


@dataclass(slots=True)
class Reply:
    """The head of a reply; its body is read chunk by chunk, and `close` has to be called in any case."""

    status: int
    headers: list[tuple[bytes, bytes]]
    response: httpx2.Response
    upstream: str

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body's bytes as they come, undecoded. Raises `UpstreamUnreachable` where it breaks off."""
        try:
            async for chunk in self.response.aiter_raw():
                yield chunk
        except httpx2.TransportError as error:
            raise UpstreamUnreachable(f"the upstream {self.upstream} broke off in the middle of its answer") from error

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            await self.response.aclose()


class Client:
    """Asks upstreams. Opened with the server, closed with it."""

    def __init__(self, timeout: float, proxy: str | None = None) -> None:
        self.timeout = timeout
        self._transport = httpx2.AsyncHTTPTransport(
            trust_env=False,
            proxy=proxy,
            limits=httpx2.Limits(
                max_connections=None, max_keepalive_connections=KEEP_IDLE, keepalive_expiry=IDLE_SECONDS
            ),
        )
        self._patience = {"connect": CONNECT_SECONDS, "read": timeout, "write": timeout, "pool": timeout}

    async def ask(
        self, upstream: Upstream, method: str, url: str, headers: Iterable[tuple[bytes, bytes]], body: bytes | None
    ) -> Reply:
        """Send a request and wait for the head of the reply. Raises `UpstreamUnreachable` or `UpstreamTimeout`."""
        request = httpx2.Request(
            method, url, headers=list(headers), content=body, extensions={"timeout": self._patience}
        )
        try:
            response = await self._transport.handle_async_request(request)
        except httpx2.ConnectTimeout as error:
            raise UpstreamTimeout(
                f"the upstream {upstream.name} took no connection within {CONNECT_SECONDS:g} s"
            ) from error
        except httpx2.TimeoutException as error:
            raise UpstreamTimeout(f"the upstream {upstream.name} said nothing for {self.timeout:g} s") from error
        except httpx2.TransportError as error:
            reason = type(error).__name__
            raise UpstreamUnreachable(
                f"the upstream {upstream.name} cannot be reached, or closed the connection ({reason}); check its base"
            ) from error
        return Reply(response.status_code, response.headers.raw, response, upstream.name)

    async def close(self) -> None:
        await self._transport.aclose()
