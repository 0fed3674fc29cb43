"""The bytes of a connection to an upstream, for httpcore: on asyncio's own transports.

httpcore's own backend goes through anyio, whose scopes and checkpoints take twice as long as the bytes. Here the head
and the body of a request also leave together, so that an upstream wakes up once for both.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio.staggered import staggered_race
from collections.abc import Iterable
from functools import partial
from typing import Any, cast

import httpcore2

NEXT_ADDRESS = 0.25
"""Seconds after which a host's next address is tried, too."""
MOST_READ = 256 * 1024
"""Bytes that may wait to be read before the upstream has to wait."""
MOST_WRITTEN = 64 * 1024
"""Bytes that wait for what is written next; more of them leave at once."""


class Streams(httpcore2.AsyncNetworkBackend):
    """Connects by TCP."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> Stream:
        try:
            async with asyncio.timeout(timeout):
                return await _connected(host, port)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout from error
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error


async def _connected(host: str, port: int) -> Stream:
    """A connection to the first address of *host* that answers; the next is tried `NEXT_ADDRESS` later (RFC 8305)."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)

    async def connect(address: str) -> Stream:
        _, stream = await loop.create_connection(Stream, address, port)
        return stream

    attempts = [partial(connect, str(address[0])) for *_, address in found]
    stream: Stream | None
    stream, _, failures = await staggered_race(attempts, NEXT_ADDRESS)
    if stream is None:
        raise next(each for each in failures if each is not None)
    return stream


class Stream(httpcore2.AsyncNetworkStream, asyncio.Protocol):
    """One connection. What is written waits for the rest of the request: it leaves when an answer is wanted."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._came, self._unsent = bytearray(), bytearray()
        self._ended = self._paused = self._full = False
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come, up to *max_bytes*; b"" at the end."""
        if self._unsent:
            await self._send(timeout)
        if not self._came and not self._ended:
            await self._wait(timeout, httpcore2.ReadTimeout)
        if not self._came and self._failure is not None:
            raise httpcore2.ReadError(str(self._failure)) from self._failure
        data = bytes(self._came[:max_bytes])
        del self._came[:max_bytes]
        if self._paused and len(self._came) < MOST_READ and not self._ended:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._unsent += buffer
        if len(self._unsent) > MOST_WRITTEN:
            await self._send(timeout)

    async def aclose(self) -> None:
        if self._transport.get_write_buffer_size():
            self._transport.abort()  # a request that is given up; else it would be sent first
        else:
            self._transport.close()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Stream:
        loop = asyncio.get_running_loop()
        if self._unsent:
            await self._send(timeout)
        try:
            async with asyncio.timeout(timeout):
                secure = await loop.start_tls(self._transport, self, ssl_context, server_hostname=server_hostname)
        except TimeoutError as error:
            self._transport.abort()
            raise httpcore2.ConnectTimeout from error
        except OSError as error:  # of which SSLError is one
            self._transport.abort()
            raise httpcore2.ConnectError(str(error)) from error
        if secure is None:
            raise httpcore2.ConnectError("the connection ended during its handshake")
        self._transport = secure
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # asked of a connection that waits for a request: then it is of no use any more
            return bool(self._came) or self._ended or self._transport.is_closing()
        return self._transport.get_extra_info(info)

    async def _send(self, timeout: float | None) -> None:
        self._transport.write(bytes(self._unsent))
        self._unsent.clear()
        if self._full and not self._ended:
            await self._wait(timeout, httpcore2.WriteTimeout)

    async def _wait(self, timeout: float | None, late: type[Exception]) -> None:
        """Wait until bytes come, or have left. A stream has one reader, which is its writer, too."""
        self._waiter = waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout):
                await waiter
        except TimeoutError as error:
            raise late from error
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._came += data
        if len(self._came) >= MOST_READ and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._ended, self._failure = True, error
        self._wake()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake()
