"""Uvicorn's HTTP/1.1 protocol in C, with a bound: it would keep as much of a request's head as is sent."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT = 64 * 1024
"""Bytes of a request's line and headers, and of what stands between the parts of a body in chunks."""


class HttpProtocol(HttpToolsProtocol):
    """Gives up a connection whose request has no end of its head, with status 400."""

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        self._unread = 0

    def data_received(self, data: bytes) -> None:
        self._unread += len(data)
        super().data_received(data)
        if self._unread > HEAD_LIMIT and not self.transport.is_closing():
            self.send_400_response(f"The head of the request has more than {HEAD_LIMIT} bytes.")

    def on_headers_complete(self) -> None:
        self._unread = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unread = 0
        super().on_message_complete()
