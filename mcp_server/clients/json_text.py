"""JSON files, with comments or without, edited as texts: what is not ours keeps its every byte."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from .ports import Language

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<comment>//[^\r\n]* | /\*.*?\*/)
      | (?P<string>"(?:[^"\\\r\n]|\\.)*")
      | (?P<mark>[{}\[\],:])
      | (?P<word>[^\s{}\[\],:"/]+)""",
    re.VERBOSE | re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Object:
    """An object in the text that ends at *end*."""

    end: int
    members: dict[str, tuple[int, int, int]]
    """For each key where it begins, and where its value begins and ends; of equal keys the last counts."""
    last: int
    """Where the last value ends, or the comma behind it."""
    comma: bool
    """Whether a comma follows the last value."""


def parse(text: str) -> dict[str, Any]:
    """What a plain JSON text says."""
    try:
        value = json.loads(text if text.strip() else "{}")
    except (ValueError, RecursionError) as error:
        raise ValueError(_reason(error)) from error
    if not isinstance(value, dict):
        raise ValueError("it is no object: it must begin with {")
    return value


def parse_with_comments(text: str) -> dict[str, Any]:
    """What a JSON text says that may have comments, and commas behind last members."""
    plain = list(text)
    significant = [token for token in _tokens(text) if token.kind != "space"]
    kept = [token for token in significant if token.kind != "comment"]
    dropped = [token for token in significant if token.kind == "comment"]
    dropped += [one for one, then in pairwise(kept) if one.text == "," and then.text in ("}", "]")]
    for token in dropped:
        plain[token.start : token.end] = re.sub(r"[^\r\n]", " ", token.text)
    return parse("".join(plain))


def comments(text: str) -> list[str]:
    """The comments of a text."""
    return [token.text for token in _tokens(text) if token.kind == "comment"]


def snippet(table: str, name: str, value: Mapping[str, Any]) -> str:
    """A whole file that holds *value* alone."""
    return json.dumps({table: {name: value}}, indent=2, ensure_ascii=False) + "\n"


def merged(text: str, table: str, name: str, value: Mapping[str, Any]) -> str:
    """*text* with *value* under *table* and *name*; what was there before is replaced."""
    newline = _newline(text)
    if all(token.kind in ("space", "comment") for token in _tokens(text)):
        gap = newline if text.strip() and not text.endswith("\n") else ""
        return text + gap + snippet(table, name, value).replace("\n", newline)
    root = _object(text, 0)
    unit = _unit(text, root)
    if table not in root.members:
        return _inserted(text, root, table, {name: value}, unit, "")
    where = root.members[table]
    servers = _object(text, where[1])
    outer = _indent(text, where[0])
    if name not in servers.members:
        return _inserted(text, servers, name, value, unit, outer)
    key, start, end = servers.members[name]
    return text[:start] + _written(value, unit, _indent(text, key), newline) + text[end:]


def _inserted(text: str, where: _Object, name: str, value: Mapping[str, Any], unit: str, outer: str) -> str:
    """*text* with a member more at the end of the object *where*, whose own line is indented by *outer*."""
    newline = _newline(text)
    indent = _indent(text, next(reversed(where.members.values()))[0]) if where.members else outer + unit
    if len(indent) <= len(outer):
        indent = outer + unit
    tail = max((token.end for token in _tokens(text, where.last, where.end - 1) if token.kind == "comment"), default=0)
    tail = max(tail, where.last)
    member = f"{newline}{indent}{json.dumps(name)}: {_written(value, unit, indent, newline)}"
    comma = "," if where.members and not where.comma else ""
    rest = text[tail:]
    if "\n" not in text[tail : where.end - 1]:
        rest = newline + outer + rest.lstrip(" \t")
    return text[: where.last] + comma + text[where.last : tail] + member + rest


def _written(value: Mapping[str, Any], unit: str, indent: str, newline: str) -> str:
    lines = json.dumps(value, indent=unit, ensure_ascii=False).split("\n")
    return (newline + indent).join(lines)


def _object(text: str, at: int) -> _Object:
    """The object that begins at the position *at*, or behind the space and comments there."""
    tokens = [token for token in _tokens(text, at) if token.kind not in ("space", "comment")]
    members: dict[str, tuple[int, int, int]] = {}
    number, last, comma = 1, tokens[0].end, False
    while tokens[number].text != "}":
        if tokens[number].text == ",":
            last, comma = tokens[number].end, True
            number += 1
            continue
        key, first = tokens[number], number + 2  # key, colon, value
        number = _behind(tokens, first)
        last, comma = tokens[number - 1].end, False
        members[json.loads(key.text)] = (key.start, tokens[first].start, last)
    return _Object(tokens[number].end, members, last, comma)


def _behind(tokens: list[_Token], first: int) -> int:
    """The number of the token behind the value that begins with the token *first*."""
    depth = 0
    for number in range(first, len(tokens)):
        depth += (tokens[number].text in ("{", "[")) - (tokens[number].text in ("}", "]"))
        if depth == 0:
            return number + 1
    raise ValueError("a value is not closed")


def _tokens(text: str, start: int = 0, end: int | None = None) -> Iterator[_Token]:
    at, stop = start, len(text) if end is None else end
    while at < stop:
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"line {text.count(chr(10), 0, at) + 1}: {text[at : at + 20]!r} is no JSON")
        yield _Token(str(match.lastgroup), match[0], match.start(), match.end())
        at = match.end()


def _unit(text: str, root: _Object) -> str:
    """The indentation that the file uses for one level."""
    for key, _, _ in root.members.values():
        return _indent(text, key) or "  "
    return "  "


def _indent(text: str, at: int) -> str:
    """The white space that the line of the position *at* begins with."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}, column {error.colno}: {error.msg}"
    return str(error) or type(error).__name__


STRICT = Language("JSON", parse, snippet, merged, lambda text: [])
WITH_COMMENTS = Language("JSON", parse_with_comments, snippet, merged, comments)
