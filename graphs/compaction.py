"""LangChain's messages, kept within a window by a plan that sticks; see `memory.compaction` for what that is.

Shared by the middleware and the node. What the graph has stored is never touched: what comes back are copies for the
model, and a plan to be kept in the graph's state.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.config import get_stream_writer

from ..compressors.chain import LIMIT_SECONDS
from ..compressors.ports import Compressor
from ..memory import blocks, inputs, llms, messages
from ..memory.compaction import Compaction, Report, dump, keys_of, load
from ..memory.service import DEFAULT_WINDOW, MemoryOps
from ..memory.window import HARD, RECENT, TARGET, TRIGGER, ContextWindow
from . import marks
from .context import seen
from .conversation import is_recalled, question_in

EVENT = "memoryops.compaction"
"""The type of the event that a compaction writes to the custom stream."""

PLAN_KEY = "memory_plan"
"""What part of a graph's state holds the plan."""

log = logging.getLogger(__name__)

Plan = dict[str, Any]
"""What is kept in the graph's state: plain values, see `memory.compaction.dump`."""


def latest(old: Plan, new: Plan) -> Plan:
    """Reducer of the plan: the newer one. Nodes that run at once may each write one, and either is right."""
    return new


@dataclass(frozen=True, slots=True)
class Shown:
    """What the model is to see: LangChain's *messages*.

    *plan*: to be kept in the state from now on; None where the one that was given still holds. An empty one is kept,
    too: by it a saver knows that it has nothing to do. *thread*: whose messages they are, if the run names one.
    """

    messages: list[Any]
    plan: Plan | None
    report: Report | None
    thread: str | None


class Compactor:
    """Keeps the messages of one memory's graphs within a window. Safe to use from several threads."""

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
        if max_tokens is not None:
            inputs.whole(max_tokens, "max_tokens", 1, 10**12)
        self.ops, self.max_tokens = ops, max_tokens
        self.reserve = inputs.whole(reserve, "reserve", 0, 10**12)
        patience = inputs.seconds(patience, "patience")
        self._shares = ContextWindow(max_tokens or 1, trigger, min(target, trigger), hard)
        chosen = compressor or ops.compressor
        self._compaction = Compaction(ops.items, self._shares, chosen, keep=keep, patience=patience)

    def window(self, model: BaseChatModel | None = None) -> ContextWindow:
        """The window: as given, else of *model*'s profile, else as configured, else of *model* by the table."""
        return replace(self._shares, max_tokens=self.max_tokens or _max_tokens(self.ops, model))

    def fit(
        self,
        given: Sequence[BaseMessage],
        plan: object = None,
        *,
        system: BaseMessage | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
        model: BaseChatModel | None = None,
    ) -> Shown:
        """*given* as they fit, by *plan* while that does; *system* and *tools* count and stay as they are.

        What a saver has shortened is taken for what it was.

        Raises `ContextOverflow`, `OriginalLost`, `Forbidden` or a `StoreError`; then nothing changed.
        """
        run = seen(self.ops)  # what is archived belongs to the run's user, who alone is to get it back
        given = [marks.whole(message, run.ops) for message in given]
        led = [system, *given] if system is not None else given
        conversation = conversation_of(led)
        keys = keys_of(conversation, [message.id for message in led])
        before = load(plan)
        compaction = self._compaction.within(self.window(model), run.ops.items)
        done = compaction.compact(conversation, keys, before, tools=tools, reserve=self.reserve, thread=run.thread)
        shown = [led[place] if text is None else with_text(led[place], text) for place, text in done.shown]
        changed = dump(done.sticky) if done.sticky != before or not plan else None
        return Shown(shown[1:] if system is not None else shown, changed, done.report, run.thread)


