"""Cut a text into passages that an embedder reads whole, along the text's own structure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ...compressors.structure.cuts import LEVELS, hard, last_blank
from ...compressors.structure.marks import MARKS, NEVER, Mark, kind_of
from .ruler import Ruler, weight

__all__ = ["Passage", "split", "weight"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of the content: characters *start* (included) to *end* (excluded).

    *heading* is what the passage stands under without containing it: the heading of its Markdown section,
    the speaker of a turn that began earlier, the first line of its definition, the file of its diff.
    """

    start: int
    end: int
    heading: str | None = None


def split(content: str, content_type: str = "note", *, max_chars: int = 900, max_tokens: int = 160) -> list[Passage]:
    """Split *content* into passages, in order, covering every non-blank character exactly once.

    *content_type* is used where it names a structure (code, chat, log, diff, json, markdown and their
    kin); otherwise the text itself is looked at. No passage exceeds *max_chars* characters, nor
    *max_tokens* estimated word pieces (see `weight`) unless it is a single character. Time is linear in
    the content. Raises ValueError when a limit is below 1.
    """
    if max_chars < 1 or max_tokens < 1:
        raise ValueError(f"max_chars and max_tokens must be at least 1, got {max_chars} and {max_tokens}")
    size = len(content.rstrip())
    if not size:
        return []
    kind = kind_of(content, content_type)
    ruler = Ruler(content, size, max_chars, max_tokens * 100)
    if kind not in ("chat", "diff") and ruler.reach(0) >= size:
        return [Passage(_begin(content, 0, size, 80)[0], size)]
    return list(_passages(content, size, kind, ruler))


_SPACE = re.compile(r"\s*")


def _skip(content: str, start: int, stop: int) -> int:
    found = _SPACE.match(content, start, stop)
    return found.end() if found else start


def _begin(content: str, start: int, size: int, max_indent: int) -> tuple[int, int]:
    """Where a passage begins and where its text does: blank lines are skipped, indentation is kept."""
    text = _skip(content, start, size)
    line = content.rfind("\n", start, text) + 1
    if not line:
        line = start if start == 0 or content[start - 1] == "\n" else text
    return (line if text - line <= max_indent else text), text


def _passages(content: str, size: int, kind: str, ruler: Ruler) -> Iterator[Passage]:
    stream = MARKS[kind](content)
    ahead: deque[Mark] = deque()
    under = Mark(0, NEVER)
    inside = cut = 0
    max_indent = min(80, ruler.max_chars // 4)
    while cut < size:
        start, text = _begin(content, cut, size, max_indent)
        reach = ruler.reach(start)
        if reach <= text:
            start, reach = text, ruler.reach(text)
        stop = _skip(content, reach, min(size, reach + 1024))
        while not ahead or ahead[-1].at <= stop:
            mark = next(stream, None)
            if mark is None:
                break
            ahead.append(mark)
        while ahead and ahead[0].at <= text:
            mark = ahead.popleft()
            inside = max(inside, mark.until)
            under = mark if mark.heading else under
        cut = _cut(_Window(content, size, start, text, reach, stop), kind, ahead, inside, ruler)
        end = start + len(content[start:cut].rstrip())
        yield Passage(start, end, under.heading if under.at < start else None)


class _Window(NamedTuple):
    """The stretch in which a passage's end is sought: up to *reach*, or *stop* where only blanks follow."""

    content: str
    size: int
    start: int
    text: int
    reach: int
    stop: int


def _cut(window: _Window, kind: str, ahead: deque[Mark], inside: int, ruler: Ruler) -> int:
    content, size, start, text, reach, stop = window
    last: Mark | None = None
    for mark in ahead:
        if mark.at > stop:
            break
        if mark.fill <= ruler.filled(start, mark.at):
            return mark.at
        last = mark
    if stop >= size:
        return size
    low = text + max(1, (reach - text) // 3)
    solid = text + 1
    if last is not None:
        until = last.until or (ahead[-1].at if ahead[-1].at > stop else size)
        if until <= stop:
            solid, low = until, max(low, until)
        elif last.at >= low or _skip(content, ruler.reach(last.at), size) >= until:
            return last.at
    levels = LEVELS["code" if inside > text else kind]
    if low <= inside <= stop:
        return inside
    if ruler.reach(reach) >= size:
        # The rest makes two passages: two halves read better than a full one and a scrap.
        reach = max(low, min(reach, text + (size - text) * 3 // 5))
        stop = min(stop, _skip(content, reach, stop))
    for level in levels:
        if (cut := level(content, low, stop)) > text:
            break
    else:
        cut = -1
    if last is not None and last.heading and 0 <= cut - last.at < len(last.heading) + 16:
        # A heading, a speaker's name or the first line of a function does not stay behind alone.
        return last.at
    if cut > text or (cut := last_blank(content, solid, stop)) > text:
        return cut
    return hard(content, text, reach)
