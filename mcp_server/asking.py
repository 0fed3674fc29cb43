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
from mcp.server.request_state import AESGCMRequestStateCodec
from mcp.server.subscriptions import ResourceUpdated, ServerEvent
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import is_version_at_least
from pydantic import ValidationError

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
FORM_SECONDS = 50.0
"""How long a form stays open in the middle of a call; clients give up on a call after about a minute."""
FORM_DAYS = 30
"""How long a form in a result may stay open."""
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

    async def elicit(
        self, ctx: Context[Any, Any], request: HilRequest, wait: float
    ) -> tuple[HilRequest, str] | InputRequiredResult:
        """Show the form: in the result, for the client to call again with, or here and now, for `FORM_SECONDS`."""
        form = _form(request)
        version = ctx.protocol_version
        if version is not None and is_version_at_least(version, FORM_IN_RESULT):
            return InputRequiredResult(input_requests={FORM: ElicitRequest(params=form)}, request_state=request.id)
        return await self._in_the_call(ctx, request, form, max(wait, FORM_SECONDS))

    async def resume(self, ctx: Context[Any, Any]) -> tuple[HilRequest, str]:
        """The request whose form came back with this call, settled by what was filled in, and a note on that."""
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
            if self.notices.ending or (isinstance(event, ResourceUpdated) and event.uri == uri):
                changed.set()

        unsubscribe = self.notices.subscribe(listener)
        try:
            with anyio.move_on_after(seconds):
                await self.notices.begun()
            while True:
                request = await self._get(request.id)
                remaining = deadline - time.monotonic()
                if request.status != "pending" or remaining <= 0 or self.notices.ending:
                    return request
                with anyio.move_on_after(min(remaining, LOOK_SECONDS, _until_due(request))):
                    await changed.wait()
                changed = anyio.Event()
        finally:
            unsubscribe()

    async def _in_the_call(
        self, ctx: Context[Any, Any], request: HilRequest, form: ElicitRequestFormParams, seconds: float
    ) -> tuple[HilRequest, str]:
        """Ask now, for *seconds*; stop when the question is settled elsewhere or expires, or the server stops."""
        filled: ElicitResult | None = None
        refused = ""

        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                nonlocal filled, refused
                try:
                    filled = await ctx.session.elicit_form(form.message, form.requested_schema, ctx.request_id)
                except MCPError as error:
                    log.info("the client did not show the form", extra={"code": error.error.code})
                except ValidationError:
                    refused = "the client's answer to the form was malformed"
                tasks.cancel_scope.cancel()

            async def look() -> None:
                deadline = started + seconds
                while (remaining := deadline - time.monotonic()) > 0:
                    found = await self.until_settled(request, min(remaining, BEAT_SECONDS))
                    if found.status != "pending" or self.notices.ending:
                        break
                    await ctx.report_progress(time.monotonic() - started, None, "waiting for the person")
                tasks.cancel_scope.cancel()

            started = time.monotonic()
            tasks.start_soon(ask)
            tasks.start_soon(look)

        current, note = await self._settle(ctx, await self._get(request.id), filled)
        return current, note or refused

    async def _settle(
        self, ctx: Context[Any, Any], request: HilRequest, filled: ElicitResult | None
    ) -> tuple[HilRequest, str]:
        """Store what was done with the form. One that was closed, or filled in wrong, leaves it pending: the note
        says so."""
        if request.status != "pending":
            return request, ""
        if filled is None or filled.action == "cancel":
            return request, "the form was closed without an answer" if filled is not None else ""
        ops = self.runtime.ops()
        person = ops.with_scope(replace(ops.scope, role="human")).hil
        client = ctx.session.client_params
        by = f"a form shown by the client {client.client_info.name if client is not None else 'of the agent'}"[:200]
        content = filled.content or {}
        answer, comment = content.get("answer"), content.get("comment") or None
        try:
            if filled.action == "decline":
                return await anyio.to_thread.run_sync(partial(person.decline, request.id, by=by)), ""
            answered = partial(person.answer, request.id, answer, comment=comment, by=by)  # type: ignore[arg-type]
            return await anyio.to_thread.run_sync(answered), ""
        except DOMAIN as error:
            return await self._get(request.id), f"what was filled in was not taken: {error}"[:500]

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


class FormSeal:
    """Seals what a form carries, with the workspace's own key: a form outlives this process, and no other workspace's
    forms are taken. The SDK's `RequestStateCodec`."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._codecs: dict[str, AESGCMRequestStateCodec] = {}

    def seal(self, payload: bytes) -> str:
        return self._opened().seal(payload)

    def unseal(self, token: str) -> bytes:
        return self._opened().unseal(token)

    def _opened(self) -> AESGCMRequestStateCodec:
        ops = self.runtime.ops()
        workspace = ops.scope.workspace
        if workspace not in self._codecs:
            self._codecs[workspace] = AESGCMRequestStateCodec([ops.hil.form_key()])
        return self._codecs[workspace]
