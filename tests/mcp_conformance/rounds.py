"""Tools and a prompt that answer with questions, as the protocol of 2026-07-28 has it, and what else it asks of tools.

A server of that protocol never calls its client. A call that needs something from it ends with the questions and a
state; the client calls again with the answers and that state, which the SDK seals so that nobody can change it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts import Prompt
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
)
from pydantic import Field

from memoryops.mcp_server.protocol import MemoryServer

Ctx = Context[Any, Any]
Asked = str | InputRequiredResult


def form(message: str, field: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(question: str) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(type="text", text=question))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=100))


def ask(requests: Mapping[str, InputRequest], state: str | None = None) -> InputRequiredResult:
    return InputRequiredResult(input_requests=dict(requests), request_state=state)


def answered(ctx: Ctx, *names: str) -> bool:
    """Whether the call brings answers to all of *names*."""
    return set(names) <= set(ctx.input_responses or {})


def filled(ctx: Ctx, name: str, field: str) -> Any:
    """What was entered for *field* of the form *name*."""
    answer = (ctx.input_responses or {})[name]
    return answer.content.get(field) if isinstance(answer, ElicitResult) and answer.content else None


async def elicitation(ctx: Ctx) -> Asked:
    """Asks a person."""
    if answered(ctx, "user_name"):
        return f"Hello, {filled(ctx, 'user_name', 'name')}!"
    return ask({"user_name": form("What is your name?", "name")})


async def sampling(ctx: Ctx) -> Asked:
    """Asks the client's model."""
    if answered(ctx, "capital_question"):
        return "The model has said it."
    return ask({"capital_question": sample("What is the capital of France?")})


async def list_roots(ctx: Ctx) -> Asked:
    """Asks for the client's folders."""
    if answered(ctx, "client_roots"):
        return "The folders are known."
    return ask({"client_roots": ListRootsRequest()})


async def request_state(ctx: Ctx) -> Asked:
    """Wants its state back."""
    if answered(ctx, "confirm") and ctx.request_state == "nonce":
        return "state-ok"
    return ask({"confirm": form("Please confirm", "ok", "boolean")}, "nonce")


async def multiple_inputs(ctx: Ctx) -> Asked:
    """Asks three things at once."""
    if answered(ctx, "user_name", "greeting", "client_roots"):
        return "All inputs received."
    requests: dict[str, InputRequest] = {
        "user_name": form("What is your name?", "name"),
        "greeting": sample("Generate a greeting"),
        "client_roots": ListRootsRequest(),
    }
    return ask(requests, "multiple-inputs")


async def multi_round(ctx: Ctx) -> Asked:
    """Asks twice, one after the other."""
    state: dict[str, Any] = json.loads(ctx.request_state or '{"round": 0}')
    if state["round"] == 1 and answered(ctx, "step1"):
        told = {"round": 2, "name": filled(ctx, "step1", "name")}
        return ask({"step2": form("Step 2: What is your favorite color?", "color")}, json.dumps(told))
    if state["round"] == 2 and answered(ctx, "step2"):
        return f"{state['name']} likes {filled(ctx, 'step2', 'color')}."
    return ask({"step1": form("Step 1: What is your name?", "name")}, json.dumps({"round": 1}))


async def tampered_state(ctx: Ctx) -> Asked:
    """Has a state, which the suite changes."""
    if ctx.request_state is None:
        return ask({"confirm": form("Please confirm", "ok", "boolean")}, "round-1")
    return f"state-ok: {ctx.request_state}"


async def capabilities(ctx: Ctx) -> InputRequiredResult:
    """Asks only what the client says that it can answer."""
    able = ctx.client_capabilities
    requests: dict[str, InputRequest] = {}
    if able is None or able.sampling is not None:
        requests["sample"] = sample("Say hello")
    if able is None or able.elicitation is not None:
        requests["ask"] = form("What is your name?", "name")
    return ask(requests, "capability-gated")


async def prompt(ctx: Ctx) -> str | InputRequiredResult:
    """A prompt that asks a person first."""
    if answered(ctx, "user_context"):
        return f"Use the following context: {filled(ctx, 'user_context', 'context')}"
    return ask({"user_context": form("What context should the prompt use?", "context")})


async def missing_capability(ctx: Ctx) -> str:
    """Cannot do without the client's model."""
    able = ctx.session.client_capabilities
    if able is None or able.sampling is None:
        raise MCPError(
            code=MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="this tool needs the client's capability 'sampling'",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return "The client can sample."


async def logging_tool(ctx: Ctx) -> str:
    """Logs, to clients that want to hear of it."""
    await ctx.info("Working")
    return "logged"


async def streaming_elicitation(ctx: Ctx) -> Asked:
    """Reports progress, then asks a person."""
    await ctx.report_progress(50, 100)
    return ask({"user_name": form("What is your name?", "name")})


def x_mcp_header(
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "<none>",
) -> str:
    """Takes an argument that is repeated in a header."""
    return f"region={region}"


def passing() -> str:
    """Comes and goes."""
    return "here"


ROUNDS = (
    elicitation,
    sampling,
    list_roots,
    request_state,
    multiple_inputs,
    multi_round,
    tampered_state,
    capabilities,
)


def add_rounds(server: MemoryServer) -> None:
    """What the suite calls by name at 2026-07-28."""

    async def trigger_tool_change(ctx: Ctx) -> str:
        """Changes the list of tools and says so."""
        server.add_tool(passing, name="test_passing")
        server.remove_tool("test_passing")
        await ctx.notify_tools_changed()
        return "changed"

    async def trigger_prompt_change(ctx: Ctx) -> str:
        """Changes the list of prompts and says so."""
        server.add_prompt(Prompt.from_function(passing, name="test_passing"))
        server.remove_prompt("test_passing")
        await ctx.notify_prompts_changed()
        return "changed"

    for tool in ROUNDS:
        server.add_tool(tool, name=f"test_input_required_result_{tool.__name__}")
    others = (logging_tool, streaming_elicitation, missing_capability, x_mcp_header)
    for each in (*others, trigger_tool_change, trigger_prompt_change):
        server.add_tool(each, name=f"test_{each.__name__}")
    server.add_prompt(Prompt.from_function(prompt, name="test_input_required_result_prompt"))
