"""Uvicorn's HTTP/1.1 protocol in C, with what it leaves out: a bound for heads, and RFC 9110 where it differs."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT = 64 * 1024
"""Bytes of a request's line and headers, and of what stands between the parts of a body in chunks."""


class HttpProtocol(HttpToolsProtocol):
    """Gives up a connection whose request has no end of its head, with status 400.

    A client's wish to speak another protocol is passed over, as is our right (RFC 9110, 7.8). The parser would take
    the body of such a request for the next request, whoever wrote it; so it is told the request without the wish.
    Trailers are no headers (6.5.1), and blanks behind a value are none of it (5.5).
    """

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self.parser = _Parser(self)
        self._unread = 0
        self._in_head = True
        self._again = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(cast("asyncio.Transport", _Joined(transport)))

    def data_received(self, data: bytes) -> None:
        self._unread += len(data)
        while data:
            self._again = b""
            super().data_received(data)
            data = self._again
        if self._unread > HEAD_LIMIT and not self.transport.is_closing():
            self.send_400_response(f"The head of the request has more than {HEAD_LIMIT} bytes.")

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        self._unread = 0
        self._in_head = False
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unread = 0
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def stay(self, rest: bytes) -> None:
        """Read the request anew whose head asks for another protocol, with the *rest* of what came behind it."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            raise httptools.HttpParserInvalidMethodError("CONNECT is for proxies")
        line = b"%s %s HTTP/%s" % (method, self.url, self.parser.get_http_version().encode("ascii"))
        headers = [b"%s: %s" % pair for pair in self.headers if pair[0] != b"upgrade"]
        self._again = b"\r\n".join([line, *headers, b"", rest])
        self.parser = _Parser(self)


class _Joined:
    """*transport*, but what is written in one turn of the event loop leaves as one: uvicorn writes the head of a reply
    by itself, and a client who wakes up for that goes to sleep again until the body comes."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._waiting: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._leave)
        self._waiting.append(data)

    def close(self) -> None:
        self._leave()
        self._transport.close()

    def _leave(self) -> None:
        waiting, self._waiting = b"".join(self._waiting), []
        if waiting and not self._transport.is_closing():  # else the client has gone since
            self._transport.write(waiting)


class _Parser(httptools.HttpRequestParser):
    """Leaves to its *protocol* what stands behind a head that asks for another protocol."""

    def __init__(self, protocol: HttpProtocol) -> None:
        super().__init__(protocol)
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self._protocol = protocol

    def feed_data(self, data: Any) -> None:
        try:
            super().feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._protocol.stay(data[upgrade.args[0] :])
