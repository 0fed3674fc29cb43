"""The node that sets suspicious content apart before a model reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.graph import END
from langgraph.types import Command

from ...memory.screening import screen
from ...memory.service import MemoryOps
from ..context import Seen, seen
from ..conversation import messages_in, text_of, was_put_in
from .node import Node

Check = Callable[[str], Sequence[str]]


def screening(text: str) -> list[str]:
    """Why screening flags *text* (secrets, and what tries to steer an agent), in short lines."""
    return list(dict.fromkeys(finding.reason for finding in screen(text).findings))


def make_quarantine_gate(
    ops: MemoryOps,
    *,
    passed: str = "model",
    held: str = END,
    check: Check = screening,
    messages_key: str = "messages",
) -> Node:
    """A node that looks at what came in since the model's last answer: people's messages and tool results.

    What *check(text)* gives reasons against goes into quarantine, and a line with its id takes its place in the state,
    under the same message and call ids. The graph goes on to *passed*, or, if anything was held, to *held*. Raises
    `InvalidInput` or a `StoreError`; what cannot be set apart is not let through.
    """

    def gate(state: Any) -> Command[Any]:
        run = seen(ops)
        stubs = [
            _stub(each, _held(run, each, reasons), reasons)
            for each in _incoming(messages_in(state, messages_key))
            if (reasons := _reasons(check(text_of(each))))
        ]
        if not stubs:
            return Command(goto=passed)
        return Command(update={messages_key: stubs}, goto=held)

    gate.__annotations__["return"] = Command[Literal[(passed, held)]]  # type: ignore[valid-type]  # for the picture
    return gate


def _reasons(found: Sequence[str]) -> list[str]:
    """*found* as a list; a text is one reason, and not one for each letter."""
    return [found] if isinstance(found, str) and found else list(found)


def _incoming(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The messages of people and tools after the model's last answer, without what was recalled."""
    last = max((n for n, each in enumerate(messages) if isinstance(each, AIMessage)), default=-1)
    found = [each for each in messages[last + 1 :] if isinstance(each, HumanMessage | ToolMessage)]
    return [each for each in found if not was_put_in(each) and text_of(each).strip()]


def _held(run: Seen, message: BaseMessage, reasons: Sequence[str]) -> str:
    """The id under which the content of *message* is in quarantine; held twice, it is one."""
    entry = run.ops.quarantine.add(
        text_of(message), reason="; ".join(reasons), thread=run.thread, speaker=message.type, tags=["langgraph"]
    )
    return entry.id


def _stub(message: BaseMessage, id: str, reasons: Sequence[str]) -> BaseMessage:
    line = f"[in quarantine, ID: {id}] This was set apart ({'; '.join(reasons)}); a person can release it."
    return message.model_copy(update={"content": line})
