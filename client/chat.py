"""A request to OpenAI's chat endpoint and its answer: what is read from them, and what is put in. Pure.

What is handed in stays as it is; what changes is a copy. What was recalled stands in a marked block at the head of the
last question, and is taken out of everything that is kept.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

HEAD, FOOT = "<memory_context>", "</memory_context>"
"""How the service marks what it recalled; a test compares."""
_BLOCK = re.compile(rf"{HEAD}\n.*?{FOOT}", re.DOTALL)
QUESTION_CHARS = 1500
"""Of a longer question, its beginning and its end of this length are what is recalled for."""
IN_VIEW = 100
"""How many of the latest messages are left out of what is recalled: the model sees them anyway."""

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody said. *key*: the same for the same turn of the same conversation."""

    role: str
    text: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Chat:
    """A request's body. *user*: whose memory it is for."""

    body: Mapping[str, Any]

    @property
    def user(self) -> str | None:
        user = self.body.get("user")
        return user if isinstance(user, str) and user else None

    @property
    def conversation(self) -> list[Message]:
        return [each for each in self.body["messages"] if isinstance(each, dict)]

    @property
    def turns(self) -> list[Turn]:
        """The latest of what was said in it."""
        return [Turn(str(each.get("role")), text_of(each)) for each in self.conversation[-IN_VIEW:]]

    @property
    def question(self) -> str:
        """What to recall for: the words of the last question, of a long one its beginning and its end."""
        place = _question_place(self.body["messages"])
        text = text_of(self.body["messages"][place]) if place is not None else ""
        if len(text) > 2 * QUESTION_CHARS:
            text = f"{text[:QUESTION_CHARS]}\n{text[-QUESTION_CHARS:]}"
        return text if encodable(text) else ""

    def with_block(self, block: str) -> bytes:
        """The body with *block* at the head of its last question."""
        messages = list(self.body["messages"])
        place = _question_place(messages)
        if place is not None:
            content = messages[place].get("content")
            if isinstance(content, list):
                content = [{"type": "text", "text": block}, *content]
            else:
                content = f"{block}\n\n{content or ''}"
            messages[place] = {**messages[place], "content": content}
        return json.dumps({**self.body, "messages": messages}).encode("ascii")

    def said(self, answer: str, day: str, thread: str | None = None) -> list[Turn]:
        """What is worth keeping: the questions since the last answer, and *answer* ("": none). Their keys are those of
        the whole conversation up to them, on that *day* in that *thread*, so handed in again it keeps nothing twice."""
        conversation = [*self.conversation, *([{"role": "assistant", "content": answer}] if answer else [])]
        given = len(conversation) - bool(answer)
        answered = [n for n in range(given) if conversation[n].get("role") in ("assistant", "tool", "function")]
        since = answered[-1] + 1 if answered else 0
        digest = hashlib.sha256(json.dumps([day, thread, self.user]).encode())
        found = []
        for place, message in enumerate(conversation):
            role, text = str(message.get("role")), text_of(message)
            digest.update(json.dumps([role, text]).encode())
            if place >= since and role in ("user", "assistant") and text and encodable(text):
                found.append(Turn(role, text, f"turn-{digest.hexdigest()}"))
        return found


def chat_of(content: bytes) -> Chat | None:
    """The chat in *content*; None where it is none that could take part in memory."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        return None
    return Chat(body)


def text_of(message: Message) -> str:
    """The words of *message*, without what was recalled for it."""
    content = message.get("content")
    if isinstance(content, list):
        texts = [each.get("text") for each in content if isinstance(each, dict) and each.get("type") == "text"]
        content = "\n".join(each for each in texts if isinstance(each, str))
    return without_blocks(content) if isinstance(content, str) else ""


def without_blocks(text: str) -> str:
    """*text* without what was recalled from memory and put into it."""
    return _BLOCK.sub("", text).strip() if HEAD in text else text.strip()


def encodable(text: str) -> bool:
    """Whether *text* has no half of a surrogate pair."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def answer_of(content: bytes, content_type: str) -> str | None:
    """The text of the first choice in a reply, "" where it calls tools alone; None where it did not come to its end."""
    try:
        if content_type.startswith("text/event-stream"):
            return _streamed(content)
        told = json.loads(content)
        choice = _first(told) if isinstance(told, dict) else {}
        message = choice.get("message")
        return _text(message) if isinstance(message, dict) else None
    except (ValueError, RecursionError):
        return None


def _streamed(content: bytes) -> str | None:
    pieces: list[str] = []
    complete = False
    for event in _events(content):
        if event == "[DONE]":
            complete = True
            continue
        told = json.loads(event)
        choice = _first(told) if isinstance(told, dict) else {}
        delta = choice.get("delta")
        pieces += [_text(delta)] if isinstance(delta, dict) else []
        complete = complete or choice.get("finish_reason") is not None
    return "".join(pieces) if complete else None


def _events(content: bytes) -> Iterator[str]:
    """The data of each whole event of an event stream."""
    lines: list[str] = []
    for line in content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
        elif not line and lines:
            yield "\n".join(lines)
            lines = []


def _first(told: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = told.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("index", 0) == 0:
            return choice
    return {}


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else ""


def _question_place(messages: Sequence[Message]) -> int | None:
    return next((n for n in range(len(messages) - 1, -1, -1) if messages[n].get("role") == "user"), None)
