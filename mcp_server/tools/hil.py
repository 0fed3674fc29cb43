"""The tools for questions to a person. A question is durable before anybody is asked; nothing is ever assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import anyio.to_thread
from mcp.server.mcpserver import Context
from mcp_types import InputRequiredResult
from pydantic import Field

from ...memory.errors import InvalidInput
from ..asking import ASKED, Asking
from ..notices import Notices
from ..runtime import Runtime
from .results import FIELD_TOKENS, FULL_TOKENS, Result, cut, few, fitting, small

if TYPE_CHECKING:
    from ...memory.hil import HilPage, HilRequest

LONGEST_WAIT = 45.0
"""Seconds; clients give up on a call after about a minute."""

Status = Literal["pending", "answered", "declined", "expired"]
Wait = Annotated[float, Field(ge=0, le=LONGEST_WAIT, description="seconds to wait for the answer, up to 45")]

_NO_OPTIONS: list[str] = []


class HilResult(Result):
    id: str
    question: str
    options: list[str] = []
    context: str = ""
    status: Status
    answer: str | None = None
    comment: str | None = None
    answered_by: str | None = None
    answered_at: str | None = None
    agent: str | None = None
    thread: str | None = None
    metadata: dict[str, Any] = {}
    created_at: str
    due_at: str | None = None
    note: str = ""
    left_out: list[str] = []


class HilListResult(Result):
    requests: list[HilResult]
    next_cursor: str | None = None


class HilTools:
    """The tools for questions to a person, over one memory."""

    def __init__(self, runtime: Runtime, notices: Notices, elicitation: bool) -> None:
        self.runtime = runtime
        self.asking = Asking(runtime, notices, elicitation)

    async def hil_request(
        self,
        ctx: Context[Any, Any],
        question: str,
        options: Annotated[list[str], Field(description="answers to choose from; none: any text")] = _NO_OPTIONS,
        context: Annotated[str, Field(description="what the person must know to decide")] = "",
        timeout: Annotated[float | None, Field(gt=0, description="seconds until it expires unanswered")] = None,
        wait: Wait = 0,
        thread: str | None = None,
        idempotency_key: str | None = None,
    ) -> HilResult | InputRequiredResult:
        """Ask a person before anything risky, costly or not yours to decide. pending is no yes: do other work and
        look again with hil_list."""
        if ctx.request_state is not None:
            return _request(*await self.asking.resume(ctx), full=True)

        def request() -> HilRequest:
            return self.runtime.ops().hil.request(
                question,
                options=options,
                context=context,
                timeout=timeout,
                thread=thread,
                idempotency_key=idempotency_key,
            )

        made = await anyio.to_thread.run_sync(request)
        if made.status == "pending" and self.asking.can_elicit(ctx):
            asked = await self.asking.elicit(ctx, made, wait)
            return asked if isinstance(asked, InputRequiredResult) else _request(*asked, full=True)
        if made.status == "pending" and wait:
            made = await self.asking.until_settled(made, wait)
        return _request(made, full=True)

    async def hil_list(
        self,
        id: Annotated[str | None, Field(description="one question, in full")] = None,
        wait: Wait = 0,
        status: Status | None = None,
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        cursor: str | None = None,
    ) -> HilListResult:
        """Questions to a person and their answers, newest first. With id and wait: wait for that answer."""
        if id is not None:
            known = id
            found = await anyio.to_thread.run_sync(lambda: self.runtime.ops().hil.get(known))
            if wait and found.status == "pending":
                found = await self.asking.until_settled(found, wait)
            return HilListResult(requests=[_request(found, full=True)])
        if wait:
            raise InvalidInput("wait needs the id of one question")

        def read() -> HilListResult:
            hil = self.runtime.ops().hil

            def fetch(most: int) -> HilPage:
                return hil.list(status=status, limit=most, cursor=cursor)

            shown, next_cursor = fitting(fetch, lambda page: page.requests, _request, limit)
            return HilListResult(requests=shown, next_cursor=next_cursor)

        return await anyio.to_thread.run_sync(read)

    def hil_answer(
        self,
        id: str,
        answer: Annotated[str | None, Field(description="absent: the person declines")] = None,
        comment: str | None = None,
    ) -> HilResult:
        """Give the person's own answer to a question; never answer in their place."""
        hil = self.runtime.ops().hil
        if answer is None:
            return _request(hil.decline(id, comment=comment))
        return _request(hil.answer(id, answer, comment=comment))


def _request(request: HilRequest, note: str = "", full: bool = False) -> HilResult:
    left_out: list[str] = []
    most = FULL_TOKENS if full else FIELD_TOKENS
    return HilResult(
        id=request.id,
        question=cut(request.question, left_out, "question", most) or "",
        options=few(request.options, left_out, "options", FULL_TOKENS),
        context=cut(request.context, left_out, "context", most) or "",
        status=request.status,
        answer=cut(request.answer, left_out, "answer", most),
        comment=cut(request.comment, left_out, "comment", most),
        answered_by=request.answered_by,
        answered_at=request.answered_at,
        agent=request.agent,
        thread=request.thread,
        metadata=small(request.metadata, left_out, most),
        created_at=request.created_at,
        due_at=request.due_at,
        note="; ".join(filter(None, (note, ASKED.get(request.status, "")))),
        left_out=left_out,
    )
