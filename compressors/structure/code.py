"""Code: definitions whole where they are short, else statements under their signature."""

from __future__ import annotations

import re
from typing import NamedTuple

from .marks import MARKS
from .sheet import ATOM, Sheet

DEEPEST = 12
"""How many signatures one statement stands under, at most."""

_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_CONTINUES = re.compile(r"(?:[)\]}]|(?:else|elif|except|finally|catch|case|then|do|and|or)\b|\.\w|[&|?:]{1,2} )")
_CLOSES = re.compile(r"(?:[)\]}>;,]+|end\b|fi\b|done\b|esac\b|</)")
_QUOTES = re.compile(r"\"{3}|'{3}")
_ABOVE = re.compile(r"(?:@|#|//|/\*|\*|--)")


def cut(sheet: Sheet, start: int, end: int) -> None:
    """Add the units of the code from *start* to *end*."""
    at = start
    for mark in MARKS["code"](sheet.content):
        if at < mark.at < end:
            _block(sheet, at, mark.at, (), 0)
            at = mark.at
    _block(sheet, at, end, (), 0)


def _block(sheet: Sheet, start: int, end: int, needs: tuple[int, ...], depth: int) -> None:
    if end - start <= sheet.longest:
        sheet.add(start, end, needs)
    else:
        statements(sheet, start, end, needs, depth)


class _Row(NamedTuple):
    """A line that is not blank: where it starts and ends, how deep it is indented, and what it says."""

    start: int
    end: int
    indent: int
    text: str


def _rows(content: str, start: int, end: int) -> list[_Row]:
    found = []
    for line in _LINE.finditer(content, start, end):
        text = line[0].strip()
        if text:
            indent = len(line[0][: len(line[0]) - len(line[0].lstrip())].expandtabs(4))
            found.append(_Row(line.start(), line.end(), indent, text))
    return found


def statements(sheet: Sheet, start: int, end: int, needs: tuple[int, ...] = (), depth: int = 0) -> None:
    """Add the statements from *start* to *end*: lines that are indented less go before those indented more."""
    rows = _rows(sheet.content, start, end)
    if not rows:
        return
    base = min(row.indent for row in rows)
    group: list[_Row] = []
    quote = ""
    for row in rows:
        begins = not quote and row.indent <= base and not _CONTINUES.match(row.text)
        if begins and group and not _ABOVE.match(group[-1].text):
            _statement(sheet, group, needs, depth)
            group = []
        group.append(row)
        quote = _open_quote(row.text, quote)
    _statement(sheet, group, needs, depth)


def _open_quote(text: str, quote: str) -> str:
    """The quotes that a text of several lines still stands in behind the line *text*, which began in *quote*."""
    for found in _QUOTES.findall(text):
        quote = "" if found == quote else quote or found
    return quote


def _statement(sheet: Sheet, rows: list[_Row], needs: tuple[int, ...], depth: int) -> None:
    start, end = rows[0].start, rows[-1].end
    if end - start <= sheet.longest:
        sheet.add(start, end, needs)
        return
    head = _head(rows)
    if depth >= DEEPEST or head >= len(rows):
        for row in rows:
            sheet.add_pieces(row.start, row.end, needs, "code")
        return
    tail = len(rows)
    while tail > head + 1 and rows[tail - 1].indent <= rows[0].indent and _CLOSES.match(rows[tail - 1].text):
        tail -= 1
    signature = _signature(sheet, rows[:head], needs)
    statements(sheet, rows[head].start, rows[tail - 1].end, signature, depth + 1)
    if tail < len(rows):
        closer = sheet.add(rows[tail].start, end, needs)
        for unit in signature:
            sheet.tie(unit, closer)


def _head(rows: list[_Row]) -> int:
    """How many rows are the signature: comments and decorators above it, and its own lines."""
    base = rows[0].indent
    number = 0
    while number < len(rows) and rows[number].indent <= base and _ABOVE.match(rows[number].text):
        number += 1
    number = min(number + 1, len(rows))
    if number <= len(rows) and rows[number - 1].text.endswith(("(", ",", "[", "<")):
        closing = number
        while closing < len(rows) and closing - number < 40 and rows[closing].indent > base:
            closing += 1
        if closing < len(rows) - 1 and rows[closing].text.startswith((")", "]", ">")):
            return closing + 1
    return number


def _signature(sheet: Sheet, rows: list[_Row], needs: tuple[int, ...]) -> tuple[int, ...]:
    """The signature as one unit, all lines of it; where comments make it long, they are units of their own."""
    first = 0
    if rows[-1].end - rows[0].start > sheet.longest:
        while first < len(rows) - 1 and _ABOVE.match(rows[first].text):
            first += 1
    for row in rows[:first]:
        sheet.add_pieces(row.start, row.end, needs, "code")
    if rows[-1].end - rows[first].start > ATOM:
        sheet.add_pieces(rows[first].start, rows[-1].end, needs, "code")
        return needs
    unit = sheet.add(rows[first].start, rows[-1].end, needs)
    return needs if unit is None else (unit,)
