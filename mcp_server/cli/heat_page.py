"""One self-contained HTML page that shows what was kept of a text, shaded by score, and what was dropped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING

from . import heat, output

if TYPE_CHECKING:
    from ...memory.compress import Compressed, CompressedItem

LIGHT = {"page": "#ffffff", "text": "#1b1b1b", "dropped": "#666666", "line": "#767676"}
LIGHT_STEPS = ("#fdf3d6", "#fbe6a8", "#f8d574", "#f4c03f", "#eda81c")
DARK = {"page": "#151515", "text": "#f1f1f1", "dropped": "#9b9b9b", "line": "#8a8a8a"}
DARK_STEPS = ("#2a2411", "#40340f", "#57450c", "#6d5508", "#836504")
"""Colours of the page by scheme; every text stands out from what is behind it by 4.5 to 1 or more (WCAG 2, AA)."""

FOLDED = 600
"""Characters of a dropped stretch from which on it is folded away."""
SHOWN = 20_000
"""Characters of one folded stretch that the page holds, half from either end, so that it opens for any text."""

_CSS = """\
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 1.5rem; max-width: 60rem; background: var(--page); color: var(--text);
  font: 1rem/1.6 system-ui, sans-serif; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; } dt { color: var(--dropped); }
dd { margin: 0; overflow-wrap: anywhere; }
.text, .own { white-space: pre-wrap; overflow-wrap: anywhere; border-top: 1px solid var(--line); padding-top: 1rem; }
.own { border: 1px solid var(--line); padding: .8rem; }
mark { color: inherit; border-bottom: 2px solid var(--line); border-radius: 2px; }
.d, summary { color: var(--dropped); }
summary { cursor: pointer; font-style: italic; }
.key mark { padding: .1rem .5rem; margin-right: .3rem; }
#only:checked ~ main .d { font-size: 0; }
#only:checked ~ main .d > * { display: none; }
#only:checked ~ main .d::before { content: " … "; font-size: 1rem; }
"""


def page(found: Compressed, originals: Mapping[int, str], query: str, title: str) -> str:
    """The page for *found*, whose texts were *originals* (by place in its items)."""
    scale = heat.scale(found)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(title)}: what was kept</title>",
        f"<style>{_colours()}{_CSS}</style></head><body>",
        f"<h1>What was kept of {_text(title)}</h1>",
        _figures(found, query),
        _legend(scale),
        '<input type="checkbox" id="only"> <label for="only">Show only what was kept</label>',
        "<main>",
        *(_item(item, originals[place], scale, found) for place, item in enumerate(found.items)),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _text(text: str) -> str:
    return escape(output.printable(text))


def _colours() -> str:
    def scheme(colours: Mapping[str, str], steps: tuple[str, ...]) -> str:
        named = "".join(f"--{name}: {colour}; " for name, colour in colours.items())
        shades = " ".join(f".s{step} {{ background: {colour}; }}" for step, colour in enumerate(steps))
        return f":root {{ {named}}} {shades}"

    return f"{scheme(LIGHT, LIGHT_STEPS)}\n@media (prefers-color-scheme: dark) {{ {scheme(DARK, DARK_STEPS)} }}\n"


def _figures(found: Compressed, query: str) -> str:
    rows = {
        "Question": query.strip() or "none: what stands for the whole",
        "Tokens": f"{found.tokens_before:,} before, {found.tokens_after:,} after ({found.ratio:.1%})",
        "Budget": f"{found.budget_tokens:,} tokens",
        "Counted by": found.counter,
        "Chosen by": found.compressor,
        "Why": found.reason or "it was the first choice",
    }
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{_text(value)}</dd>' for name, value in rows.items())}</dl>"


def _legend(scale: heat.Scale | None) -> str:
    dropped = '<span class="d">dropped</span>'
    if scale is None:
        return f'<p class="key"><mark class="s{heat.STEPS - 1}">kept as a whole</mark> {dropped}</p>'
    steps = range(heat.STEPS) if scale.high > scale.low else [heat.STEPS - 1]
    marks = []
    for step in steps:
        low, high = scale.bounds(step)
        marks.append(f'<mark class="s{step}">{low:.2f} to {high:.2f}</mark>')
    return f'<p class="key">Kept, by score: {"".join(marks)} {dropped}</p>'


def _item(item: CompressedItem, original: str, scale: heat.Scale | None, found: Compressed) -> str:
    parts = ["<section>"]
    if len(found.items) > 1:
        parts.append(f"<h2>{_text(str(item.id))}: {item.form.replace('_', ' ')}</h2>")
    if item.form in ("summary", "hint"):
        what = "A summary in a model's own words" if item.form == "summary" else "Only this hint"
        parts.append(f'<p>{what}:</p><div class="own" dir="auto">{_text(item.text)}</div>')
    shown = "".join(_stretch(stretch) for stretch in heat.stretches(item, original, scale))
    parts.append(f'<div class="text" dir="auto">{shown}</div></section>')
    return "\n".join(parts)


def _stretch(stretch: heat.Stretch) -> str:
    if stretch.kept:
        told = "" if stretch.score is None else f' title="score {stretch.score:.3f}"'
        return f'<mark class="s{stretch.step}"{told}>{_text(stretch.text)}</mark>'
    if not stretch.text.strip():
        return _text(stretch.text)
    if len(stretch.text) <= FOLDED:
        return f'<span class="d">{_text(stretch.text)}</span>'
    size = f"{len(stretch.text):,} characters dropped"
    return f'<details class="d"><summary>{size}</summary>{"".join(_ends(stretch.text))}</details>'


def _ends(text: str) -> Iterator[str]:
    if len(text) <= SHOWN:
        yield _text(text)
        return
    half = SHOWN // 2
    yield _text(text[:half])
    yield f"\n\n<em>[{len(text) - SHOWN:,} more characters are not on this page]</em>\n\n"
    yield _text(text[-half:])