def conversation_of(given: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """*given* as it is planned. A block out of memory is no question: it stays like a system prompt while the question
    that it was recalled for is the last one, and makes room like a tool's result afterwards."""
    asked = question_in(given)
    found = [plain(message) for message in given]
    current = False
    for message, each in zip(given, found, strict=True):
        current = current or message is asked
        if is_recalled(message):
            each["role"] = "system" if current else "tool"
    return found


def plain(message: BaseMessage) -> dict[str, Any]:
    """*message* as it is counted: what a model is sent of it, tool calls in OpenAI's form."""
    found: dict[str, Any] = {"role": _role(message), "content": message.content, "name": message.name}
    if isinstance(message, AIMessage):
        written = _called(message.content)
        calls = [(each["id"], each["name"], _arguments(each["args"])) for each in message.tool_calls]
        calls += [(each["id"], each["name"] or "", each["args"] or "") for each in message.invalid_tool_calls]
        found["tool_calls"] = [
            {"type": "function", "id": id, "function": {"name": name, "arguments": arguments}}
            for id, name, arguments in calls
            if id is None or id not in written
        ]
    if isinstance(message, ToolMessage):
        found["tool_call_id"] = message.tool_call_id
    return found


def _called(content: str | list[Any]) -> set[Any]:
    """The ids of the calls that stand in *content* itself: they are sent once."""
    listed = [] if isinstance(content, str) else [block for block in content if blocks.is_call(block)]
    return {block.get(name) for block in listed for name in ("id", "call_id")}


def _arguments(args: object) -> str:
    return json.dumps(args, ensure_ascii=False, default=str)


def _role(message: BaseMessage) -> str:
    if isinstance(message, SystemMessage):
        return "system"
    if isinstance(message, AIMessage):
        return "assistant"
    if isinstance(message, ToolMessage | FunctionMessage):
        return "tool"
    if isinstance(message, ChatMessage):
        return messages.ROLES.get(message.role, "user")
    return "user"


def with_text(message: BaseMessage, text: str) -> BaseMessage:
    """A copy of *message* that says *text* instead of what makes room; its id, calls and all else are the same."""
    content = messages.with_text(plain(message), text)["content"]
    return message.model_copy(update={"content": content})


def schemas(tools: Sequence[Any]) -> list[dict[str, Any]]:
    """*tools* as the model is sent them: those that a provider brings are told to it by an object of its own form."""
    return [_schema(tool) for tool in tools]


def _schema(tool: Any) -> dict[str, Any]:
    try:
        return convert_to_openai_tool(tool)
    except ValueError:
        if not isinstance(tool, dict):
            raise
        return tool


def tell(shown: Shown) -> None:
    """Say what a compaction did: in the log, and to whoever streams the graph's `custom` events."""
    report = shown.report
    if report is None:
        return
    log_report(log, shown.thread, report)
    try:
        write = get_stream_writer()
    except RuntimeError:  # LangGraph's answer outside of a run: nobody streams it
        return
    write({"type": EVENT, **report.as_dict()})


def log_report(log: logging.Logger, thread: str | None, report: Report) -> None:
    """One line about a compaction; a warning where the first choice of compressor was not used."""
    log.log(
        logging.WARNING if report.reason else logging.INFO,
        "thread %s: %d of %d tokens shown, %d messages compressed by %s, %d as hints%s",
        thread,
        report.tokens_after,
        report.tokens_whole,
        report.compressed,
        report.compressor or "none",
        report.hinted,
        f" ({report.reason})" if report.reason else "",
    )


def profile_tokens(model: object) -> int | None:
    """The window of *model* (tokens), where its profile says so."""
    profile = getattr(model, "profile", None)
    most = profile.get("max_input_tokens") if isinstance(profile, Mapping) else None
    return most if isinstance(most, int) and most > 0 else None


def _max_tokens(ops: MemoryOps, model: BaseChatModel | None) -> int:
    most = profile_tokens(model)
    if most is not None:
        return most
    name = getattr(model, "model_name", None) or getattr(model, "model", None)
    if ops.window.max_tokens != DEFAULT_WINDOW or not isinstance(name, str):
        return ops.window.max_tokens
    return llms.find(name, llms.table(ops.models_file)).context_length
