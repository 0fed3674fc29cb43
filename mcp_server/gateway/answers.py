"""What a model's reply said and what it took, read from the bytes that were passed on. Pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 16 * 1024 * 1024
"""Bytes of a reply, decoded; what is behind them is not read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """*text*: of the first choice. *complete*: whether it came to its end. *calls*: whether it calls tools.

    *tokens_in*, *tokens_out*: as the provider counted, None where it does not say. *model*: that answered, by itself.
    """

    text: str = ""
    complete: bool = False
    calls: bool = False
    tokens_in: int | None = None
    tokens_out: int | None = None
    model: str | None = None


def read(data: bytes, content_type: str, coding: str) -> Answer:
    """The answer in *data*, a reply of *content_type* in the content *coding*; an empty one where it is none."""
    plain = decoded(data, coding)
    try:
        if content_type.startswith("text/event-stream"):
            return _streamed(plain)
        given = json.loads(plain)
        return _plain(given) if isinstance(given, dict) else Answer()
    except (ValueError, RecursionError):
        return Answer()


def decoded(data: bytes, coding: str) -> bytes:
    """*data* without its coding, up to `LONGEST`: what it says might be far more than what was sent. Nothing where it
    is not in that coding."""
    if coding in ("", "identity"):
        return data
    try:
        return zlib.decompressobj(wbits=47 if coding == "gzip" else 15).decompress(data, LONGEST)
    except zlib.error:
        return b""


def _plain(given: Mapping[str, Any]) -> Answer:
    choice = _first(given.get("choices"))
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    text = message.get("content")
    return Answer(
        text if isinstance(text, str) else "",
        bool(choice),
        bool(message.get("tool_calls") or message.get("function_call")),
        *_usage(given),
        _name(given),
    )


def _streamed(data: bytes) -> Answer:
    pieces: list[str] = []
    complete = calls = False
    used: tuple[int | None, int | None] = (None, None)
    model: str | None = None
    for event in _events(data):
        if event == "[DONE]":
            complete = True
            continue
        given = json.loads(event)
        if not isinstance(given, dict):
            continue
        model = model or _name(given)
        if isinstance(given.get("usage"), dict):
            used = _usage(given)
        choice = _first(given.get("choices"))
        delta = choice.get("delta")
        if isinstance(delta, dict):
            if isinstance(delta.get("content"), str):
                pieces.append(delta["content"])
            calls = calls or bool(delta.get("tool_calls") or delta.get("function_call"))
        complete = complete or choice.get("finish_reason") is not None
    return Answer("".join(pieces), complete, calls, *used, model)


def _events(data: bytes) -> Iterator[str]:
    """The data of each event of an event stream."""
    lines: list[str] = []
    for line in data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
        elif not line and lines:
            yield "\n".join(lines)
            lines = []


def _first(choices: object) -> Mapping[str, Any]:
    """The choice of index 0, an empty one where there is none."""
    for choice in choices if isinstance(choices, list) else []:
        if isinstance(choice, dict) and choice.get("index", 0) == 0:
            return choice
    return {}


def _usage(given: Mapping[str, Any]) -> tuple[int | None, int | None]:
    usage = given.get("usage")
    if not isinstance(usage, dict):
        return None, None
    return _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else None


def _name(given: Mapping[str, Any]) -> str | None:
    name = given.get("model")
    return name if isinstance(name, str) and 0 < len(name) <= 200 and name.isprintable() else None
