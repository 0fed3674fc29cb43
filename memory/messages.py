"""Messages as OpenAI and LangChain write them, as parts of a context, and back. Pure.

Only the `content` is ever replaced, in a copy; every other field (role, tool calls, call ids) stays as it came, and so
do all messages that are not replaced. Of a content of blocks, see `blocks`, texts, pictures and thoughts make room.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import blocks, counting
from .errors import InvalidInput
from .models import Form
from .parts import Hold, Part, can_be_marked, content_id, marked
from .working_set import is_block

Message = Mapping[str, Any]
Known = Callable[[str, str], bool]
Naming = Callable[[str, str], str]

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "tool": "tool",
    "function": "tool",
}
RECALLED = "recalled"
"""The role of a user's message that is a block out of memory."""
MESSAGE_TOKENS = 4
"""What a chat format puts around each message, role included."""
MEDIA_TOKENS = 1600
"""What an image or document counts: models charge by its size in pixels or pages, which its bytes do not tell."""
PLAIN = frozenset(("role", "type", "content", "id", "name"))
"""Fields of a message that holds nothing but what somebody said."""
UNSENT = frozenset(("response_metadata", "usage_metadata", "artifact", "status", "example"))
"""Fields that LangChain keeps beside a message and sends to no model: they take no tokens."""


def listed(messages: object) -> Sequence[Message]:
    """*messages*, if they are a list: one that can be read only once would be empty the second time."""
    if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
        raise InvalidInput(f"the messages are {type(messages).__name__}; give a list of objects with role and content")
    return messages


def question(given: object, conversation: Sequence[Message]) -> str:
    """The query *given* or, without one, the last question of *conversation*."""
    if given is None:
        return question_of(conversation)
    if not isinstance(given, str):
        raise InvalidInput(f"the query is {type(given).__name__}; give a string")
    return given


def parts_of(
    messages: Sequence[Message], recent: int = 4, known: Known | None = None, naming: Naming | None = None
) -> list[Part]:
    """Each of *messages* as a part, with how long it stays.

    *recent*: how many of the last steps stay. *known(id, text)*: whether a text that is marked as shortened stands for
    the original *id* indeed (default: it is believed); one that does not is an original like any other.
    *naming(role, text)*: the id of an original (default: the message's own, else one made of its text). Raises
    `InvalidInput` naming the message.
    """
    roles = [_voice(number, message) for number, message in enumerate(messages)]
    return [
        _part(message, role, hold, known, naming)
        for message, role, hold in zip(messages, roles, holds(roles, recent), strict=True)
    ]


def question_of(messages: Sequence[Message]) -> str:
    """The text of the last message of a user, "" if there is none."""
    for number in range(len(messages) - 1, -1, -1):
        if _voice(number, messages[number]) == "user":
            return text_of(messages[number])
    return ""


def _voice(number: int, message: Message) -> str:
    """The role of *message* in its conversation; what was recalled from memory is nobody's question."""
    role = role_of(number, message)
    return RECALLED if role == "user" and is_block(text_of(message)) else role


def holds(roles: Sequence[str], recent: int) -> list[Hold]:
    """How long the message of each of *roles* stays.

    Pinned: system prompts, what was recalled, the last question, and the last exchange: the newest step after the
    question, or, where nothing follows it, the question and answer before it. Results of the newest tool calls are the
    last to make room.
    """
    steps = [n for n, role in enumerate(roles) if role in ("user", "assistant")]
    since = steps[-recent] if 0 < recent <= len(steps) else (0 if recent else len(roles))
    found: list[Hold] = ["recent" if n >= since else "free" for n in range(len(roles))]
    for n in _exchange(roles):
        found[n] = "last" if roles[n] == "tool" else "pinned"
    for n, role in enumerate(roles):
        if role in ("system", RECALLED):  # what was recalled is in memory: it is not archived anew
            found[n] = "pinned"
    return found


def _exchange(roles: Sequence[str]) -> set[int]:
    """The places of the last question and the last exchange."""
    last = len(roles) - 1
    question = _last(roles, "user", last)
    answer = _last(roles, "assistant", last)
    pinned = {n for n in (question, answer) if n is not None}
    if question is None or (answer is not None and answer > question):
        return pinned | set(range(answer if answer is not None else last, last + 1)) - {-1}
    if question < last:
        return pinned | set(range(question, last + 1))
    earlier = _last(roles, "user", question - 1)
    return pinned if earlier is None else pinned | {earlier}


