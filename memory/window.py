"""The context window of a model, and the plan that makes a context fit it. Pure: no store, no compressor, no clock.

Below the trigger everything stays. Above it the lowest priorities, and among equals the oldest texts, are compressed
as far as the *target* asks for; where a fifth of each would not get there, they become one-line hints, the lowest
first; where even that does not do, hints alone remain and the context may come up to *hard*. Only then are hints cut
down to marks, of which one may name many texts, what was used in the last turns makes room, too, and `ContextOverflow`
says when the rest is too much.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..compressors import tokens
from ..compressors.ports import Compressor
from . import counting, inputs, llms, messages
from .drafts import hint
from .errors import ContextOverflow, InvalidInput
from .models import Form, Item
from .parts import SAME, Hold, Part, content_id, hint_text, of_item, shared_text

if TYPE_CHECKING:
    from .fitting import Fitted

Message = Mapping[str, Any]
Level = Literal["full", "compressed", "hints"]

TRIGGER, TARGET, HARD = 0.75, 0.5, 0.85
KEEP = 0.2
"""A text is compressed, not hinted at, while it can keep this share of its tokens."""
RUN = 21
"""How many plain messages one line stands for. Odd, so that questions and answers go on alternating."""
SHARED = 50
"""How many texts one mark names at most: so many lines has the list that it brings back."""
RECENT = 4
"""How many of the last steps stay: a step begins with each question, answer or round of tool calls."""


@dataclass(frozen=True, slots=True)
class ContextWindow:
    """The window of a model: *max_tokens*, and shares of it.

    Above *trigger* texts make room until *target* is met; a context is never above *hard* (or `ContextOverflow` is
    raised), which leaves room for the answer and for the counter's error. *model*: whose window it is, if anybody's.
    """

    max_tokens: int
    trigger: float = TRIGGER
    target: float = TARGET
    hard: float = HARD
    model: str = ""

    def __post_init__(self) -> None:
        inputs.whole(self.max_tokens, "max_tokens", 0, 10**12)
        for name in ("trigger", "target", "hard"):
            inputs.number(getattr(self, name), name, 0, 1)
        if not self.target <= self.trigger <= self.hard:
            raise InvalidInput(
                f"target {self.target}, trigger {self.trigger} and hard {self.hard} are shares of the window, "
                "each at least as large as the one before"
            )

    @classmethod
    def for_model(cls, name: str, models_file: Path | None = None) -> ContextWindow:
        """The window of the model *name* by the table (see `llms`), which *models_file* extends.

        A model that is not in it gets a small window and an `UnknownModelWarning`.
        """
        return cls.of(llms.find(name, llms.table(models_file)))

    @classmethod
    def of(cls, model: llms.Llm) -> ContextWindow:
        """The window of *model*."""
        trigger = model.compression_trigger
        return cls(model.context_length, trigger, min(TARGET, trigger), model.safe_threshold, model.name)

    @property
    def trigger_tokens(self) -> int:
        return math.floor(self.max_tokens * self.trigger)

    @property
    def target_tokens(self) -> int:
        return math.floor(self.max_tokens * self.target)

    @property
    def hard_tokens(self) -> int:
        return math.floor(self.max_tokens * self.hard)

    def utilization(self, tokens: int) -> float:
        """What *tokens* take of the window, in per cent."""
        return round(100 * tokens / self.max_tokens, 2) if self.max_tokens else (100.0 if tokens else 0.0)

    def plan(
        self,
        context: Sequence[Message | Part | Item],
        query: str | None = None,
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        reserve: int = 0,
        used: Collection[str] = (),
        recent: int = RECENT,
    ) -> Plan:
        """What of *context*, in the order of time, stays whole, is compressed or becomes a hint.

        *context*: messages as OpenAI and LangChain write them (see `messages`), or memories and `Part`s, not mixed.
        *query*: what compressed texts are to help with (default: the last question). *tools*: tool schemas, which
        count and stay as they are, as *reserve* tokens of the answer do. *used*: ids that stay like the last *recent*
        steps. Raises `InvalidInput`, or `ContextOverflow` with the figures.
        """
        inputs.whole(reserve, "reserve", 0, 10**12)
        inputs.whole(recent, "recent", 0, 10**6)
        messages.listed(context)
        given = tuple(context)
        if all(isinstance(each, Mapping) for each in given):
            originals = tuple(each for each in given if isinstance(each, Mapping))
            parts = messages.parts_of(originals, recent=recent)
        else:
            originals = ()
            parts = [_part(number, each) for number, each in enumerate(given)]
        parts = [replace(p, hold="recent") if p.id in used and p.hold == "free" else p for p in parts]
        reserved = reserve + messages.schema_tokens(tools)
        return planned(self, parts, messages.question(query, originals), reserved, originals)

    def apply(self, plan: Plan, compressor: Compressor | None = None) -> Fitted:
        """*plan* carried out; see `fitting.apply`."""
        from .fitting import apply

        return apply(plan, compressor)


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one part, or of a run of them that one line stands for.

    *parts*: their places in the context. *id* brings the original back (of a run: the list of its lines). *new*:
    whether it is to be replaced; else it stays as it is, in whatever *form*. *text*: the line of a new hint.
    *tokens*: what it takes; of what is to be compressed, its share of the room that those texts have together.
    *shared*: the parts that its mark names, itself the first, if there are others; *id* is then that of their list.
    """

    form: Form
    parts: tuple[int, ...]
    id: str
    tokens: int
    new: bool = False
    text: str | None = None
    shared: tuple[int, ...] = ()

    @property
    def listed(self) -> tuple[int, ...]:
        """The parts that *id* brings back as a list of theirs; none where it brings back the original itself."""
        return self.shared or (self.parts if len(self.parts) > 1 else ())


