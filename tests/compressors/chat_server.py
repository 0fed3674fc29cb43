"""A server on loopback that speaks OpenAI's chat completions, and answers what a test's script says."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, object]
"""HTTP status and body: bytes as they are, everything else as JSON."""
Script = Callable[[dict[str, Any]], Reply]

_HANDED = re.compile(r"Limit: (\d+) words\.\n\n(=====text [0-9a-f]{24}=====)\n(.*)\n\2\Z", re.DOTALL)


def saying(text: object, finish: str = "stop") -> Reply:
    """A completion whose message is *text*."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return 200, {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}


def handed(body: dict[str, Any]) -> tuple[int, str]:
    """The limit (words) and the text that a request of ours hands over."""
    found = _HANDED.search(body["messages"][1]["content"])
    assert found is not None, body
    return int(found[1]), found[3]


def summarising(body: dict[str, Any]) -> Reply:
    """What an obedient model might do: the text's first words, as many as were asked for last."""
    words, text = handed(body)
    if again := re.search(r"at most (\d+) words", body["messages"][-1]["content"]):
        words = int(again[1])
    return saying(" ".join(text.split()[:words])[: 4 * words] or "Nothing.")


class ChatServer:
    """Records what it is asked; *script* answers."""

    def __init__(self) -> None:
        self.script: Script = summarising
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.bodies.append(body)
                outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                outer.paths.append(self.path)
                status, answer = outer.script(body)
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                return None

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    return  # a client that timed out has gone

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"

    @property
    def asked(self) -> int:
        return len(self.bodies)


@contextmanager
def running() -> Iterator[ChatServer]:
    """A server that is up until the block ends."""
    server = ChatServer()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        thread.join()
        server.http.server_close()
