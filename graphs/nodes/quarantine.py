"""The node that sets suspicious content apart before a model reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage
from langgraph.graph import END
from langgraph.types import Command

from ...memory.drafts import fingerprint
from ...memory.screening import screen
from ...memory.service import MemoryOps
from ..context import Seen, seen
from ..conversation import OURS, marks_of, messages_in, text_of, was_put_in
from .node import Node

Check = Callable[[str], Sequence[str]]

HELD = "held"
"""Where the line that stands for what is held has its own hash: a changed text is a new one."""
MOST_CLEAN = 100_000
"""Texts that a gate knows to be clean, by their hashes."""


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
    """A node that looks at what people said and what tools gave back, before the model does.

    What *check(text)* gives reasons against goes into quarantine, and a line with its id takes its place in the state,
    under the same message and call ids; what a person has released from there passes. *check* is asked once for each
    text that it has nothing against, so clients may send a whole conversation again. The graph goes on to *passed*, or,
    if anything was held, to *held*. Raises `InvalidInput` or a `StoreError`; what cannot be set apart is not let
    through.
    """
    passes = _Passed(check)

    def gate(state: Any) -> Command[Any]:
        run = seen(ops)
        stubs = [
            _stub(each, _held(run, each, reasons), reasons)
            for each in _given(messages_in(state, messages_key))
            if (reasons := passes.reasons(text_of(each))) and not run.ops.quarantine.released(text_of(each))
        ]
        if not stubs:
            return Command(goto=passed)
        return Command(update={messages_key: stubs}, goto=held)

    gate.__annotations__["return"] = Command[Literal[(passed, held)]]  # type: ignore[valid-type]  # for the picture
    return gate


class _Passed:
    """*check*, which is asked no more about texts that it had nothing against."""

    def __init__(self, check: Check) -> None:
        self._check = check
        self._clean: set[str] = set()

    def reasons(self, text: str) -> list[str]:
        mark = fingerprint(text)
        if mark in self._clean:
            return []
        reasons = _reasons(self._check(text))
        if not reasons:
            if len(self._clean) >= MOST_CLEAN:
                self._clean.clear()
            self._clean.add(mark)
        return reasons


def _reasons(found: Sequence[str]) -> list[str]:
    """*found* as a list; a text is one reason, and not one for each letter."""
    return [found] if isinstance(found, str) and found else list(found)


def _given(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """The messages of people and tools that say something, without what was recalled, and without the lines that stand
    for what is held: a reason may sound like what it is against."""
    found = (each for each in messages if isinstance(each, HumanMessage | ToolMessage))
    return [each for each in found if not was_put_in(each) and not _is_stub(each) and text_of(each).strip()]


def _held(run: Seen, message: BaseMessage, reasons: Sequence[str]) -> str:
    """The id under which the content of *message* is in quarantine; held twice, it is one."""
    entry = run.ops.quarantine.add(
        text_of(message), reason="; ".join(reasons), thread=run.thread, speaker=message.type, tags=["langgraph"]
    )
    return entry.id


def _stub(message: BaseMessage, id: str, reasons: Sequence[str]) -> BaseMessage:
    line = f"[in quarantine, ID: {id}] This was set apart ({'; '.join(reasons)}); a person can release it."
    marked = {**message.response_metadata, OURS: {HELD: fingerprint(line)}}
    return message.model_copy(update={"content": line, "response_metadata": marked})


def _is_stub(message: BaseMessage) -> bool:
    return bool(marks_of(message).get(HELD) == fingerprint(text_of(message)))