def _last(roles: Sequence[str], role: str, end: int) -> int | None:
    return next((n for n in range(end, -1, -1) if roles[n] == role), None)


def text_of(message: Message) -> str:
    """The text of its content, the texts of several blocks apart by a blank line."""
    return blocks.said(message.get("content"))


def with_text(message: Message, text: str) -> dict[str, Any]:
    """A copy of *message* that says *text* instead of what makes room; its other fields, and calls, are the same."""
    content = message.get("content")
    return {**message, "content": blocks.with_text(content, text, _calls(message))}


def _calls(message: Message) -> bool:
    """Whether *message* calls tools."""
    if message.get("tool_calls") or message.get("function_call"):
        return True
    content = message.get("content")
    return not isinstance(content, str | None) and any(blocks.is_call(block) for block in content)


def schema_tokens(tools: Sequence[Mapping[str, Any]]) -> int:
    """What tool schemas take. Raises `InvalidInput` for what is no list of them."""
    given = isinstance(tools, Sequence) and not isinstance(tools, str | bytes)
    if not given or not all(isinstance(tool, Mapping) for tool in tools):
        raise InvalidInput(f"tools is {tools!r:.100}; give a list of tool schemas, each an object")
    return sum(counting.count(as_json(tool)) for tool in tools)


def _part(message: Message, role: str, hold: Hold, known: Known | None, naming: Naming | None) -> Part:
    text, content, calls = text_of(message), message.get("content"), _calls(message)
    beside = message.keys() - PLAIN - UNSENT
    more = {name: message[name] for name in message if name in beside and message[name] not in (None, [], {}, "")}
    frame = MESSAGE_TOKENS + (counting.count(as_json(more)) if more else 0)
    frame += counting.count(message["name"]) if isinstance(message.get("name"), str) else 0
    listed = [] if isinstance(content, str | None) else content
    frame += sum(_block_tokens(block) for block in listed if blocks.stays(block, calls))
    going = [block for block in listed if not blocks.is_text(block) and not blocks.stays(block, calls)]
    media = sum(_block_tokens(block) for block in going)
    left, size = blocks.left_out(listed), counting.count(text)
    try:
        whole = blocks.whole(content) if naming is not None else ""
    except (TypeError, ValueError):  # it could not be had back
        return Part(_id(message, text), text, size, frame, media, left, hold="pinned")
    found = _standing(text, known) if not media else None
    form, id = found or ("full", _id(message, text) if naming is None else naming(role, whole or text))
    joins = role in ("user", "assistant") and not more and isinstance(content, str) and form == "full"
    joins = joins and bool(text.strip())
    return Part(id, text, size, frame, media, left, whole, hold=hold, form=form, joins=joins, shares=form == "full")


def _standing(text: str, known: Known | None) -> tuple[Form, str] | None:
    found = marked(text)
    return found if found is not None and (known is None or known(found[1], text)) else None


def _id(message: Message, text: str) -> str:
    given = message.get("id")
    return given if isinstance(given, str) and can_be_marked(given) else content_id(text)


def _block_tokens(block: object) -> int:
    if blocks.is_media(block):
        return MEDIA_TOKENS
    return counting.count(as_json(block) if isinstance(block, Mapping) else str(block))


def as_json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"what stands beside a message's text cannot be sent as JSON ({error})") from error


def role_of(number: int, message: object) -> str:
    """The role of *message*, the *number*th: system, user, assistant or tool. Raises `InvalidInput`."""
    if not isinstance(message, Mapping):
        raise InvalidInput(f"message {number} is {type(message).__name__}; give an object with role and content")
    named = message.get("role", message.get("type"))
    role = ROLES.get(named) if isinstance(named, str) else None
    if role is None:
        raise InvalidInput(f"message {number} has the role {named!r:.100}; use system, user, assistant or tool")
    content = message.get("content")
    if content is not None and not isinstance(content, str | list | tuple):
        raise InvalidInput(
            f"the content of message {number} is {type(content).__name__}; give text or a list of blocks"
        )
    return role
