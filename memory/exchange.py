"""A request to a language model and its answer, on their way past a memory: what is put in, what is shortened, and what
is kept afterwards.

Three laws. Messages that are not replaced stay the objects that they were. What is put in stands in the last question,
so that everything before it is the same from request to request. What was put in is never kept as something said.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from ..compressors import tokens
from ..compressors.chain import standard
from ..stores.filters import encodable
from . import counting, messages
from .compaction import Compacted, Compaction, Stand, Sticky, keys_of, shown_by, still
from .context import Context, WorkingSet
from .errors import ContextOverflow, InvalidInput
from .messages import Message
from .parts import content_id
from .turns import Kept, Turn
from .window import ContextWindow
from .working_set import frame_tokens, purpose_of

if TYPE_CHECKING:
    from .service import MemoryOps

FLOOR = 0.05
"""Compaction is worth its loss where it saves at least this share of the window; where it was not, it is not tried
again until the conversation has grown by as much."""
MOST_MEMORIES = 12
"""How many memories one request is given."""
IN_VIEW = 100
"""How many of the latest messages are left out of what is recalled: the model sees them anyway."""
ANSWER_SHARE = 0.25
"""The most of the window that is kept free for the answer, however long it may be."""
FAST = ("extractive", "truncate")
"""What shortens a memory that does not fit: a request waits for it, so no model is asked."""
MOST_CHARS = 16_000_000
"""Characters of replacement texts and blocks that are known at once, for all conversations."""


Place = tuple[int, Message | None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as it is to be sent.

    *shown*: the places of the messages that are, in order, each with the message that stands there, None for its own.
    *before*: tokens as it came, *saved*: what was taken out, *added*: what was put in, tool schemas counted with them.
    *items*: how many memories were put in. *compressor*: what shortened the conversation, "" if nothing did, "plan" if
    an earlier request's plan does.
    """

    shown: tuple[Place, ...]
    before: int
    saved: int
    added: int
    items: int
    compressor: str

    @property
    def changed(self) -> bool:
        """Whether anything is another than it came."""
        return any(message is not None for _, message in self.shown)


class Plans:
    """What stands for which message, and what was put in for which question, from request to request.

    By content, so it does not matter which conversation a message is in. Bounded: what was not used for longest goes
    first, and is then made anew. Safe to use from several threads.
    """

    def __init__(self, most_chars: int = MOST_CHARS) -> None:
        self._most = most_chars
        self._kept: OrderedDict[tuple[str, str], Stand | str] = OrderedDict()
        self._chars = 0
        self._at_work: set[str] = set()
        self._lock = threading.Lock()

    def standing(self, scope: str, keys: Sequence[str]) -> dict[str, Stand]:
        """What stands for the messages of *keys*."""
        with self._lock:
            found = {key: self._get((scope, key)) for key in keys}
        return {key: stand for key, stand in found.items() if isinstance(stand, Stand)}

    def stand(self, scope: str, keys: Sequence[str], stands: Mapping[str, Stand]) -> None:
        """Note *stands* as all that stands for the messages of *keys*."""
        with self._lock:
            for key in keys:
                self._drop((scope, key))
            for key, stand in stands.items():
                self._keep((scope, key), stand)

    def block(self, scope: str, question: str) -> str | None:
        """What was put in for *question*, a key."""
        with self._lock:
            found = self._get((scope, f"block:{question}"))
        return found if isinstance(found, str) else None

    def put_in(self, scope: str, question: str, block: str) -> None:
        """Note what was put in for *question*."""
        with self._lock:
            self._keep((scope, f"block:{question}"), block)

    def refused(self, scope: str, prefixes: Sequence[str]) -> int | None:
        """The tokens that the longest of *prefixes*, shorter ones first, had when a plan for it was not worth it."""
        with self._lock:
            found = (self._get((scope, f"refused:{prefix}")) for prefix in reversed(prefixes))
            tokens = next((each for each in found if isinstance(each, str)), None)
        return None if tokens is None else int(tokens)

    def refuse(self, scope: str, prefix: str, tokens: int) -> None:
        """Note that no plan was worth it for the conversation *prefix* of *tokens*."""
        with self._lock:
            self._keep((scope, f"refused:{prefix}"), str(tokens))

    @contextmanager
    def alone(self, conversation: str) -> Iterator[bool]:
        """Whether nobody else makes a plan for *conversation* at the same time."""
        with self._lock:
            free = conversation not in self._at_work
            self._at_work.add(conversation)
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self._at_work.discard(conversation)

    def _get(self, key: tuple[str, str]) -> Stand | str | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def _keep(self, key: tuple[str, str], value: Stand | str) -> None:
        self._drop(key)
        self._kept[key] = value
        self._chars += _size(value)
        while self._chars > self._most:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[str, str]) -> None:
        value = self._kept.pop(key, None)
        if value is not None:
            self._chars -= _size(value)


