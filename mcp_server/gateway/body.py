"""A request's body as bytes that stay as they came, but for the values that are changed on purpose.

Where nothing is changed, the bytes are sent that came. Where something is, only its own bytes are others: every other
field, number, escape and blank stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import BadRequest

_DECODER = json.JSONDecoder()
_BLANK = re.compile(r"[ \t\n\r]*")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Body:
    """A JSON object: its *values*, and where in *text* each of them stands."""

    raw: bytes
    text: str = field(repr=False)
    values: Mapping[str, Any] = field(repr=False)
    spans: Mapping[str, Span] = field(repr=False)
    opening: int

    @classmethod
    def parse(cls, raw: bytes) -> Body:
        """*raw* as a JSON object. Raises `BadRequest`; so it does for a key that comes twice, of which another reader
        might take the other value."""
        try:
            text = raw.decode("utf-8")
            place = _past_blank(text, 0)
            if text[place : place + 1] != "{":
                raise BadRequest("the body is no JSON object")
            opening, values, spans, end = _members(text, place)
        except (UnicodeDecodeError, ValueError) as error:
            raise BadRequest(f"the body is no JSON ({_reason(error)})") from error
        except RecursionError as error:
            raise BadRequest("the body is nested too deeply") from error
        if _past_blank(text, end) != len(text):
            raise BadRequest("there is more behind the JSON object of the body")
        return cls(raw, text, values, spans, opening)

    def elements(self, name: str) -> list[Span]:
        """Where the elements of the list *name* stand."""
        place, end = self.spans[name]
        found: list[Span] = []
        place = _past_blank(self.text, place + 1)
        while place < end - 1:
            _, stop = _DECODER.raw_decode(self.text, place)
            found.append((place, stop))
            place = _past_blank(self.text, stop)
            if self.text[place] == ",":
                place = _past_blank(self.text, place + 1)
        return found

    def slice(self, span: Span) -> str:
        return self.text[span[0] : span[1]]

    def with_values(self, written: Mapping[str, str]) -> bytes:
        """The body with other values, given as JSON; new ones come first. With nothing given, it is as it came."""
        if not written:
            return self.raw
        pieces: list[str] = []
        place = 0
        new = [f"{_json(name)}: {value}" for name, value in written.items() if name not in self.spans]
        if new:
            pieces.append(self.text[: self.opening] + ", ".join(new) + (", " if self.values else ""))
            place = self.opening
        for (start, end), name in sorted((self.spans[name], name) for name in written if name in self.spans):
            pieces += [self.text[place:start], written[name]]
            place = end
        return "".join([*pieces, self.text[place:]]).encode("utf-8")


def _members(text: str, place: int) -> tuple[int, dict[str, Any], dict[str, Span], int]:
    """The members of the object that begins at *place*: where they begin, their values, their places, and its end."""
    opening = place = place + 1
    values: dict[str, Any] = {}
    spans: dict[str, Span] = {}
    place = _past_blank(text, place)
    if text[place : place + 1] == "}":
        return opening, values, spans, place + 1
    while True:
        if text[place : place + 1] != '"':
            raise ValueError(f"a key is missing at character {place}")
        key, place = _DECODER.raw_decode(text, place)
        place = _past_blank(text, place)
        if text[place : place + 1] != ":":
            raise ValueError(f"a colon is missing at character {place}")
        start = _past_blank(text, place + 1)
        value, end = _DECODER.raw_decode(text, start)
        if key in values:
            raise BadRequest(f"the body has the key {key!r:.100} twice", key[:100])
        values[key], spans[key] = value, (start, end)
        place = _past_blank(text, end)
        if text[place : place + 1] == "}":
            return opening, values, spans, place + 1
        if text[place : place + 1] != ",":
            raise ValueError(f"a comma is missing at character {place}")
        place = _past_blank(text, place + 1)


def _past_blank(text: str, place: int) -> int:
    match = _BLANK.match(text, place)
    assert match is not None
    return match.end()


def _reason(error: Exception) -> str:
    """What is wrong, without quoting what was sent."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def _json(value: object) -> str:
    return json.dumps(value)
