"""Carrying out what was planned: texts compressed together under one budget, paid for out of one room.

Shared by the working set, which ranks memories by a purpose, and the context window, which ranks by priority and age.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..compressors.extractive import Extractive
from ..compressors.ports import Compressor, Kept, Passage
from ..compressors.render import keep

LEAST_TOKENS = 12
"""Less room than this is not worth compressing texts into."""


@dataclass(slots=True)
class Shortened:
    """Who shortened texts so far, and why not the first choice."""

    compressor: str = ""
    reasons: dict[str, None] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        return "; ".join(self.reasons)


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of one text, "" for nothing; *rewritten*: a model wrote it, it is no part of the text."""

    text: str = ""
    rewritten: bool = False


def shortened(
    passages: Sequence[Passage], query: str, budget: int, compressor: Compressor, note: Shortened
) -> list[Left]:
    """What *compressor* leaves of each of *passages* in *budget* tokens together.

    Where it fails the extractive one is asked, and where that fails, too, nothing is left; *note* says who did it
    and why. What it returns is believed only as far as its spans are parts of the passages, in their order.
    """
    if not passages or budget < LEAST_TOKENS:
        return [Left()] * len(passages)
    for each in (compressor, Extractive()):
        try:
            kept = _checked(each.compress(passages, query, budget), passages)
        except Exception as error:  # whatever it raises, the next one is asked, and the reason is told
            note.reasons[f"{each.name}: {type(error).__name__}: {error}"] = None
            continue
        note.compressor = kept.compressor
        if kept.reason:
            note.reasons[kept.reason] = None
        return [Left(text, number in kept.rewritten) for number, text in enumerate(kept.texts)]
    return [Left()] * len(passages)


def _checked(kept: Kept, passages: Sequence[Passage]) -> Kept:
    rewritten = {number: kept.texts[number] for number in kept.rewritten}
    return keep(passages, kept.spans, kept.compressor, kept.reason, kept.tokens_before, rewritten)


def afforded(costs: Sequence[int | None], paid: Sequence[int], room: int) -> list[bool]:
    """Which of some texts there is *room* for, the first ones first.

    *costs*: what each would take (None: nothing is left of it); *paid*: what is set aside for each already, and is
    free again where it is taken.
    """
    taken: list[bool] = []
    for cost, refund in zip(costs, paid, strict=True):
        fits = cost is not None and cost - refund <= room
        if fits and cost is not None:
            room -= cost - refund
        taken.append(fits)
    return taken
