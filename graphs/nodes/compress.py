"""`make_compress_node`: a node that says what the model is to see, for graphs written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, convert_to_messages

from ...compressors.chain import LIMIT_SECONDS
from ...compressors.ports import Compressor
from ...memory.errors import InvalidInput
from ...memory.service import MemoryOps
from ...memory.window import HARD, RECENT, TARGET, TRIGGER
from ..compaction import PLAN_KEY, Compactor, Plan, latest, schemas, tell


class CompressNode(Protocol):
    """A node as `StateGraph.add_node` takes it."""

    def __call__(self, state: Any) -> dict[str, Any]: ...


def make_compress_node(
    ops: MemoryOps,
    max_tokens: int | None = None,
    *,
    model: BaseChatModel | None = None,
    tools: Sequence[Any] = (),
    input_messages_key: str = "messages",
    output_messages_key: str = "llm_input_messages",
    plan_key: str = PLAN_KEY,
    trigger: float = TRIGGER,
    target: float = TARGET,
    keep: int = RECENT,
    hard: float = HARD,
    reserve: int = 0,
    compressor: Compressor | None = None,
    patience: float = LIMIT_SECONDS,
) -> CompressNode:
    """A node for right before the model: it writes to *output_messages_key* the messages that fit the window.

        graph.add_node("compress", make_compress_node(ops, 128_000))

    The messages under *input_messages_key* stay as they are; writing over them is refused. The node brings its own keys
    into the graph's state: that of its output, and *plan_key*, which makes the next call show the same. *model* and
    *tools*: what the messages are for; the model's profile is the window where *max_tokens* is not given, and the
    schemas of the tools count. A system prompt that is not among the messages belongs into *reserve*. The rest as in
    `MemoryMiddleware`. Runs in async graphs, too, in a thread.
    """
    if len({input_messages_key, output_messages_key, plan_key}) < 3:
        raise InvalidInput(
            f"the node reads {input_messages_key!r} and writes {output_messages_key!r} and {plan_key!r}; give three "
            "different keys, so that no message of the state is lost"
        )
    compactor = Compactor(
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
    sent = schemas(tools)

    def compress(state: Mapping[str, Any]) -> dict[str, Any]:
        given = convert_to_messages(state.get(input_messages_key) or [])
        shown = compactor.fit(given, state.get(plan_key), tools=sent, model=model)
        tell(shown)
        made = {} if shown.plan is None else {plan_key: shown.plan}
        return {output_messages_key: shown.messages, **made}

    # LangGraph reads from a node's first argument which keys it needs, and adds those that the state lacks.
    keys: dict[str, Any] = {
        input_messages_key: list[AnyMessage],
        output_messages_key: list[AnyMessage],
        plan_key: Annotated[Plan, latest],
    }
    compress.__annotations__ = {"state": TypedDict("CompressState", keys)}  # type: ignore[operator]  # keys by name
    return compress
