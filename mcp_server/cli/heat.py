"""What was kept of a text and what was dropped, stretch by stretch, with how much each was worth. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ...memory.compress import Compressed, CompressedItem, KeptSpan

STEPS = 5
"""How many shades scores are shown in."""


class Stretch(NamedTuple):
    """Characters of an original that were kept or dropped together; *step* 0 (least) to `STEPS` - 1, of what was kept.

    *score* is None for what was dropped, and where a text was kept as a whole, because nothing was weighed.
    """

    text: str
    kept: bool
    score: float | None = None
    step: int = 0


class Scale(NamedTuple):
    """The lowest and the highest score of an answer: scores compare within one answer only."""

    low: float
    high: float

    def step(self, score: float) -> int:
        if self.high <= self.low:
            return STEPS - 1
        return min(STEPS - 1, int(STEPS * (score - self.low) / (self.high - self.low)))

    def bounds(self, step: int) -> tuple[float, float]:
        """The scores that *step* stands for."""
        width = (self.high - self.low) / STEPS
        return self.low + step * width, self.low + (step + 1) * width


def scale(found: Compressed) -> Scale | None:
    """The scale of an answer; None where nothing was weighed."""
    scores = [span.score for item in found.items if item.form == "compressed" for span in item.spans]
    return Scale(min(scores), max(scores)) if scores else None


def stretches(item: CompressedItem, original: str, scale: Scale | None) -> Iterator[Stretch]:
    """*original*, from its beginning to its end, as it was kept and dropped."""
    if item.form == "full":
        yield Stretch(original, True, None, STEPS - 1)
        return
    yield from _cut(original, item.spans if item.form == "compressed" else (), scale)


def _cut(original: str, spans: Sequence[KeptSpan], scale: Scale | None) -> Iterator[Stretch]:
    at = 0
    for span in spans:
        if span.start > at:
            yield Stretch(original[at : span.start], False)
        step = scale.step(span.score) if scale is not None else STEPS - 1
        yield Stretch(original[span.start : span.end], True, span.score, step)
        at = span.end
    if at < len(original):
        yield Stretch(original[at:], False)


def figures(found: Compressed) -> str:
    """One line: tokens before and after, who chose and why, and what counted."""
    why = f" ({found.reason})" if found.reason else ""
    return (
        f"{found.tokens_before} tokens, {found.tokens_after} left ({found.ratio:.1%}), by {found.compressor}{why}; "
        f"counted by {found.counter}"
    )
