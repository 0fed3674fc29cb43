"""What is chosen takes more than its parts did: what is let go again takes along what nothing else needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from memoryops.compressors.pieces import pieces
from memoryops.compressors.ports import Passage
from memoryops.compressors.select import select
from memoryops.compressors.structure.units import units

LINES = "".join(f"  value_{n} = compute({n})\n" for n in range(12))
JSON = json.dumps([[[f"one {n}" for n in range(6)], "two"], {"key": [f"three {n}" for n in range(6)]}, "four"])
FENCED = f"Before it.\n\n```python\n{LINES}```\n\nBehind it."
BRACED = f"function run() {{\n{LINES}}}\n\nfunction next() {{\n{LINES}}}\n"


def kept_at_any_budget(text: str, kind: str) -> Iterator[str]:
    """Every part is taken to cost one token, so that all are chosen at first, those of least worth last."""
    found = units(text, kind, longest=40)
    passages = [Passage("a", text, kind)]
    for order in (1.0, -1.0):
        worths = [100 + order * number for number in range(len(found))]
        cheap = [replace(each, cost=1) for each in pieces(passages, [found], worths)]
        yield from (select(passages, cheap, budget, "test").text for budget in range(len(cheap), 200))


def test_json_parses() -> None:
    assert [json.loads(each) for each in kept_at_any_budget(JSON, "json") if each]


@pytest.mark.parametrize(
    ("text", "kind", "opens", "closes"),
    [(FENCED, "markdown", "```python", "```"), (BRACED, "code", "function", "}")],
)
def test_nothing_is_closed_that_was_not_opened(text: str, kind: str, opens: str, closes: str) -> None:
    for each in kept_at_any_budget(text, kind):
        lines = [line.strip() for line in each.splitlines()]
        assert lines.count(closes) == sum(line.startswith(opens) for line in lines)
