"""Code: definitions whole where they are short, else statements under their signature."""

from __future__ import annotations

import re
from typing import NamedTuple

from .marks import CLOSING_WORD, MARKS
from .sheet import ATOM, Sheet

DEEPEST = 12
"""How many signatures one statement stands under, at most."""
MOST_ROWS = 40
"""Lines that a signature has at most, the comments above it not counted."""

MOST_QUOTED = 4000
"""Characters that a text between triple quotes has at most; what seems longer is an odd quote."""

_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_CONTINUES = re.compile(
    r"(?:[)\]}>]|</|(?:else|elif|except|finally|catch|case|then|do|and|or|where|throws)\b|\.\w|[&|?:]{1,2} "
    rf"|{CLOSING_WORD})"
)
_OPENS = re.compile(r"\{(?!\{)")
_SIGNATURE = re.compile(r"(?:throws|where|extends|implements|noexcept|override)\b|->|[:,]|\{(?!\{)")
_TEXT = re.compile(r"\"[^\"]*\"|'[^'<>&]*'")
_CLOSES = re.compile(r"(?:[)\]}>;,]+|end\b|fi\b|done\b|esac\b|</)")
_QUOTES = re.compile(r"\"{3}|'{3}")
_ABOVE = re.compile(r"(?:@|#|//|/\*|\*|--)")


def cut(sheet: Sheet, start: int, end: int) -> None:
    """Add the units of the code from *start* to *end*."""
    at = seen = opened = start
    quote = ""
    for mark in MARKS["code"](sheet.content):
        if not at < mark.at < end:
            continue
        before, quote = quote, _open_quote(sheet.content[seen : mark.at], quote)
        seen = mark.at
        opened = opened if before else mark.at
        if quote and mark.at - opened < MOST_QUOTED:
            continue
        _block(sheet, at, mark.at, (), 0)
        at, quote = mark.at, ""
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
    quoted = _quoted(rows)
    base = min(row.indent for row, inside in zip(rows, quoted, strict=True) if not inside)
    group: list[_Row] = []
    for row, inside in zip(rows, quoted, strict=True):
        begins = not inside and row.indent <= base and not _CONTINUES.match(row.text)
        if begins and group and not _ABOVE.match(group[-1].text) and not _opens(row.text, group[-1].text):
            _statement(sheet, group, needs, depth)
            group = []
        group.append(row)
    _statement(sheet, group, needs, depth)


def _opens(line: str, before: str) -> bool:
    """Whether *line* opens the block of the statement that ended, so far, in the line *before*."""
    return _OPENS.match(line) is not None and not before.endswith(("}", "},", "{", "[", ";"))


def _quoted(rows: list[_Row]) -> list[bool]:
    """Which of *rows* begin in a text of several lines."""
    found, quote = [], ""
    for row in rows:
        found.append(bool(quote))
        quote = _open_quote(row.text, quote)
    return found


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
    first = 0
    while first < len(rows) - 1 and rows[first].indent <= base and _ABOVE.match(rows[first].text):
        first += 1
    end = first + 1
    brackets = _brackets(rows[first].text)
    while end < len(rows) and end - first < MOST_ROWS and _goes_on(rows[first:end], rows[end], brackets):
        brackets += _brackets(rows[end].text)
        end += 1
    is_whole = brackets <= 0 or rows[end - 1].text.endswith("{")
    return end if end < len(rows) and is_whole else first + 1


def _goes_on(head: list[_Row], row: _Row, brackets: int) -> bool:
    """Whether the signature, *head* so far with so many open *brackets*, goes on in *row*."""
    last = head[-1].text
    if last.endswith("{"):
        return False
    if brackets > 0:
        return True
    if last.endswith((":", ";", "}")):
        return False
    return bool(_SIGNATURE.match(row.text)) or (len(head) > 1 and last.endswith((",", "where")))


def _brackets(line: str) -> int:
    """How many more brackets *line* opens than it closes: round and square ones, and "<" at its end."""
    bare = _TEXT.sub("", line)
    opened = sum(bare.count(each) for each in "([") + bare.endswith("<")
    return opened - sum(bare.count(each) for each in ")]") - bare.startswith(">")


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