@dataclass(frozen=True, slots=True)
class Plan:
    """What stays, what is compressed and what becomes a hint, in the order of the context; nothing is done yet.

    *goal*: the tokens that the result is not above. *reserved*: tokens of tool schemas and of the answer, which count
    before and after. *messages*: the messages it was made from, if it was.
    """

    window: ContextWindow
    parts: tuple[Part, ...]
    steps: tuple[Step, ...]
    query: str
    reserved: int
    goal: int
    messages: tuple[Message, ...] = ()
    counter: str = field(default_factory=tokens.name)

    @property
    def level(self) -> Level:
        """full: nothing is replaced; compressed: some is compressed; hints: what is replaced becomes hints alone."""
        forms = {step.form for step in self.steps if step.new}
        return "compressed" if "compressed" in forms else "hints" if forms else "full"

    @property
    def tokens_before(self) -> int:
        return self.reserved + sum(part.tokens for part in self.parts)

    @property
    def tokens_after(self) -> int:
        """What is planned to be left; the result is not above `goal`."""
        return self.reserved + sum(step.tokens for step in self.steps)

    @property
    def replaced(self) -> list[int]:
        """The places of the parts whose text will not stay: their originals have to be kept somewhere first."""
        return [place for step in self.steps if step.new for place in step.parts]


def planned(
    window: ContextWindow,
    parts: Sequence[Part],
    query: str = "",
    reserved: int = 0,
    originals: Sequence[Message] = (),
    ample: int | None = None,
) -> Plan:
    """The plan for *parts*; see `ContextWindow.plan`.

    *ample*: the tokens that hints alone are to stay within, if they can as marks (default: the hard limit).
    """
    costs = _Costs(parts)
    total = reserved + sum(part.tokens for part in parts)
    goal, cut = window.trigger_tokens, _Cut()
    if total > window.trigger_tokens:
        goal, cut = _replaced(window, costs, reserved, window.hard_tokens if ample is None else ample)
    steps = tuple(costs.steps(cut))
    return Plan(window, tuple(parts), steps, query, reserved, goal, tuple(originals))


@dataclass(frozen=True, slots=True)
class _Cut:
    """The places of what becomes a hint, of what is compressed, and of the hints that are nothing but their mark;
    whether such hints may have one mark together."""

    hinted: Set[int] = frozenset()
    compressed: Set[int] = frozenset()
    bare: Set[int] = frozenset()
    shared: bool = False


