"""Prose and Markdown: headings, fenced blocks, tables, list items, lines that were broken on purpose, sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from .code import statements
from .cuts import sentence_ends
from .marks import MARKS
from .sheet import Sheet

_PARAGRAPH = re.compile(r"\n[ \t\r]*\n")
_UNDERLINE = re.compile(r"[^\n]*\n(?:={3,}|-{3,}|\^{3,})[ \t\r]*(?:\n|\Z)")
_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_ITEM = re.compile(r"[ \t]*(?:[-*+•>|]|\d{1,3}[.)]|[A-Za-z][.)])[ \t]")
SCRAP = 20
"""Bytes: what ends before is the number of an item, a bold word or a "Yes.", and goes with the next sentence."""
LEAST_ROWS, LEAST_SEPARATORS = 4, 2
"""Lines, and commas, tabs or semicolons in each, from which on they are rows and no prose."""
_TABLE_RULE = re.compile(r"(?=[^\n-]*-)[ \t:|\-]+\r?\n?")


def cut(sheet: Sheet, start: int, end: int) -> None:
    """Add the units of the Markdown from *start* to *end*; each needs the heading that it stands under."""
    heading: int | None = None
    at = start
    for mark in MARKS["prose"](sheet.content):
        if mark.at >= end:
            break
        if mark.at < at:
            continue
        paragraphs(sheet, at, mark.at, _needs(heading))
        if mark.heading is None:
            at = mark.until
            _fence(sheet, mark.at, at, _needs(heading))
        else:
            at = _heading_end(sheet.content, mark.at)
            heading = _heading(sheet, mark.at, at)
    paragraphs(sheet, at, end, _needs(heading))


def _heading(sheet: Sheet, start: int, end: int) -> int | None:
    """The heading as a unit that others need; None of one so long that it is a text of its own."""
    if end - start <= sheet.longest:
        return sheet.add(start, end)
    sheet.add_pieces(start, end)
    return None


def _needs(heading: int | None) -> tuple[int, ...]:
    return () if heading is None else (heading,)


def _heading_end(content: str, at: int) -> int:
    found = None if content[at] in " #" else _UNDERLINE.match(content, at)
    return (found or _line(content, at)).end()


def _line(content: str, at: int, end: int | None = None) -> re.Match[str]:
    found = _LINE.match(content, at, len(content) if end is None else end)
    assert found is not None  # the pattern matches everywhere
    return found


def _fence(sheet: Sheet, start: int, end: int, needs: tuple[int, ...]) -> None:
    """A fenced block, whole where it is short; else its statements between its two fences."""
    if end - start <= sheet.longest:
        sheet.add(start, end, needs)
        return
    opened = _line(sheet.content, start, end).end()
    closed = sheet.content.rfind("\n", opened, end - 1) + 1
    if closed <= opened or not sheet.content[closed:end].strip().startswith(("```", "~~~")):
        closed = end
    first = sheet.add(start, opened, needs)
    statements(sheet, opened, closed, _needs(first))
    sheet.tie(first, sheet.add(closed, end))


def paragraphs(sheet: Sheet, start: int, end: int, needs: tuple[int, ...]) -> None:
    """Add the sentences, items and rows from *start* to *end*."""
    at = start
    for blank in _PARAGRAPH.finditer(sheet.content, start, end):
        _paragraph(sheet, at, blank.end(), needs)
        at = blank.end()
    _paragraph(sheet, at, end, needs)


def _paragraph(sheet: Sheet, start: int, end: int, needs: tuple[int, ...]) -> None:
    start = min(end, _first_line(sheet, start, end))
    if start >= end:
        return
    lines = [(found.start(), found.end()) for found in _LINE.finditer(sheet.content, start, end) if found[0]]
    if len(lines) > 2 and "|" in sheet.content[slice(*lines[0])]:
        rule = _TABLE_RULE.fullmatch(sheet.content, *lines[1])
        if rule and "|" in rule[0]:
            _table(sheet, lines, needs, 2)
            return
    if _is_separated(sheet.content, lines):
        _table(sheet, lines, needs, 1)
        return
    for first, last in _runs(sheet.content, lines):
        sentences(sheet, first, last, needs)


def _first_line(sheet: Sheet, start: int, end: int) -> int:
    """Where the first line with text begins."""
    text = sheet.skip(start, end)
    return max(start, sheet.content.rfind("\n", start, text) + 1) if text < end else end


def _is_separated(content: str, lines: list[tuple[int, int]]) -> bool:
    """Whether they are rows of values: as many commas, tabs or semicolons in each as in the first."""
    if len(lines) < LEAST_ROWS:
        return False
    head = content[slice(*lines[0])]
    return any(
        (columns := head.count(each)) >= LEAST_SEPARATORS
        and all(content.count(each, first, last) == columns for first, last in lines)
        for each in ",\t;"
    )


def _table(sheet: Sheet, lines: list[tuple[int, int]], needs: tuple[int, ...], top: int) -> None:
    """Rows, each of which needs the *top* lines, which name the columns."""
    head = sheet.add(lines[0][0], lines[top - 1][1], needs)
    for first, last in lines[top:]:
        sheet.add_pieces(first, last, _needs(head))


def _runs(content: str, lines: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Lines that run on into each other. A line that was broken though the next word had room ends on purpose."""
    width = max(end - start for start, end in lines)
    begin = lines[0][0]
    for (start, end), (following, last) in pairwise(lines):
        room = width - (end - start)
        word = content[following : min(last, following + room + 1)].split(maxsplit=1)
        if _ITEM.match(content, following, last) or (word and len(word[0]) + 1 < room):
            yield begin, end
            begin = following
    yield begin, lines[-1][1]


def sentences(sheet: Sheet, start: int, end: int, needs: tuple[int, ...] = ()) -> None:
    """Add the sentences from *start* to *end*."""
    at = start
    for cut in sentence_ends(sheet.content, start, end):
        if cut < end and not _is_scrap(sheet.content, at, cut):
            sheet.add_pieces(at, cut, needs)
            at = cut
    sheet.add_pieces(at, end, needs)


def _is_scrap(content: str, start: int, end: int) -> bool:
    return end - start < SCRAP and len(content[start:end].encode("utf-8", "surrogatepass")) < SCRAP
