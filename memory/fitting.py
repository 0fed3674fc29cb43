"""Carrying out a plan: what is to be compressed is compressed together, the rest was decided.

The result is never above the plan's goal, whatever the compressor does: each text's hint is paid for first, and a
compressed text takes its place only where the room that is left pays for it, the newest of the highest priority first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..compressors import tokens
from ..compressors.chain import standard
from ..compressors.ports import Compressor, Passage
from . import messages
from .parts import Part
from .tiers import Left, Shortened, afforded, shortened
from .window import Level, Plan, Step


@dataclass(frozen=True, slots=True)
class Fitted:
    """A context that fits its window.

    *steps*: what became of each part, with its *text* where that was replaced, in the order of the context.
    *messages*: the messages that the plan was made from; those that were not replaced are the same objects.
    *tokens_after* are at most *goal*; both counts include what was reserved, and are by *counter*. *tiers*: the tokens
    of what is full, compressed and hint, and what was reserved. *compressor* did the compressing ("" where there was
    none), *reason* says why not the first choice.
    """

    steps: tuple[Step, ...]
    messages: tuple[Mapping[str, Any], ...]
    level: Level
    tokens_before: int
    tokens_after: int
    goal: int
    max_tokens: int
    utilization_before: float
    utilization_after: float
    tiers: Mapping[str, int]
    compressor: str
    reason: str
    counter: str

    @property
    def replaced(self) -> list[Step]:
        """The steps whose text was replaced; their ids bring the originals back."""
        return [step for step in self.steps if step.new]


def apply(plan: Plan, compressor: Compressor | None = None) -> Fitted:
    """*plan* carried out with *compressor* (default: the standard chain).

    Where it fails the extractive one is asked, and where that fails, too, hints stand in. A compressor that may hang
    belongs into a `Chain`, which gives it up after a limit. What is replaced is gone for the caller unless it kept
    the originals: `MemoryOps.fit` does.
    """
    note = Shortened()
    chosen = [step for step in plan.steps if step.new and step.form == "compressed"]
    made = dict(zip((step.parts for step in chosen), _compressed(plan, chosen, compressor, note), strict=True))
    steps = tuple(made.get(step.parts, step) for step in plan.steps)
    after = plan.reserved + sum(step.tokens for step in steps)
    tiers: Counter[str] = Counter(full=0, compressed=0, hint=0)
    for step in steps:
        tiers[step.form] += step.tokens
    if plan.reserved:
        tiers["reserved"] = plan.reserved
    forms = {step.form for step in steps if step.new}
    return Fitted(
        steps,
        tuple(_message(plan.messages, step) for step in steps) if plan.messages else (),
        "compressed" if forms & {"compressed", "summary"} else "hints" if forms else "full",
        plan.tokens_before,
        after,
        plan.goal,
        plan.window.max_tokens,
        plan.window.utilization(plan.tokens_before),
        plan.window.utilization(after),
        dict(tiers),
        note.compressor if forms & {"compressed", "summary"} else "",
        note.reason,
        plan.counter,
    )


def _compressed(plan: Plan, steps: Sequence[Step], compressor: Compressor | None, note: Shortened) -> list[Step]:
    """*steps* carried out: compressed, or as hints where nothing is left or there is no room."""
    if not steps:
        return []
    parts = [plan.parts[step.parts[0]] for step in steps]
    least = [_least(step, part) for step, part in zip(steps, parts, strict=True)]
    room = plan.goal - plan.tokens_after + sum(step.tokens for step in steps) - sum(step.tokens for step in least)
    paid = [step.tokens for step in least]
    texts = _shortened(parts, paid, room, plan.query, compressor or standard(), note)
    made = [_made(step, part, left) for step, part, left in zip(steps, parts, texts, strict=True)]
    order = sorted(range(len(steps)), key=lambda n: (-parts[n].priority, -steps[n].parts[0]))
    costs = [each.tokens if (each := made[n]) is not None else None for n in order]
    taken = afforded(costs, [paid[n] for n in order], room)
    found = list(least)
    for n, fits in zip(order, taken, strict=True):
        if fits and (each := made[n]) is not None:
            found[n] = each
    return found


def _shortened(
    parts: Sequence[Part], paid: Sequence[int], room: int, query: str, compressor: Compressor, note: Shortened
) -> list[Left]:
    """*parts* compressed together into *room* and what is *paid* for their hints.

    Where nothing is left of some, their hints need what was paid; the others are compressed once more, into less,
    if they do not fit beside them.
    """
    headers = [part.frame + tokens.count(part.shortened("")) for part in parts]

    def together(chosen: Sequence[int]) -> list[Left]:
        said = [n for n in chosen if parts[n].body.strip()]
        passages = [Passage(parts[n].id, parts[n].body, parts[n].content_type) for n in said]
        found = dict(zip(said, shortened(passages, query, budget(said), compressor, note), strict=True))
        return [found.get(n, Left()) for n in chosen]

    def budget(chosen: Sequence[int]) -> int:
        return room + sum(paid[n] - headers[n] for n in chosen)

    found = together(range(len(parts)))
    alive = [n for n, left in enumerate(found) if left.text]
    fits = sum(tokens.count(found[n].text) for n in alive) <= budget(alive)
    if not alive or len(alive) == len(parts) or fits:
        return found
    again = dict(zip(alive, together(alive), strict=True))
    return [again.get(n, Left()) for n in range(len(parts))]


def _least(step: Step, part: Part) -> Step:
    """The form of *part* that takes least."""
    line = part.frame + tokens.count(part.line)
    if line >= part.tokens:
        return _same(step, part)
    return replace(step, form="hint", text=part.line, tokens=line)


def _made(step: Step, part: Part, left: Left) -> Step | None:
    """*part* with what is *left* of it; None where nothing is."""
    if not left.text:
        return None
    anew = left.rewritten or part.form == "summary"
    marked = part.shortened(left.text, rewritten=anew)
    cost = part.frame + tokens.count(marked)
    if (left.text == part.body and not part.media) or cost >= part.tokens:
        return _same(step, part)
    return replace(step, form="summary" if anew else "compressed", text=marked, tokens=cost)


def _same(step: Step, part: Part) -> Step:
    return replace(step, form=part.form, new=False, text=None, tokens=part.tokens)


def _message(originals: Sequence[Mapping[str, Any]], step: Step) -> Mapping[str, Any]:
    message = originals[step.parts[0]]
    return message if step.text is None else messages.with_text(message, step.text)
