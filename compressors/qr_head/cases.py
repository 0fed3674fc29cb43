"""Selection as it is measured: a context of units, a query, its evidence, and how much of that is kept. Pure.

A file has a JSON object a line: {set, id, query, units, groups, evidence, need}. *units* are sentences or turns in
order; *groups* say which paragraph, session or part each is in; *evidence* lists alternatives, each the units that
answer together. *need* "any": 1 if all units of one alternative are kept, else 0. "all": the share of the evidence's
tokens that is kept, of at most the budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import rows
from .windows import Span

SHARES = (0.5, 0.25, 0.1, 0.05, 0.02)
"""How much of a context's tokens may be kept."""

Mask = NDArray[np.bool_]
Costs = Sequence[int] | NDArray[np.integer[Any]]
"""The tokens of each unit."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question. *passages*: the units of each group in order; *evidence* counts units through all of them."""

    set: str
    query: str
    passages: tuple[tuple[str, ...], ...]
    evidence: tuple[tuple[int, ...], ...]
    need: str

    @property
    def units(self) -> list[str]:
        return [unit for passage in self.passages for unit in passage]

    @property
    def texts(self) -> list[str]:
        """Each passage as one text, a unit a line."""
        return ["\n".join(passage) for passage in self.passages]

    @property
    def spans(self) -> list[list[Span]]:
        """Where the units stand in each of `texts`."""
        return [spans(passage) for passage in self.passages]


def spans(passage: Sequence[str]) -> list[Span]:
    """Where the units of *passage* stand in it, a unit a line."""
    found, start = [], 0
    for unit in passage:
        found.append((start, start + len(unit)))
        start += len(unit) + 1
    return found


def read(path: Path) -> list[Case]:
    """The cases in *path*, gzipped or not. Raises `ValueError` naming the line."""
    return rows.read(path, _case, "case")


def _case(row: Mapping[str, Any]) -> Case:
    units, evidence = row["units"], tuple(tuple(each) for each in row["evidence"])
    groups = row.get("groups") or [0] * len(units)
    if row["need"] not in ("any", "all") or len(groups) != len(units):
        raise ValueError('need is neither "any" nor "all", or there is not a group for each unit')
    if not any(evidence) or not all(0 <= place < len(units) for each in evidence for place in each):
        raise ValueError("the evidence names no unit")
    pairs = zip(groups, units, strict=True)
    passages = tuple(tuple(unit for _, unit in own) for _, own in groupby(pairs, key=lambda pair: pair[0]))
    return Case(row["set"], row["query"], passages, evidence, row["need"])


def kept(worths: Sequence[float] | NDArray[Any], costs: Costs, budget: int) -> Mask:
    """Which units are kept: those of most worth that fit, the first of equals before the second."""
    values = np.asarray(worths, np.float64)
    chosen = np.zeros(len(values), bool)
    sizes = np.asarray(costs, np.int64)
    order = np.argsort(-values, kind="stable")
    order = order[sizes[order] > 0]
    used = np.cumsum(sizes[order])
    first = int(np.searchsorted(used, budget, side="right"))  # up to here, all fit
    chosen[order[:first]] = True
    room = budget - (int(used[first - 1]) if first else 0)
    least = int(sizes[order].min()) if len(order) else 0
    for place in order[first:]:
        if room < least:
            break
        if sizes[place] <= room:
            chosen[place] = True
            room -= int(sizes[place])
    return chosen


def score(case: Case, chosen: Mask, costs: Costs, budget: int) -> float:
    """How much of what answers *case* is in *chosen*, 0 to 1."""
    if case.need == "any":
        return float(any(all(chosen[unit] for unit in each) for each in case.evidence if each))
    units = sorted({unit for each in case.evidence for unit in each})
    total = sum(costs[unit] for unit in units)
    held = sum(costs[unit] for unit in units if chosen[unit])
    return float(held / max(1, min(total, budget)))
