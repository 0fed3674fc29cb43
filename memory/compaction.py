"""A compaction that sticks: what was replaced stays replaced by the same text until room is needed again.

So between two compactions a prompt only grows at its end, no compressor is asked, and a conversation that is run again
with the plan of then is shown as it was then. A plan names messages by id and content: one that was changed or sent
anew with other words is shown as it is, and one that was removed is forgotten by the plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from copy import copy
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..compressors import tokens
from ..compressors.chain import LIMIT_SECONDS, Chain
from ..compressors.extractive import Extractive
from ..compressors.ports import Compressor
from . import inputs, messages
from .fitting import Fitted
from .items import Items
from .messages import Message
from .models import Form
from .originals import Originals
from .parts import SAME, Hold, Part, content_id
from .window import RECENT, ContextWindow, Level, Plan, planned

WORTH = 0.1
"""The share of the window that a compaction has to save."""


@dataclass(frozen=True, slots=True)
class Stand:
    """What stands for *count* messages in a row, of which the plan names the first.

    *text* begins with a mark; *id* brings the original back (of several: the list of them). *digest* is that of the
    keys of all of them: a run of which one was changed or removed is not the same run. Of one that the mark
    above names as well, the key of the message with that mark is in the digest, too.
    """

    form: Form
    id: str
    text: str
    count: int = 1
    digest: str = ""


Sticky = Mapping[str, Stand]
"""A plan: by the key of a message, what stands for it and perhaps those after it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a compaction did; tokens include tool schemas and what was reserved, and are by *counter*.

    *tokens_before*: of what would have been shown; *tokens_after*: of what is; *tokens_whole*: of the originals.
    *compressed*, *hinted*: how many messages are shown so now. *compressor* chose what is left of the compressed ("" if
    none is); *reason* says why not the first choice.
    """

    tokens_before: int
    tokens_after: int
    tokens_whole: int
    max_tokens: int
    level: Level
    compressed: int
    hinted: int
    compressor: str
    reason: str
    counter: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Compacted:
    """A conversation as it is to be shown.

    *shown*: the places of the messages that are, in order, each with the text that stands there, None for its own.
    *sticky*: the plan to hand in next time. *report*: None where no room had to be made. *tokens*: what it takes.
    """

    shown: tuple[tuple[int, str | None], ...]
    sticky: Sticky
    tokens: int
    report: Report | None = None


class Compaction:
    """Keeps conversations of one scope within *window*; safe to use from several threads.

    *keep*: how many of the latest steps (each question, answer or round of tool calls) stay whole while the rest can
    make room. *compressor* is given up after *patience* seconds, unless it is a chain, which has limits of its own.
    *worth*: the share of the window that a new plan has to save, so that a context in which little can make room is not
    planned anew with every step. Above the hard limit any plan is worth it, unless that limit is not *strict*.
    *apart*: whether each message is replaced by a text of its own, which needs no other message to be understood.
    """

    def __init__(
        self,
        items: Items,
        window: ContextWindow,
        compressor: Compressor,
        *,
        keep: int = RECENT,
        patience: float = LIMIT_SECONDS,
        worth: float = WORTH,
        strict: bool = True,
        apart: bool = False,
    ) -> None:
        self.keep = inputs.whole(keep, "keep", 0, 10**6)
        self.items, self.window = items, window
        self.worth, self.strict, self.apart = worth, strict, apart
        self.compressor = compressor if isinstance(compressor, Chain) else Chain([compressor, Extractive()], patience)

    def within(self, window: ContextWindow, items: Items | None = None) -> Compaction:
        """The same for another *window* and scope; a compressor that was given up in one is given up in all."""
        how = copy(self)
        how.items, how.window = items or self.items, window
        return how

    def compact(
        self,
        conversation: Sequence[Message],
        keys: Sequence[str],
        sticky: Sticky | None = None,
        *,
        query: str | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
        reserve: int = 0,
        thread: str | None = None,
    ) -> Compacted:
        """*conversation* as *sticky* shows it or, where that is above the trigger and is worth it, as a new plan does.

        *keys*: those of its messages, see `keys_of`. The new plan is made from the originals, for *query* (default: the
        last question), and of nothing else: not of the plan before it. What it replaces is stored as memories first,
        marked with *thread*. Raises `InvalidInput`, `Forbidden`, `ContextOverflow`, or a `StoreError`: then nothing
        changed.
        """
        conversation = messages.listed(conversation)
        reserved = inputs.whole(reserve, "reserve", 0, 10**12) + messages.schema_tokens(tools)
        standing = self._standing(conversation, sticky or {}, keys)
        shown = shown_by(standing, keys)
        before = reserved + _tokens(conversation, shown)
        if before <= self.window.trigger_tokens:
            return Compacted(shown, standing, before)
        fitted = self._anew(conversation, query, reserved, thread, before)
        if fitted is None:
            return Compacted(shown, standing, before)
        made = _sticky(fitted, keys)
        return Compacted(shown_by(made, keys), made, fitted.tokens_after, _report(fitted, before))

    def _standing(self, conversation: Sequence[Message], sticky: Sticky, keys: Sequence[str]) -> dict[str, Stand]:
        """What of *sticky* still stands; nothing stands for what is the last question or exchange by now."""
        roles = [messages.role_of(number, message) for number, message in enumerate(conversation)]
        pinned = {place for place, hold in enumerate(messages.holds(roles, 0)) if hold == "pinned"}
        return still(sticky, keys, pinned)

    def _anew(
        self, conversation: Sequence[Message], query: str | None, reserved: int, thread: str | None, before: int
    ) -> Fitted | None:
        """A new plan, carried out; None where it is not worth it, and nothing was done."""
        bound = self.items.scope.narrowed(thread=inputs.optional_name(thread, "thread")).thread
        originals = Originals(self.items, self.window, self.compressor)
        parts = originals.parts(conversation, bound, self.keep)
        if self.apart:
            parts = [replace(part, joins=False, shares=False) for part in parts]
        question = messages.question(query, conversation)

        def worthwhile(plan: Plan) -> bool:
            if self.strict and before > self.window.hard_tokens:
                return True
            return before - plan.tokens_after >= self.worth * self.window.max_tokens

        return originals.carried_out(conversation, parts, question, reserved, bound, self._planned, worthwhile)

    def _planned(
        self,
        window: ContextWindow,
        parts: Sequence[Part],
        question: str,
        reserved: int,
        conversation: Sequence[Message],
    ) -> Plan:
        """The plan that keeps most of the latest steps and meets the target.

        Where none meets it, half of what there can be below the trigger is kept as room to grow.
        """
        roles = [messages.role_of(number, message) for number, message in enumerate(conversation)]

        def keeping(recent: int, ample: int) -> Plan:
            loose = _loosened(parts, messages.holds(roles, recent))
            return planned(window, loose, question, reserved, conversation, ample)

        least = keeping(0, window.target_tokens)
        ample = max(least.tokens_after, window.target_tokens)
        if ample > window.target_tokens:
            ample = max(ample, (ample + window.trigger_tokens) // 2)
        plans = (keeping(recent, ample) for recent in range(min(self.keep, len(parts)), 0, -1))
        return next((plan for plan in plans if plan.tokens_after <= ample), least)


def _loosened(parts: Sequence[Part], held: Sequence[Hold]) -> list[Part]:
    """*parts*, of which those that *held* does not hold any longer are free."""
    return [
        replace(part, hold="free") if part.hold == "recent" and hold == "free" else part
        for part, hold in zip(parts, held, strict=True)
    ]


def keys_of(conversation: Sequence[Message], ids: Sequence[str | None]) -> list[str]:
    """What a plan knows the messages by: id, role, what each says, and which of several such it is."""
    found: list[str] = []
    known: Counter[str] = Counter()
    for number, (message, id) in enumerate(zip(conversation, ids, strict=True)):
        role = messages.role_of(number, message)
        content = message.get("content")
        said = content if isinstance(content, str) else messages.as_json(content)
        key = content_id(id or "", role, said)
        found.append(key if not known[key] else content_id(key, str(known[key])))
        known[key] += 1
    return found


def still(sticky: Sticky, keys: Sequence[str], pinned: Set[int] = frozenset()) -> dict[str, Stand]:
    """What of *sticky* stands for messages that are there, as they were, none of them at a place in *pinned*."""
    found: dict[str, Stand] = {}
    above, place = "", 0
    while place < len(keys):
        stand = sticky.get(keys[place])
        end = place + (stand.count if stand else 1)
        same = stand is not None and stand.digest == _digest(stand.text, keys[place:end], above)
        if stand is not None and same and pinned.isdisjoint(range(place, end)):
            found[keys[place]] = stand
            above = above if stand.text == SAME else keys[place]
            place = end
        else:
            place += 1
    return found


def shown_by(sticky: Sticky, keys: Sequence[str]) -> tuple[tuple[int, str | None], ...]:
    """The places that are shown, each with the text that stands there; all of *sticky* has to be `still` there."""
    shown: list[tuple[int, str | None]] = []
    place = 0
    while place < len(keys):
        stand = sticky.get(keys[place])
        shown.append((place, stand.text if stand else None))
        place += stand.count if stand else 1
    return tuple(shown)


def dump(sticky: Sticky) -> dict[str, list[Any]]:
    """*sticky* as plain values, for a state or a file."""
    return {key: [each.form, each.id, each.text, each.count, each.digest] for key, each in sticky.items()}


def load(value: object) -> dict[str, Stand]:
    """What `dump` wrote. Entries that it did not write are left out: what they stood for is shown whole."""
    if not isinstance(value, Mapping):
        return {}
    return {key: Stand(*each) for key, each in value.items() if _is_stand(each)}


def _is_stand(value: object) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 5:
        return False
    form, id, text, count, digest = value
    return all(isinstance(each, str) for each in (form, id, text, digest)) and isinstance(count, int) and count > 0


def _digest(text: str, keys: Sequence[str], above: str) -> str:
    """That of what *text* stands for: *keys*, and of a text that points to the mark *above* the key of that one."""
    return content_id(above, *keys) if text == SAME else content_id(*keys)


def _sticky(fitted: Fitted, keys: Sequence[str]) -> dict[str, Stand]:
    found: dict[str, Stand] = {}
    above = ""
    for step in fitted.replaced:
        first, text = keys[step.parts[0]], step.text or ""
        digest = _digest(text, [keys[place] for place in step.parts], above)
        found[first] = Stand(step.form, step.id, text, len(step.parts), digest)
        above = above if text == SAME else first
    return found


def _tokens(conversation: Sequence[Message], shown: Sequence[tuple[int, str | None]]) -> int:
    given = [
        conversation[place] if text is None else messages.with_text(conversation[place], text) for place, text in shown
    ]
    return messages.tokens_of(given)


def _report(fitted: Fitted, before: int) -> Report:
    replaced = fitted.replaced
    return Report(
        tokens_before=before,
        tokens_after=fitted.tokens_after,
        tokens_whole=fitted.tokens_before,
        max_tokens=fitted.max_tokens,
        level=fitted.level,
        compressed=sum(len(step.parts) for step in replaced if step.form != "hint"),
        hinted=sum(len(step.parts) for step in replaced if step.form == "hint"),
        compressor=fitted.compressor,
        reason=fitted.reason,
        counter=tokens.name(),
    )
