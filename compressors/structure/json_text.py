"""JSON by whole members, so that what is kept still parses."""

from __future__ import annotations

import json
import re

from .calls import is_call
from .marks import kind_of
from .sheet import Sheet

DEEPEST = 8
"""How many brackets a unit stands in, at most; what lies deeper stays whole."""
SHORT, RUN = 24, 120
"""Members shorter than `SHORT` characters are kept or dropped together, in runs of up to `RUN`."""

NESTED = 100
"""Brackets within brackets beyond which a text is not taken for JSON: parsers recurse, and their room differs."""

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_BOM = "\ufeff"
"""Some programs write it before a file's first character; parsers refuse it, so it is no part of what is kept."""


def is_json(content: str, content_type: str) -> bool:
    """Whether *content* is one JSON object or array, by its type or its looks."""
    text = content.removeprefix(_BOM)
    if text.lstrip()[:1] not in ("{", "["):
        return False
    if kind_of(content, content_type) != "json":
        return False
    try:
        level = [json.loads(text)]
    except (ValueError, RecursionError):
        return False
    for _ in range(NESTED):
        values = (value for each in level for value in (each.values() if isinstance(each, dict) else each))
        level = [value for value in values if isinstance(value, dict | list)]
        if not level:
            return True
    return False


def is_json_lines(content: str) -> bool:
    """Whether each line of *content* that is not blank is a JSON object or array."""
    try:
        lines = (line for line in content.split("\n") if line.strip())
        return all(line.lstrip()[0] in "{[" and json.loads(line) is not None for line in lines)
    except (ValueError, RecursionError):
        return False


def cut(sheet: Sheet) -> None:
    """Add the members of the JSON text; each needs the brackets around it. Commas belong to no unit.

    What has the form of a tool call or schema stays whole, however long it is.
    """
    start = _skip(sheet.content, int(sheet.content.startswith(_BOM)))
    value, end = _DECODER.raw_decode(sheet.content, start)
    if is_call(value):
        sheet.add_exact(start, end)
    else:
        _container(sheet, start, start, (), 0)


def _skip(content: str, at: int) -> int:
    found = _SPACE.match(content, at)
    return found.end() if found else at


def _container(sheet: Sheet, start: int, bracket: int, needs: tuple[int, ...], depth: int) -> int:
    """Add the container whose key (if any) is at *start*; where it ends."""
    content = sheet.content
    closing = "}" if content[bracket] == "{" else "]"
    opener = sheet.add_exact(start, bracket + 1, needs)
    at = _skip(content, bracket + 1)
    run = -1
    while content[at] != closing:
        value = at
        if closing == "}":
            value = _skip(content, _skip(content, _DECODER.raw_decode(content, at)[1]) + 1)
        parsed, end = _DECODER.raw_decode(content, value)
        if end - at > sheet.longest and content[value] in "{[" and depth < DEEPEST and not is_call(parsed):
            run = _flush(sheet, run, at, (opener,))
            _container(sheet, at, value, (opener,), depth + 1)
        elif end - at > SHORT:
            run = _flush(sheet, run, at, (opener,))
            sheet.add_exact(at, end, (opener,))
        elif run < 0:
            run = at
        elif end - run > RUN:
            run = _flush(sheet, run, at, (opener,), at)
        at = _skip(content, end)
        if content[at] == ",":
            at = _skip(content, at + 1)
    _flush(sheet, run, at, (opener,))
    sheet.tie(opener, sheet.add_exact(at, at + 1, needs))
    return at + 1


def _flush(sheet: Sheet, run: int, end: int, needs: tuple[int, ...], following: int = -1) -> int:
    """Add the run of short members that began at *run* and ends before *end*; where the next one begins."""
    if run >= 0:
        sheet.add_exact(run, run + len(sheet.content[run:end].rstrip(" \t\r\n,")), needs)
    return following
