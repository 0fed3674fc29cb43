"""One request to a model and what became of it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from ...compressors import tokens
from ...memory.llms import Llm
from ...memory.scope import Scope
from ..http.caller import Caller
from .account import Shown
from .answers import Answer, read
from .body import Body
from .client import Reply
from .headers import Headers, value_of
from .relay import Copy
from .upstreams import Route

GONE = 499
"""The status of a request whose caller left before there was one."""


@dataclass(slots=True)
class Exchange:
    """*llm*: the model by the table of windows and prices, if that is *known*. *counting*: what the request takes, once
    that is counted. *scope*: whose memory has a part in it, None if none has.

    *status*: that of the reply. *answer*: what the reply said, once it was read.
    """

    caller: Caller
    body: Body
    route: Route
    llm: Llm
    llm_known: bool
    headers: Headers
    started: float = field(default_factory=time.perf_counter)
    counting: asyncio.Future[Shown] | None = None
    status: int = GONE
    reply: Reply | None = None
    copy: Copy = field(default_factory=Copy)
    answer: Answer | None = None
    tokens_out: int = 0
    scope: Scope | None = None
    request_id: str = ""
    connection: HTTPConnection | None = None

    @property
    def is_stream(self) -> bool:
        """Whether the reply is an event stream."""
        return self._reply_header(b"content-type").startswith("text/event-stream")

    def read(self) -> Answer:
        """What the reply said, as far as it came; its tokens are counted where the provider does not."""
        if self.answer is None:
            coding = self._reply_header(b"content-encoding").lower()
            good = self.reply is not None and self.reply.status < 300
            answer = read(self.copy.data, self._reply_header(b"content-type"), coding) if good else Answer()
            self.tokens_out = tokens.count(answer.text) if answer.tokens_out is None and answer.text else 0
            self.answer = answer
            self.copy.chunks = []  # what waits to be remembered waits without the bytes
        return self.answer

    def spent(self, shown: Shown) -> tuple[int, int]:
        """The tokens in and out: as the provider counted or, where it does not say, as we do. Before the reply is
        read, nothing is known of what came out."""
        answer = self.answer or Answer()
        given = shown.after if answer.tokens_in is None else answer.tokens_in
        return given, self.tokens_out if answer.tokens_out is None else answer.tokens_out

    def _reply_header(self, name: bytes) -> str:
        return value_of(self.reply.headers, name) if self.reply is not None else ""
