"""Asking a person: through the client's own form where it has one, else by waiting for an answer from elsewhere.

The newer protocol (2026-07-28) carries the form in the tool's result, and the client calls again with what the
person filled in; the older one asks in the middle of the call. Either way the question is stored first, and
whatever happens to the call, it stays pending until a person has answered.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from mcp.server.subscriptions import ResourceUpdated, ServerEvent
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import is_version_at_least

from ..compressors import tokens
from ..memory.conditions import timestamp
from .errors import DOMAIN
from .notices import HIL, Notices
from .runtime import Runtime

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context

    from ..memory.hil import HilRequest

log = logging.getLogger(__name__)

FORM_IN_RESULT = "2026-07-28"
"""The first protocol version whose results carry forms."""
FORM = "answer"
LOOK_SECONDS = 5.0
"""How often a wait looks by itself, should a notice get lost."""
BEAT_SECONDS = 10.0
"""How often a call that waits for a form says that it lives."""
CONTEXT_TOKENS = 1000

ASKED = {
    "pending": "no answer yet, which is no yes; look again with hil_list",
    "declined": "the person declined to answer, which is no yes",
    "expired": "nobody answered in time, which is no yes",
}
"""What an agent is told beside a status."""


class Asking:
    """How this process asks persons."""

    def __init__(self, runtime: Runtime, notices: Notices, elicitation: bool = True) -> None:
        self.runtime, self.notices, self.elicitation = runtime, notices, elicitation

    def can_elicit(self, ctx: Context[Any, Any]) -> bool:
        """Whether the client can show a form to a person, and may be asked to."""
        capabilities = ctx.client_capabilities
        elicitation = capabilities.elicitation if capabilities is not None else None
        if elicitation is None or not self.elicitation:
            return False
        return elicitation.form is not None or elicitation.url is None  # neither named: a form, as before modes

    async def elicit(self, ctx: Context[Any, Any], request: HilRequest) -> HilRequest | InputRequiredResult:
        """Show the form: in the result, for the client to call again with, or here and now."""
        form = _form(request)
        version = ctx.protocol_version
        if version is not None and is_version_at_least(version, FORM_IN_RESULT):
            return InputRequiredResult(input_requests={FORM: ElicitRequest(params=form)}, request_state=request.id)
        return await self._in_the_call(ctx, request, form)

    async def resume(self, ctx: Context[Any, Any]) -> HilRequest:
        """The request whose form came back with this call, settled by what the person filled in."""
        assert ctx.request_state is not None
        request = await self._get(ctx.request_state)
        filled = (ctx.input_responses or {}).get(FORM)
        return await self._settle(ctx, request, filled if isinstance(filled, ElicitResult) else None)

    async def until_settled(self, request: HilRequest, seconds: float) -> HilRequest:
        """The request once it is not pending any more, or as it is after *seconds*. Holds no thread."""
        deadline = time.monotonic() + seconds
        changed = anyio.Event()
        uri = f"{HIL}{request.id}"

        def listener(event: ServerEvent) -> None:
            if isinstance(event, ResourceUpdated) and event.uri == uri:
                changed.set()

        unsubscribe = self.notices.subscribe(listener)
        try:
            with anyio.move_on_after(seconds):
                await self.notices.begun()
            while True:
                request = await self._get(request.id)
                remaining = deadline - time.monotonic()
                if request.status != "pending" or remaining <= 0:
                    return request
                with anyio.move_on_after(min(remaining, LOOK_SECONDS, _until_due(request))):
                    await changed.wait()
                changed = anyio.Event()
        finally:
            unsubscribe()

    async def _in_the_call(
        self, ctx: Context[Any, Any], request: HilRequest, form: ElicitRequestFormParams
    ) -> HilRequest:
        """Ask now, and stop asking when the question is settled elsewhere or expires."""
        filled: ElicitResult | None = None
        settled: HilRequest | None = None

        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                nonlocal filled
                try:
                    filled = await ctx.session.elicit_form(form.message, form.requested_schema, ctx.request_id)
                except MCPError as error:
                    log.info("the client did not show the form", extra={"code": error.error.code})
                tasks.cancel_scope.cancel()

            async def look() -> None:
                nonlocal settled
                while settled is None:
                    found = await self.until_settled(request, BEAT_SECONDS)
                    settled = found if found.status != "pending" else None
                    await ctx.report_progress(time.monotonic() - started, None, "waiting for the person")
                tasks.cancel_scope.cancel()

            started = time.monotonic()
            tasks.start_soon(ask)
            tasks.start_soon(look)

        return settled or await self._settle(ctx, await self._get(request.id), filled)

    async def _settle(self, ctx: Context[Any, Any], request: HilRequest, filled: ElicitResult | None) -> HilRequest:
        """Store what the person did with the form. One that was closed, or filled in wrong, leaves it pending."""
        if filled is None or filled.action == "cancel" or request.status != "pending":
            return request
        ops = self.runtime.ops()
        person = ops.with_scope(replace(ops.scope, role="human")).hil
        client = ctx.session.client_params
        by = f"a person at {client.client_info.name}"[:200] if client is not None else "a person"
        content = filled.content or {}
        answer, comment = content.get("answer"), content.get("comment") or None
        try:
            if filled.action == "decline":
                return await anyio.to_thread.run_sync(partial(person.decline, request.id, by=by))
            answered = partial(person.answer, request.id, answer, comment=comment, by=by)  # type: ignore[arg-type]
            return await anyio.to_thread.run_sync(answered)
        except DOMAIN as error:
            log.info("a form was not taken", extra={"error": type(error).__name__})
            return await self._get(request.id)

    async def _get(self, id: str) -> HilRequest:
        return await anyio.to_thread.run_sync(lambda: self.runtime.ops().hil.get(id))


def _until_due(request: HilRequest) -> float:
    if request.due_at is None:
        return LOOK_SECONDS
    return max(0.05, timestamp(request.due_at, "due_at") - time.time())


def _form(request: HilRequest) -> ElicitRequestFormParams:
    """The form that a client shows: the question, what it is about, the answers to choose from."""
    context = tokens.clip(request.context, CONTEXT_TOKENS)
    more = " …" if len(context) < len(request.context) else ""
    asks = f"{request.agent or 'An agent'} asks: {request.question}"
    answer: dict[str, Any] = {"type": "string", "title": "Answer"}
    if request.options:
        answer["enum"] = list(request.options)
    return ElicitRequestFormParams(
        message=f"{asks}\n\n{context}{more}" if context else asks,
        requested_schema={
            "type": "object",
            "properties": {"answer": answer, "comment": {"type": "string", "title": "Comment (optional)"}},
            "required": ["answer"],
        },
    )
