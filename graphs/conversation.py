"""LangChain's messages as the memory takes them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, message_chunk_to_message

from ..memory.errors import InvalidInput
from ..memory.turns import Kept, Turn
from ..memory.working_set import is_block

log = logging.getLogger(__name__)

OURS = "memoryops"
"""What our own marks stand under in a message's `response_metadata`, which no provider is sent."""
RECALLED = "recalled"
"""The ids of the memories that a block out of memory holds."""
ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}


def field(state: object, name: str) -> Any:
    """What *state* (a mapping, dataclass or model) holds under *name*; None where it has nothing."""
    return state.get(name) if isinstance(state, Mapping) else getattr(state, name, None)


def messages_in(state: object, name: str) -> list[AnyMessage]:
    """The messages that *state* holds under *name*. Raises `InvalidInput` where they are none."""
    found = field(state, name)
    if found is None:
        return []
    if not isinstance(found, list | tuple) or not all(isinstance(each, BaseMessage) for each in found):
        raise InvalidInput(f"the state's {name!r} is {found!r:.100}; give messages, with add_messages as their reducer")
    return list(found)


def text_of(message: BaseMessage) -> str:
    """What *message* says in words."""
    return str(message.text)


def is_recalled(message: BaseMessage) -> bool:
    """Whether *message* is a block out of memory."""
    return isinstance(message, HumanMessage) and is_block(text_of(message))


def marks_of(message: BaseMessage) -> Mapping[str, Any]:
    """What we have noted in *message*."""
    found = message.response_metadata.get(OURS)
    return found if isinstance(found, Mapping) else {}


def was_put_in(message: BaseMessage) -> bool:
    """Whether a node of ours put *message* among the others as a block out of memory. Anybody may write such a text."""
    return is_recalled(message) and RECALLED in marks_of(message)


def question_in(messages: Sequence[BaseMessage]) -> HumanMessage | None:
    """The last message of a person that says something."""
    spoken = (each for each in reversed(messages) if isinstance(each, HumanMessage) and not is_recalled(each))
    return next((each for each in spoken if text_of(each).strip()), None)


def turns_of(messages: Sequence[BaseMessage], roles: Sequence[str] = ("user", "assistant")) -> list[Turn]:
    """What people and models of *roles* said, as turns."""
    found = [(ROLES.get(message_chunk_to_message(each).type, ""), each) for each in messages]
    return [Turn(each.id, role, text_of(each)) for role, each in found if role in roles and text_of(each).strip()]


def tell_refused(kept: Sequence[Kept], thread: str | None) -> None:
    """Say in the log which messages of *thread* no store can hold."""
    for each in kept:
        if each.action == "refused":
            log.warning("thread %s: %s", thread, each.reason)


def last_answer(messages: Sequence[BaseMessage]) -> AIMessage | None:
    """The model's last message."""
    return next((each for each in reversed(messages) if isinstance(each, AIMessage)), None)
