"""Collects the units of a text while it is cut."""

from __future__ import annotations

import re
from typing import NamedTuple

from .cuts import LEVELS, hard, last_blank

ATOM = 1000
"""Characters. A sentence, statement or line beyond this is nothing that anybody reads whole, and is cut further."""
MAX_INDENT = 80

_SPACE = re.compile(r"\s*")


class Unit(NamedTuple):
    """Characters *start* to *end* that are kept together, and the units *needs* (by number) that go with them.

    A sentence needs its heading, a statement its signature, a JSON member the brackets around it.
    """

    start: int
    end: int
    needs: tuple[int, ...] = ()


class Sheet:
    """The units of *content* found so far, in order."""

    def __init__(self, content: str, longest: int) -> None:
        self.content, self.longest = content, longest
        self._units: list[tuple[int, int, list[int]]] = []

    def add(self, start: int, end: int, needs: tuple[int, ...] = ()) -> int | None:
        """Make *start* to *end*, without blank margins but with its indentation, a unit; its number."""
        text = self.skip(start, end)
        if text >= end:
            return None
        stop = start + len(self.content[start:end].rstrip())
        self._units.append((self._line_start(start, text), stop, list(needs)))
        return len(self._units) - 1

    def add_exact(self, start: int, end: int, needs: tuple[int, ...] = ()) -> int:
        """Make *start* to *end* a unit as it is; its number."""
        self._units.append((start, end, list(needs)))
        return len(self._units) - 1

    def add_pieces(self, start: int, end: int, needs: tuple[int, ...] = (), kind: str = "prose") -> None:
        """Make *start* to *end* a unit, or several where it is longer than `ATOM`."""
        while end - start > ATOM:
            cut = self._cut(start, start + ATOM, kind)
            self.add(start, cut, needs)
            start = cut
        self.add(start, end, needs)

    def tie(self, unit: int | None, to: int | None) -> None:
        """Let *unit* need *to*, which may come later."""
        if unit is not None and to is not None:
            self._units[unit][2].append(to)

    def skip(self, start: int, end: int) -> int:
        """The first character from *start* that is not blank, or *end*."""
        found = _SPACE.match(self.content, start, end)
        return found.end() if found else start

    def units(self) -> list[Unit]:
        return [Unit(start, end, tuple(needs)) for start, end, needs in self._units]

    def _line_start(self, start: int, text: int) -> int:
        """Where the line of *text* begins, if only indentation lies between."""
        line = self.content.rfind("\n", start, text) + 1
        if not line:
            line = start if start == 0 or self.content[start - 1] in "\r\n" else text
        return line if text - line <= MAX_INDENT else text

    def _cut(self, start: int, stop: int, kind: str) -> int:
        low = start + ATOM // 2
        for level in (*LEVELS[kind], last_blank):
            if (cut := level(self.content, low, stop)) > low:
                return cut
        return hard(self.content, start, stop)
