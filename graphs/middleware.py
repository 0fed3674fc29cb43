"""`MemoryMiddleware`: an agent of LangChain's `create_agent` never sends its model more than the window.

It works around the model call alone (`wrap_model_call`), because only there the whole prompt is known: system prompt,
tools and the model that is asked. A node before it would know the messages alone, cost a step of the recursion limit,
and leave other checkpoints than the same agent without memory does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, NotRequired

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
from langchain.agents.middleware.types import ExtendedModelResponse, PrivateStateAttr
from langchain.agents.structured_output import AutoStrategy, ProviderStrategy, ToolStrategy
from langgraph.types import Command

from ..compressors.chain import LIMIT_SECONDS
from ..compressors.ports import Compressor
from ..memory.service import MemoryOps
from ..memory.window import HARD, RECENT, TARGET, TRIGGER
from .compaction import PLAN_KEY, Compactor, Plan, Shown, latest, schemas, tell


class MemoryState(AgentState[Any]):
    """An agent's state with the plan of what its model is shown."""

    memory_plan: NotRequired[Annotated[Plan, PrivateStateAttr, latest]]


class MemoryMiddleware(AgentMiddleware[MemoryState, Any, Any]):
    """Keeps each model call within the window; what it replaces stays in the memory, and in the graph's own state.

        agent = create_agent(model, tools, middleware=[MemoryMiddleware(ops)])

    *max_tokens*: of the window (default: by the model's profile, else as *ops* is configured, else by the table of
    models). Above the share *trigger* of it, the oldest messages make room down to *target*, for the question that is
    being asked: compressed, or as one line; each with an id that retrieves the original. *keep*: how many of the latest
    steps (question, answer or round of tool calls) stay whole while the rest can make room. Nothing that is sent has
    more than the share *hard*: else `ContextOverflow` is raised. *reserve*: tokens to keep free beside that. The
    *compressor* (default: that of *ops*) is given up after *patience* seconds.

    Put it last: middleware behind it may add to a prompt that was counted already.
    """

    state_schema = MemoryState

    def __init__(
        self,
        ops: MemoryOps,
        max_tokens: int | None = None,
        *,
        trigger: float = TRIGGER,
        target: float = TARGET,
        keep: int = RECENT,
        hard: float = HARD,
        reserve: int = 0,
        compressor: Compressor | None = None,
        patience: float = LIMIT_SECONDS,
    ) -> None:
        super().__init__()
        self.tools = []
        self._compactor = Compactor(
            ops,
            max_tokens,
            trigger=trigger,
            target=target,
            keep=keep,
            hard=hard,
            reserve=reserve,
            compressor=compressor,
            patience=patience,
        )

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
        """Show the model what fits; the plan is kept together with its answer."""
        shown = self._shown(request)
        tell(shown)
        return _kept(handler(request.override(messages=shown.messages)), shown)

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
        """`wrap_model_call`, with the work in a thread."""
        shown = await asyncio.to_thread(self._shown, request)
        tell(shown)
        return _kept(await handler(request.override(messages=shown.messages)), shown)

    def _shown(self, request: ModelRequest[Any]) -> Shown:
        return self._compactor.fit(
            request.messages,
            request.state.get(PLAN_KEY),
            system=request.system_message,
            tools=schemas([*request.tools, *_answer_schemas(request.response_format)]),
            model=request.model,
        )


def _kept(response: ModelResponse[Any], shown: Shown) -> ModelResponse[Any] | ExtendedModelResponse[Any]:
    if shown.plan is None:
        return response
    return ExtendedModelResponse(response, Command(update={PLAN_KEY: shown.plan}))


def _answer_schemas(wanted: Any) -> list[dict[str, Any]]:
    """The schemas that the model is sent beside its tools, where its answer is to have a form."""
    if wanted is None:
        return []
    if isinstance(wanted, ProviderStrategy):
        specs = [wanted.schema_spec]
    else:
        schema = wanted.schema if isinstance(wanted, AutoStrategy) else wanted
        specs = (wanted if isinstance(wanted, ToolStrategy) else ToolStrategy(schema)).schema_specs
    return [{"title": spec.name, "description": spec.description, **spec.json_schema} for spec in specs]
