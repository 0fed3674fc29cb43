"""An agent with a memory: LangChain's `create_agent` with what recalls, remembers, and keeps the window."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, NotRequired

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
from langchain.agents.middleware.types import PrivateStateAttr
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from ..memory.service import MemoryOps
from .compaction import profile_tokens
from .context import MemoryContext, seen
from .conversation import question_in, tell_refused, turns_of
from .middleware import MemoryMiddleware
from .recalling import Recalling, as_message
from .tools.memory import create_manage_memory_tool, create_search_memory_tool


class RecallState(AgentState[Any]):
    """The agent's state with what was recalled for its question; part of neither its input nor its output."""

    memoryops_recalled: NotRequired[Annotated[dict[str, Any] | None, PrivateStateAttr]]
    """The block's fields: a message would be streamed to whoever is shown the run's messages."""


class RecallMiddleware(AgentMiddleware[Any, Any, Any]):
    """Puts what fits the question before the model, and keeps what was said, each message once.

    The recalled block stands after the question in what the model is sent, not in the conversation. It is made once for
    each question, so that the prompt's prefix stays the same while tools are called.
    """

    state_schema = RecallState

    def __init__(
        self, ops: MemoryOps, *, recalling: Recalling | None = None, recall: bool = True, remember: bool = True
    ) -> None:
        super().__init__()
        self.ops, self.recalling = ops, recalling or Recalling()
        self.recall, self.remember = recall, remember

    def before_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Recall for the question that the run begins with."""
        if not self.recall:
            return None
        messages = state["messages"]
        working = self.recalling.working_set(self.ops, messages)
        if working is None or not working.text:
            return {"memoryops_recalled": None}
        block = as_message(working, question_in(messages))
        return {"memoryops_recalled": block.model_dump(include={"content", "id", "response_metadata"})}

    async def abefore_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:
        return await asyncio.to_thread(self.before_agent, state, runtime)

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Send the model what was recalled."""
        return handler(_with_recalled(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        return await handler(_with_recalled(request))

    def after_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Remember what was said."""
        if self.remember:
            run = seen(self.ops)
            tell_refused(run.ops.turns.keep(turns_of(state["messages"]), thread=run.thread), run.thread)
        return None

    async def aafter_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:
        return await asyncio.to_thread(self.after_agent, state, runtime)


def _with_recalled(request: ModelRequest[Any]) -> ModelRequest[Any]:
    state: Any = request.state
    block: dict[str, Any] | None = state.get("memoryops_recalled")
    question = question_in(request.messages)
    if block is None or question is None:
        return request
    place = next(n for n, each in enumerate(request.messages) if each is question) + 1
    messages: list[AnyMessage] = [*request.messages[:place], HumanMessage(**block), *request.messages[place:]]
    return request.override(messages=messages)


def create_memory_agent(
    model: str | BaseChatModel,
    tools: Sequence[Any] = (),
    *,
    ops: MemoryOps,
    recall: bool | Recalling = True,
    remember: bool = True,
    manage: bool = True,
    max_tokens: int | None = None,
    middleware: Sequence[AgentMiddleware[Any, Any, Any]] = (),
    context_schema: type[Any] = MemoryContext,
    **more: Any,
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """LangChain's agent over the memory *ops*: `create_memory_agent("openai:gpt-5", [weather], ops=ops)`.

    It recalls what fits the question before the model answers (*recall*; a `Recalling` says how much), keeps what was
    said afterwards (*remember*), has `search_memory` and, with *manage*, `manage_memory` beside *tools*, and sends the
    model no more than its window (*max_tokens*, else the model's own). *middleware* of yours runs around that; *more*
    is `create_agent`'s: system_prompt, checkpointer, store, response_format, name.
    """
    own = [create_search_memory_tool(ops), *([create_manage_memory_tool(ops)] if manage else [])]
    recalling = recall if isinstance(recall, Recalling) else Recalling(window=max_tokens or profile_tokens(model))
    around = RecallMiddleware(ops, recalling=recalling, recall=bool(recall), remember=remember)
    return create_agent(
        model,
        [*tools, *own],
        middleware=[*middleware, around, MemoryMiddleware(ops, max_tokens=max_tokens)],
        context_schema=context_schema,
        **more,
    )