def _size(value: Stand | str) -> int:
    return 500 + len(value if isinstance(value, str) else value.text)


class Exchanges:
    """Requests and answers of one scope."""

    def __init__(self, ops: MemoryOps, plans: Plans) -> None:
        self.ops, self.plans = ops, plans
        scope = ops.scope
        self._scope = content_id(scope.workspace, scope.user or "", scope.thread or "")

    def prepare(
        self,
        conversation: Sequence[Message],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        window: ContextWindow | None = None,
        budget_tokens: int = 1000,
        answer_tokens: int = 0,
        thread: str | None = None,
    ) -> Prepared:
        """*conversation* with what memory has for its last question, and within *window* (None: it is not known).

        What is put in takes at most *budget_tokens*; *answer_tokens* are kept free, up to a quarter of the window.
        Raises `InvalidInput` for what is no conversation, `Forbidden`, or a `StoreError`.
        """
        conversation = messages.listed(conversation)
        keys = keys_of(conversation, [None] * len(conversation))
        before = after = measured(conversation, tools)
        shown: list[Place] = [(place, None) for place in range(len(conversation))]
        compressor = ""
        if window is not None:
            room = budget_tokens + min(answer_tokens, int(window.max_tokens * ANSWER_SHARE))
            shown, compressor = self._fitted(conversation, keys, tools, window, room, thread)
            after = measured([conversation[n] if each is None else each for n, each in shown], tools)
        whole = {n for n, each in shown if each is None}
        block, items = self._recalled(conversation, keys, whole, budget_tokens, thread)
        added = counting.count(block) if block else 0
        if not block or (window is not None and after + added > window.hard_tokens):
            return Prepared(tuple(shown), before, before - after, 0, 0, compressor)
        question = _question_place(conversation)
        shown = [(n, with_block(conversation[n], block)) if n == question else (n, each) for n, each in shown]
        return Prepared(tuple(shown), before, before - after, added, items, compressor)

    def remember(self, conversation: Sequence[Message], answer: str, *, thread: str | None = None) -> list[Kept]:
        """Keep what was said last: the questions after the last answer of *conversation*, and *answer* ("": none).

        The same conversation handed in again on the same day keeps nothing twice. Raises as `Turns.keep` does.
        """
        self.ops.items.access.write_due()
        said = [*messages.listed(conversation), *([{"role": "assistant", "content": answer}] if answer else [])]
        keys = keys_of(said, [None] * len(said))
        roles = [messages.role_of(number, message) for number, message in enumerate(said)]
        given = len(said) - bool(answer)
        since = max((n + 1 for n in range(given) if roles[n] in ("assistant", "tool")), default=0)
        day = datetime.fromtimestamp(self.ops.items.clock(), UTC).date().isoformat()
        turns = []
        for place in range(since, len(said)):
            text = messages.text_of(said[place]) or ""
            if roles[place] in ("user", "assistant") and text.strip() and encodable(text):
                turns.append(Turn(content_id(day, *keys[: place + 1]), roles[place], text))
        return self.ops.turns.keep(turns, thread=thread, metadata={"source": "gateway"}) if turns else []

    def _fitted(
        self,
        conversation: Sequence[Message],
        keys: Sequence[str],
        tools: Sequence[Mapping[str, Any]],
        window: ContextWindow,
        room: int,
        thread: str | None,
    ) -> tuple[list[Place], str]:
        """*conversation* within *window*, and what shortened it: "" where nothing did, "plan" where an earlier request
        did. Where it cannot be within, where that is not worth it, or where another request is at it, what stands for
        its messages already stands, and no more."""
        sticky = self.plans.standing(self._scope, keys)
        shown, compressor = shown_by(still(sticky, keys), keys), "plan"
        with self.plans.alone(content_id(self._scope, *keys[:2])) as free:
            made = self._tried(conversation, keys, sticky, tools, window, room, thread) if free else None
        if made is not None:
            shown = made.shown
            if made.report is not None:
                compressor = made.report.compressor or "hints"
        if all(text is None for _, text in shown):
            compressor = ""
        return [
            (n, None if text is None else messages.with_text(conversation[n], text)) for n, text in shown
        ], compressor

    def _tried(
        self,
        conversation: Sequence[Message],
        keys: Sequence[str],
        sticky: Sticky,
        tools: Sequence[Mapping[str, Any]],
        window: ContextWindow,
        room: int,
        thread: str | None,
    ) -> Compacted | None:
        """What *sticky* shows or, where that is too much, a new plan, noted for the requests to come; None where it
        cannot be within, or was not worth it a little while ago."""
        prefixes, whole = _prefixes(str(window.max_tokens), keys), measured(conversation, tools)
        then = self.plans.refused(self._scope, prefixes)
        if then is not None and whole - then < FLOOR * window.max_tokens:
            return None
        compaction = Compaction(self.ops.items, window, self.ops.compressor, worth=FLOOR, strict=False)
        try:
            made = compaction.compact(conversation, keys, sticky, tools=tools, reserve=room, thread=thread)
        except ContextOverflow:
            made = None
        if made is not None and made.report is not None:
            self.plans.stand(self._scope, keys, made.sticky)
        elif made is None or made.tokens > window.trigger_tokens:
            self.plans.refuse(self._scope, prefixes[max(0, len(keys) - 1)], whole)  # the next one may end otherwise
        return made

    def _recalled(
        self, conversation: Sequence[Message], keys: Sequence[str], whole: set[int], budget: int, thread: str | None
    ) -> tuple[str, int]:
        """The block for the last question, and how many memories it holds. While a model works on one question with
        its tools, the block stays the same."""
        place = _question_place(conversation)
        purpose = purpose_of(messages.text_of(conversation[place])) if place is not None else ""
        if place is None or not purpose:
            return "", 0
        question = content_id(*keys[: place + 1])
        if place < len(conversation) - 1:
            known = self.plans.block(self._scope, question)
            if known is not None:
                return known, known.count("\n<memory ") + known.count("\n- ")
        found = self._working_set(conversation, whole, purpose, budget, thread)
        items = len(found.entries) if found is not None else 0
        block = found.text if found is not None and items else ""
        self.plans.put_in(self._scope, question, block)
        return block, items

    def _working_set(
        self, conversation: Sequence[Message], whole: set[int], purpose: str, budget: int, thread: str | None
    ) -> WorkingSet | None:
        if budget <= frame_tokens():
            return None
        view = [
            Turn(None, messages.role_of(n, conversation[n]), messages.text_of(conversation[n]) or "")
            for n in sorted(whole)[-IN_VIEW:]
        ]
        seen = self.ops.turns.ids(view, thread)
        context = Context(self.ops.items, self.ops.recall, self.ops.tasks, standard(FAST), write_uses=False)
        where = {"item": {"not": seen}} if seen else None
        return context.build(
            purpose, budget, where=where, limit=MOST_MEMORIES, most=MOST_MEMORIES, turns=0, tasks=False
        )


def _prefixes(start: str, keys: Sequence[str]) -> list[str]:
    """What each beginning of a conversation is known by, the shortest first."""
    return list(accumulate(keys, content_id, initial=start))


def with_block(message: Message, block: str) -> dict[str, Any]:
    """A copy of *message* that begins with *block*; what it said itself follows as it was."""
    content = message.get("content")
    if isinstance(content, str) or content is None:
        return {**message, "content": f"{block}\n\n{content or ''}"}
    return {**message, "content": [{"type": "text", "text": block}, *content]}


def measured(conversation: object, tools: object = None) -> int:
    """The tokens of *conversation* and of the schemas of *tools*; of what is no conversation, those of its JSON."""
    return _counted(_conversation, conversation) + (_counted(messages.schema_tokens, tools) if tools else 0)


def _conversation(given: Sequence[Message]) -> int:
    return messages.tokens_of(messages.listed(given))


def _counted(count: Any, given: Any) -> int:
    try:
        return int(count(given))
    except InvalidInput:
        return tokens.count(str(given))


def _question_place(conversation: Sequence[Message]) -> int | None:
    places = (n for n in range(len(conversation) - 1, -1, -1) if messages.role_of(n, conversation[n]) == "user")
    return next(places, None)
