"""Kept and dropped text in a terminal: colour for what was kept, its score behind it, and the rest dimmed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import heat, output

if TYPE_CHECKING:
    from rich.text import Text

    from ...memory.compress import Compressed

STYLES = ("green", "green", "bold green", "bold bright_green", "bold black on bright_green")
"""What was kept, from the least worth to the most; without colours, bold still tells the better from the rest."""
SHOWN = 240
"""Characters that are shown of either end of a dropped stretch; what lies between is counted."""


def has_styles() -> bool:
    """Whether standard output is a terminal that can tell kept from dropped."""
    console = output.console()
    return console.is_terminal and not console.is_dumb_terminal


def show(found: Compressed, originals: Mapping[int, str]) -> None:
    """Print all items of *found*, whose texts were *originals* (by place)."""
    from rich.text import Text

    console = output.console()
    scale = heat.scale(found)
    for place, item in enumerate(found.items):
        if len(found.items) > 1:
            console.print(Text(f"{item.id}  {item.form}", style="bold"), soft_wrap=True)
        if item.form in ("hint", "summary"):
            console.print(Text(output.printable(item.text), style=STYLES[-2]), soft_wrap=True)
        shown = Text()
        for stretch in heat.stretches(item, originals[place], scale):
            _append(shown, stretch)
        console.print(shown, soft_wrap=True)


def _append(shown: Text, stretch: heat.Stretch) -> None:
    if not stretch.kept:
        shown.append(output.printable(folded(stretch.text)), style="dim")
        return
    shown.append(output.printable(stretch.text), style=STYLES[stretch.step])
    if stretch.score is not None:
        shown.append(f" {stretch.score:.2f}", style="cyan")


def folded(text: str) -> str:
    """*text*, or its two ends where it is long."""
    left_out = len(text) - 2 * SHOWN
    if left_out < SHOWN:
        return text
    return f"{text[:SHOWN].rstrip()} … [{left_out:,} characters] … {text[-SHOWN:].lstrip()}"