def _replaced(window: ContextWindow, costs: _Costs, reserved: int, ample: int) -> tuple[int, _Cut]:
    """The tokens to stay within, and what is replaced to do so."""
    free = costs.order("free")
    if cut := _least(costs, free, _Cut(), window.target_tokens - reserved):
        return window.target_tokens, cut
    everything = frozenset(free)

    for shared in (False, True):
        cut = _barest(costs, free, ample - reserved, shared)
        if costs.total(cut) <= ample - reserved:
            return ample, cut
    marks, room = _Cut(everything, bare=everything, shared=True), window.hard_tokens - reserved
    if costs.total(marks) <= room:
        return window.hard_tokens, marks
    held = [*costs.order("recent"), *costs.order("last")]
    if cut := _least(costs, held, marks, room):
        return window.hard_tokens, cut
    everything |= set(held)
    least = _Cut(everything, bare=everything, shared=True)
    left = costs.total(least) + reserved
    if left <= window.hard_tokens:
        return window.hard_tokens, least
    raise ContextOverflow(
        left,
        window.max_tokens,
        window.hard_tokens,
        fixed=reserved + costs.fixed,
        before=reserved + sum(part.tokens for part in costs.parts),
        counter=tokens.name(),
    )


def _least(costs: _Costs, order: Sequence[int], base: _Cut, room: int) -> _Cut | None:
    """The least of *order* to hint at and to compress, first ones first and beside *base*, to fit *room*."""
    left = costs.total(base)
    for number, place in enumerate(order, start=1):
        left -= costs.parts[place].tokens - costs.share(place)
        if left <= room:
            return replace(base, compressed=frozenset(order[:number]))

    def cut(hints: int) -> _Cut:
        return replace(base, hinted=base.hinted | set(order[:hints]), compressed=frozenset(order[hints:]))

    if costs.total(cut(len(order))) > room:
        return None
    return cut(_first(len(order), lambda hints: costs.total(cut(hints)) <= room))


def _barest(costs: _Costs, order: Sequence[int], room: int, shared: bool) -> _Cut:
    """All of *order* as hints, of which as few as fit *room*, first ones first, are nothing but a mark."""

    def cut(bare: int) -> _Cut:
        return _Cut(frozenset(order), bare=frozenset(order[:bare]), shared=shared)

    return cut(_first(len(order), lambda bare: costs.total(cut(bare)) <= room))


def _first(most: int, enough: Callable[[int], bool]) -> int:
    """The least number up to *most* that is *enough*, *most* if none is; what is enough stays enough with more."""
    low, high = 0, most
    while low < high:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle + 1
    return high


