"""What consists of records: conversations by turn, logs by record, diffs by hunk."""

from __future__ import annotations

import re
from itertools import pairwise

from . import prose
from .marks import DIFF, MARKS, TURN
from .sheet import Sheet

HUNK_FACTOR = 4
"""A hunk stays whole up to this many times the length that other blocks do."""

_LINE = re.compile(r"[^\n]*(?:\n|\Z)")


def chat(sheet: Sheet, start: int, end: int) -> None:
    """Turns; a long one by sentence, each of which needs the speaker's name."""
    marks = [mark.at for mark in MARKS["chat"](sheet.content)]
    edges = [*marks, end]
    prose.paragraphs(sheet, start, edges[0], ())
    for at, following in pairwise(edges):
        if following - at <= sheet.longest:
            sheet.add(at, following)
            continue
        turn = TURN.match(sheet.content, at)
        said = turn.end() if turn else at
        name = sheet.add(at, said)
        prose.paragraphs(sheet, said, following, () if name is None else (name,))


def log(sheet: Sheet, start: int, end: int) -> None:
    """Records; a long one by line, each of which needs the record's first."""
    marks = [mark.at for mark in MARKS["log"](sheet.content)]
    edges = [start, *(at for at in marks if at > start), end]
    for at, following in pairwise(edges):
        if following - at <= sheet.longest:
            sheet.add(at, following)
        else:
            _lines(sheet, at, following, ())


def diff(sheet: Sheet, start: int, end: int) -> None:
    """Hunks, each of which needs the header of its file; a very long one by line."""
    edges: list[tuple[int, bool]] = []
    in_header = False
    for found in DIFF.finditer(sheet.content, start, end):
        if found["hunk"] or not (in_header and found["git"] is None):
            edges.append((found.start(), bool(found["hunk"])))
        in_header = not found["hunk"]
    prose.paragraphs(sheet, start, edges[0][0] if edges else end, ())
    header: tuple[int, ...] = ()
    for number, (at, is_hunk) in enumerate(edges):
        following = edges[number + 1][0] if number + 1 < len(edges) else end
        if not is_hunk:
            unit = sheet.add(at, following) if following - at <= sheet.longest else None
            header = () if unit is None else (unit,)
            if unit is None:
                _lines(sheet, at, following, ())
        elif following - at <= HUNK_FACTOR * sheet.longest:
            sheet.add(at, following, header)
        else:
            _lines(sheet, at, following, header)


def lines(sheet: Sheet, start: int, end: int) -> None:
    """Each line, however long."""
    for found in _LINE.finditer(sheet.content, start, end):
        sheet.add(found.start(), found.end())


def _lines(sheet: Sheet, start: int, end: int, needs: tuple[int, ...]) -> None:
    """The first line, and the others, which need it unless it is long."""
    first = _LINE.match(sheet.content, start, end)
    assert first is not None  # the pattern matches everywhere
    under = needs
    if first.end() - start <= sheet.longest:
        unit = sheet.add(start, first.end(), needs)
        under = needs if unit is None else (unit,)
    else:
        sheet.add_pieces(start, first.end(), needs, "log")
    for found in _LINE.finditer(sheet.content, first.end(), end):
        sheet.add_pieces(found.start(), found.end(), under, "log")
