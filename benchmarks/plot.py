"""Latency against the number of memories, drawn as an SVG from the figures of `peers.py`.

python benchmarks/plot.py figures.json docs/latency.svg
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

COLOURS = {"memoryops": "#0b6e4f", "mem0": "#c44536", "chroma": "#3a5ba0"}
TITLES = {"memoryops": "MemoryOps", "mem0": "mem0", "chroma": "Chroma"}
PANELS = (("search", "One search (8 results)"), ("add", "One add"))
WIDTH, HEIGHT = 430, 330
LEFT, RIGHT, TOP, BOTTOM = 56, 84, 56, 46
"""Margins of a panel in pixels."""
STEPS = (1, 2, 5)
APART = 14.0
"""Least distance between two names beside the lines, in pixels."""

Report = Mapping[str, Mapping[str, Any]]


def draw(report: Report, value: str = "cpu_ms") -> str:
    """An SVG with a panel each for search and add; *report* maps item counts to each system's figures."""
    sizes = sorted(int(size) for size in report)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="11" fill="#333" role="img" aria-label="CPU time of a search and of an add against the number of '
        'memories, for MemoryOps, mem0 and Chroma">',
        f'<rect width="{2 * WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for number, (operation, title) in enumerate(PANELS):
        lines = {
            system: [
                (size, report[str(size)][system][operation][value]) for size in sizes if system in report[str(size)]
            ]
            for system in COLOURS
        }
        shown = {system: points for system, points in lines.items() if points}
        parts.append(f'<g transform="translate({number * WIDTH} 0)">{_panel(title, shown, sizes)}</g>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(title: str, lines: Mapping[str, Sequence[tuple[int, float]]], sizes: Sequence[int]) -> str:
    values = [value for points in lines.values() for _, value in points]
    low, high = _floor(min(values)), _ceiling(max(values))
    across = _scale(sizes[0], sizes[-1], LEFT, WIDTH - RIGHT)
    upwards = _scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<text x="{LEFT}" y="24" font-size="14" font-weight="bold">{escape(title)}</text>',
        f'<text x="{LEFT}" y="41">CPU ms, vectors cached; both axes logarithmic</text>',
    ]
    for tick in _ticks(low, high):
        y = upwards(tick)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for size in sizes:
        x = across(size)
        parts.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{size // 1000}k</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 10}" text-anchor="middle">memories</text>')
    for system, points in lines.items():
        path = "L".join(f"{across(size):.1f} {upwards(value):.1f}" for size, value in points)
        parts.append(f'<path d="M{path}" fill="none" stroke="{COLOURS[system]}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{across(size):.1f}" cy="{upwards(value):.1f}" r="3" fill="{COLOURS[system]}"/>'
            for size, value in points
        ]
    for system, y in _spread({system: upwards(points[-1][1]) for system, points in lines.items()}).items():
        parts.append(
            f'<text x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}" font-weight="bold" fill="{COLOURS[system]}">'
            f"{TITLES[system]}</text>"
        )
    return "\n".join(parts)


def _scale(low: float, high: float, start: float, end: float) -> Any:
    span = math.log(high / low) or 1.0
    return lambda value: start + (end - start) * math.log(value / low) / span


def _floor(value: float) -> float:
    return max(tick for tick in _steps() if tick <= value)


def _ceiling(value: float) -> float:
    return min(tick for tick in _steps() if tick >= value)


def _steps() -> list[float]:
    return [step * 10.0**power for power in range(-3, 7) for step in STEPS]


def _ticks(low: float, high: float) -> list[float]:
    return [tick for tick in _steps() if low <= tick <= high]


def _spread(places: Mapping[str, float]) -> dict[str, float]:
    """The same places, downwards in their order, none nearer than `APART` to the one above."""
    found: dict[str, float] = {}
    last = -math.inf
    for name, place in sorted(places.items(), key=lambda each: each[1]):
        last = found[name] = max(place, last + APART)
    return found


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(draw(json.loads(Path(sys.argv[1]).read_text())["cached"]), "utf-8")