class _Costs:
    """What each part takes in each form (tokens), counted when it is first asked for."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts
        self._lines: dict[int, int] = {}
        self._shares: dict[int, int] = {}
        self._runs: dict[int, Step] = {}

    @property
    def fixed(self) -> int:
        """What is untouchable: pinned texts, and what stands beside the others, unless one line may stand for them."""
        return sum(part.tokens if part.hold == "pinned" else 0 if part.joins else part.frame for part in self.parts)

    def order(self, hold: Hold) -> list[int]:
        """The places of the parts of that *hold* that can make room, those that make it first first."""
        found = [place for place, part in enumerate(self.parts) if part.hold == hold and part.form != "hint"]
        found = [place for place in found if self.parts[place].size or self.parts[place].media]
        return sorted(found, key=lambda n: (self.parts[n].priority, n))

    def line(self, place: int) -> int:
        """What it takes as a hint."""
        if place not in self._lines:
            self._lines[place] = self.parts[place].frame + counting.count(self.parts[place].line)
        return self._lines[place]

    def bare(self, place: int) -> int:
        """What it takes as a hint that is nothing but its mark."""
        return min(self.line(place), self.parts[place].frame + counting.count(self.parts[place].mark))

    def share(self, place: int) -> int:
        """What it is given when it is compressed; all that it takes where that would gain nothing."""
        if place not in self._shares:
            part = self.parts[place]
            header = counting.count(part.shortened(""))
            wanted = part.frame + header + min(part.size, math.ceil(KEEP * (part.size + part.media)))
            self._shares[place] = min(part.tokens, max(self.line(place), wanted))
        return self._shares[place]

    def total(self, cut: _Cut) -> int:
        return sum(step.tokens for step in self.steps(cut))

    def steps(self, cut: _Cut) -> list[Step]:
        """Every part's step, in order."""
        return self._sharing(self._apart(cut), cut.bare) if cut.shared else self._apart(cut)

    def _apart(self, cut: _Cut) -> list[Step]:
        """Every part's step, no mark shared."""
        found: list[Step] = []
        place = 0
        while place < len(self.parts):
            end = max(self._end(place, cut.hinted), place + 1)
            for first in range(place, end, RUN):
                last = min(first + RUN, end)
                run = self._run(first) if last - first == RUN else None
                found += [run] if run else [self._single(n, cut) for n in range(first, last)]
            place = end
        return found

    def _end(self, place: int, hinted: Set[int]) -> int:
        """Where the hinted parts from *place* on that one line may stand for together end."""
        while place < len(self.parts) and place in hinted and self.parts[place].joins:
            place += 1
        return place

    def _run(self, place: int) -> Step | None:
        """One line for the parts from *place* on, if that takes less than a line for each."""
        if place not in self._runs:
            run = self.parts[place : place + RUN]
            first, last = (hint(part.body)[:40] for part in (run[0], run[-1]))
            id = content_id(*(part.id for part in run))
            text = hint_text(id, f"{RUN} earlier messages, from “{first}” to “{last}”")
            cost = run[0].frame + counting.count(text)
            self._runs[place] = Step("hint", tuple(range(place, place + RUN)), id, cost, new=True, text=text)
        step = self._runs[place]
        apart = sum(min(self.line(n), self.parts[n].tokens) for n in step.parts)
        return step if step.tokens < apart else None

    def _sharing(self, steps: Sequence[Step], bare: Set[int]) -> list[Step]:
        """*steps*, where *bare* ones that no other mark stands between share one."""
        found: list[Step] = []
        group: list[int] = []
        for step in steps:
            shares = step.parts[0] in bare and self._may_share(step)
            if len(group) == SHARED or (not shares and (step.new or step.form != "full")):
                self._share(found, group)
                group = []
            if shares:
                group.append(len(found))
            found.append(step)
        self._share(found, group)
        return found

    def _may_share(self, step: Step) -> bool:
        part = self.parts[step.parts[0]]
        return len(step.parts) == 1 and part.shares and part.size + part.media > counting.count(SAME)

    def _share(self, steps: list[Step], group: Sequence[int]) -> None:
        """Give the steps of *group* one mark, if that takes less than one for each."""
        if len(group) < 2:
            return
        places = tuple(steps[number].parts[0] for number in group)
        id = content_id("shared", *(self.parts[place].id for place in places))
        texts = [shared_text(id, len(places)), *[SAME] * (len(places) - 1)]
        costs = [self.parts[place].frame + counting.count(text) for place, text in zip(places, texts, strict=True)]
        if sum(costs) >= sum(steps[number].tokens for number in group):
            return
        for number, place, text, cost in zip(group, places, texts, costs, strict=True):
            steps[number] = Step("hint", (place,), self.parts[place].id, cost, new=True, text=text)
        steps[group[0]] = replace(steps[group[0]], id=id, shared=places)

    def _single(self, place: int, cut: _Cut) -> Step:
        part = self.parts[place]
        if place in cut.hinted:
            line, cost = (part.mark, self.bare(place)) if place in cut.bare else (part.line, self.line(place))
            if cost < part.tokens:
                return Step("hint", (place,), part.id, cost, new=True, text=line)
        if place in cut.compressed and self.share(place) < part.tokens:
            return Step("compressed", (place,), part.id, self.share(place), new=True)
        return Step(part.form, (place,), part.id, part.tokens)


def _part(number: int, given: object) -> Part:
    if isinstance(given, Part):
        return given
    if isinstance(given, Item):
        return of_item(given)
    raise InvalidInput(f"entry {number} of the context is {type(given).__name__}; give messages, or memories, not both")
