"""A real HTTP server on loopback that speaks OpenAI's protocol: chat, streams, tools, errors, slow, cut off."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


@dataclass
class Seen:
    """A request as it arrived."""

    path: str
    query: str
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def texts(self) -> list[Any]:
        return [message["content"] for message in self.json["messages"]]


Script = Callable[[Seen], Response | Any]


def completion(text: str | None, **more: Any) -> dict[str, Any]:
    """A plain answer; *more* are fields of its message."""
    message = {"role": "assistant", "content": text, **more}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
        "x_unknown": {"kept": [1.50, None]},
    }


def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return f"data: {json.dumps(chunk)}\n\n".encode()


DONE = b"data: [DONE]\n\n"


@dataclass
class Upstream:
    """The server; *script* answers. *left*: set when a client has gone before the end of a stream."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    script: Script | None = None

    @staticmethod
    def obedient(seen: Seen) -> Response | Any:
        """Says what the last message says, or streams it word by word."""
        text = seen.json["messages"][-1]["content"]
        said = f"You said: {text if isinstance(text, str) else text[-1]['text']}"
        return Upstream.streamed(said.split(" ")) if seen.json.get("stream") else completion(said)

    @staticmethod
    def streamed(words: list[str], pause: float = 0.0) -> Response:
        async def events() -> AsyncIterator[bytes]:
            yield event({"role": "assistant", "content": ""})
            for number, word in enumerate(words):
                await asyncio.sleep(pause)
                yield event({"content": word if number == 0 else f" {word}"})
            yield event({}, "stop")
            yield DONE

        return StreamingResponse(events(), media_type="text/event-stream")

    def endless(self, first: bytes = b"") -> Response:
        """A stream that goes on until its client leaves."""

        async def events() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield first or event({"content": "x"})
                    await asyncio.sleep(0.02)
            finally:
                self.left.set()

        return StreamingResponse(events(), media_type="text/event-stream")

    async def answer(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        seen = Seen(request.scope["raw_path"].decode(), request.url.query, headers, await request.body())
        self.seen.append(seen)
        answer = (self.script or Upstream.obedient)(seen)
        if asyncio.iscoroutine(answer):
            answer = await answer
        return answer if isinstance(answer, Response) else JSONResponse(answer)


class CutOff(Response):
    """Sends a head and some bytes, and breaks off."""

    def __init__(self, head: bytes) -> None:
        super().__init__()
        self.sent = head

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"100000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.sent, "more_body": True})


@contextmanager
def running() -> Iterator[Upstream]:
    """An upstream that is up until the block ends."""
    upstream = Upstream()
    app = Starlette(routes=[Route("/{rest:path}", upstream.answer, methods=["GET", "POST"])])
    config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", lifespan="off", timeout_keep_alive=30)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        upstream.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield upstream
        finally:
            server.should_exit = server.force_exit = True
            thread.join(10)
