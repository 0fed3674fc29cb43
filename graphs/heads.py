"""Compaction in a saver: what a run starts from is within the window, what is stored stays whole.

A *head plan* belongs to a checkpoint: what stands for which of its messages. It is stored beside the checkpoint, goes
on from parent to child, and is made anew where a run has come to its end (or somebody has set the state by hand) and
the messages, as the plan shows them, are above the trigger. So a run is shown the same from its first step to its last,
and so is whoever runs one of its checkpoints again.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypedDict

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.types import TASKS

from ..compressors.chain import LIMIT_SECONDS, Chain
from ..compressors.extractive import Extractive
from ..compressors.ports import Compressor
from ..memory import blocks, inputs, messages
from ..memory.compaction import Compacted, Compaction, Stand, Sticky, keys_of
from ..memory.errors import ContextOverflow, InvalidInput, MemoryOpsError
from ..memory.parts import content_id
from ..memory.service import DEFAULT_WINDOW, MemoryOps
from ..memory.window import HARD, RECENT, TARGET, TRIGGER, ContextWindow
from ..stores.errors import StoreError
from . import marks
from .compaction import PLAN_KEY, conversation_of, log_report, plain, with_text
from .context import seen_by
from .conversation import OURS

Mode = Literal["plan", "rewrite", "off"]
MODES = ("plan", "rewrite", "off")
THREADS = 64
"""Threads whose messages' tokens are at hand."""
SLACK = 1.1
"""Where messages cannot be made to fit, they may grow by so much until it is tried again."""
NEXT, JOIN = "branch:to:", "join:"
"""What LangGraph's channels are called that say which node is next, and whom a node waits for."""

MOST_MARKS = 20_000
"""Marks at hand; then all are forgotten, which costs a few hashes."""
_ANY_QUESTION = HumanMessage("?")
"""After which a message is not that of the last exchange."""

log = logging.getLogger(__name__)

Place = tuple[str, str]
"""A thread and a namespace."""


class Limits(TypedDict, total=False):
    """How a saver compacts; see `QdrantSaver`."""

    max_tokens: int | None
    trigger: float
    target: float
    keep: int
    hard: float
    compressor: Compressor | None
    patience: float
    messages_key: str


@dataclass(frozen=True)
class HeadPlan:
    """What stands for messages: by message id, its key (see `memory.compaction.keys_of`), form, memory id and text.

    *rough*: made without the compressor, until a run comes to its end.
    """

    stands: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rough: bool = False

    @cached_property
    def version(self) -> str:
        """The same for the same plan."""
        lines = (text for id, stand in self.stands.items() for text in (id, *stand))
        return content_id(str(self.rough), *lines) if self.stands else ""

    @cached_property
    def dumped(self) -> list[Any]:
        """As plain values, the same ones each time: not to be changed."""
        return [self.rough, {id: list(stand) for id, stand in self.stands.items()}]

    @classmethod
    def load(cls, value: Any) -> HeadPlan:
        """The plan that was `dumped` as *value*; None is no plan."""
        if value is None:
            return NOTHING
        rough, stands = value
        return cls({id: tuple(stand) for id, stand in stands.items()}, bool(rough))

    def sticky(self) -> Sticky:
        """As `memory.compaction` has it."""
        return {key: Stand(form, id, text, 1, content_id(key)) for key, form, id, text in self.stands.values()}  # type: ignore[arg-type]  # a form, as stored


NOTHING = HeadPlan()


class Heads:
    """Plans for the threads of one saver. Safe to use from several threads."""

    def __init__(
        self,
        ops: MemoryOps,
        mode: Mode | None = None,
        max_tokens: int | None = None,
        trigger: float = TRIGGER,
        target: float = TARGET,
        keep: int = RECENT,
        hard: float = HARD,
        compressor: Compressor | None = None,
        patience: float = LIMIT_SECONDS,
        messages_key: str = "messages",
    ) -> None:
        if mode is not None and mode not in MODES:
            raise InvalidInput(f"compaction is {mode!r:.100}; use one of {', '.join(MODES)}")
        known = max_tokens is not None or ops.model is not None or ops.window.max_tokens != DEFAULT_WINDOW
        self.mode: Mode = mode or ("plan" if known else "off")
        self.ops, self.key = ops, messages_key
        most = ops.window.max_tokens if max_tokens is None else inputs.whole(max_tokens, "max_tokens", 1, 10**12)
        self.window = ContextWindow(most, trigger, min(target, trigger), hard)
        patience = inputs.seconds(patience, "patience")
        chosen = compressor or ops.compressor
        self._full = Compaction(ops.items, self.window, chosen, keep=keep, patience=patience, apart=True)
        self._rough = Compaction(ops.items, self.window, Chain([Extractive()]), keep=keep, apart=True)
        self._marks: dict[tuple[str | None, str], tuple[Any, marks.Mark]] = {}
        self.wholes = marks.Wholes()
        self._sizes, self._settled = _Sizes(), OrderedDict[Place, int]()

    def shown(self, value: Any, plan: HeadPlan) -> Any:
        """*value* of the channel of messages as *plan* shows it."""
        return marks.swapped(value, lambda each: self._shown(each, plan)) if plan.stands else value

    def _shown(self, message: BaseMessage, plan: HeadPlan) -> BaseMessage:
        stand = plan.stands.get(message.id or "")
        if stand is None:
            return message
        key, _, id, text = stand
        short = text if isinstance(message.content, str) else with_text(message, text).content
        known = self._marks.get((message.id, text))
        if known is None or known[0] is not message.content:  # texts are shared by all that is read of one message
            if _key(message) != key:  # it says something else by now
                return message
            known = message.content, marks.marked_for(message, id, short, self.ops.scope.workspace)
            if len(self._marks) >= MOST_MARKS:
                self._marks.clear()
            self._marks[message.id, text] = known
        made = marks.shortened(message, short, known[1])
        self.wholes.keep(made, message)
        return made

    def whole(self, message: BaseMessage, thread: Callable[[], Iterable[BaseMessage]]) -> BaseMessage:
        """*message* as it was before it was shown shorter; as it is, where it was not. Raises `OriginalLost`.

        By its mark; or, where a client has sent it back without, by its id and the text that it was shown with.
        """
        content = message.content
        if OURS in message.response_metadata:
            return self.wholes.of(message, lambda: marks.whole(message, self.ops, thread))
        if content.__class__ is str and not content.startswith("["):  # most of a long list, at each put
            return message
        text = blocks.said(content)
        known = self._marks.get((message.id, text)) if text.startswith("[") else None
        if known is None:
            return message
        return self.wholes.of(message, lambda: marks.restored(message, known[1], self.ops, thread))

    def plan_in(self, value: Any) -> HeadPlan:
        """The plan that the marks of the messages in *value* tell of."""
        stands: dict[str, Sequence[str]] = {}

        def look(message: BaseMessage) -> BaseMessage:
            mark = marks.mark_of(message)
            if mark is not None and message.id:
                original = marks.whole(message, self.ops)
                text = messages.text_of(plain(message))
                stands[message.id] = (_key(original), "compressed", mark.id, text)
            return message

        marks.swapped(value, look)
        return HeadPlan(stands)

    def due(self, place: Place, source: object, given: Sequence[BaseMessage], plan: HeadPlan) -> bool:
        """Whether the plan for *given*, the messages as *plan* shows them, is to be looked at again.

        That is where room has to be made, where what was replaced is a part of the last exchange by now, and where a
        *rough* plan can be made a good one.
        """
        if not given:
            return False
        if plan.rough and source == "loop":
            return True
        enough = max(self.window.trigger_tokens, self._settled.get(place, 0))
        return self._sizes.total(place, given) > enough or _in_last_exchange(given)

    def anew(
        self, place: Place, config: RunnableConfig, source: object, originals: Sequence[BaseMessage], plan: HeadPlan
    ) -> HeadPlan | None:
        """The plan for *originals* from now on; None where it stays as it is, or where none can be made just now."""
        done = self._compacted(place, config, source, originals, plan)
        if done is None:
            return None
        keys = keys_of(conversation_of(originals), [each.id for each in originals])
        stands = {
            each.id: (key, stand.form, stand.id, stand.text)
            for each, key in zip(originals, keys, strict=True)
            if each.id and (stand := done.sticky.get(key)) is not None
        }
        made = HeadPlan(stands, bool(stands) and (source != "loop" if done.report is not None else plan.rough))
        return made if made != plan else None

    def rewritten(
        self, place: Place, config: RunnableConfig, source: object, given: Sequence[BaseMessage]
    ) -> list[BaseMessage] | None:
        """*given* as they are to be stored instead; None where they fit."""
        done = self._compacted(place, config, source, given, NOTHING)
        if done is None or done.report is None:
            return None
        return [given[place] if text is None else with_text(given[place], text) for place, text in done.shown]

    def _compacted(
        self, place: Place, config: RunnableConfig, source: object, given: Sequence[BaseMessage], plan: HeadPlan
    ) -> Compacted | None:
        """What the engine makes of *given*. Where it cannot, that is told, and nothing is replaced."""
        engine = self._full if source == "loop" else self._rough
        sticky = {} if plan.rough and source == "loop" else plan.sticky()
        conversation = conversation_of(given)
        keys = keys_of(conversation, [each.id for each in given])

        def compacted(window: ContextWindow) -> Compacted:
            return engine.within(window, run.ops.items).compact(conversation, keys, sticky, thread=run.thread)

        try:
            run = seen_by(self.ops, config)  # what is archived belongs to the run's user, who alone is to get it back
            try:
                done = compacted(self.window)
            except ContextOverflow as error:  # then as near to it as may be: nobody is to be sent this as it is
                log.warning("thread %s: %s", place[0], error)
                done = compacted(replace(self.window, max_tokens=math.ceil(SLACK * error.left / self.window.hard)))
        except (MemoryOpsError, StoreError) as error:  # the checkpoint is stored as it is, and the next one tries again
            log.warning("thread %s: its messages stay as they are: %s", place[0], error)
            return None
        self._settle(place, done.tokens)
        if done.report is not None:
            log_report(log, run.thread, done.report)
        return done

    def _settle(self, place: Place, tokens: int) -> None:
        """Where more than the trigger is left, the next plan waits until there is something to be gained by it."""
        self._settled.pop(place, None)
        if tokens > self.window.trigger_tokens:
            self._settled[place] = int(tokens * SLACK)
        while len(self._settled) > THREADS:
            self._settled.popitem(last=False)


class _Sizes:
    """The tokens of messages as they were counted last, so that a put counts what is new."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Place, dict[Any, tuple[Any, Any, int]]] = OrderedDict()

    def total(self, place: Place, given: Sequence[BaseMessage]) -> int:
        with self._lock:
            before = self._known.pop(place, {})
        now: dict[Any, tuple[Any, Any, int]] = {}
        total = 0
        for number, message in enumerate(given):
            # getattr takes pydantic microseconds to say no
            name, content, calls = message.id or number, message.content, message.__dict__.get("tool_calls")
            known = before.get(name)
            if known is None or known[0] != content or known[1] != calls:
                known = (content, calls, messages.tokens_of([plain(message)]))
            now[name] = known
            total += known[2]
        with self._lock:
            self._known[place] = now
            while len(self._known) > THREADS:
                self._known.popitem(last=False)
        return total


def at_rest(values: Mapping[str, Any]) -> bool:
    """Whether no node is to run next, as far as the *values* of a checkpoint's channels tell."""
    return not values.get(TASKS) and not any(name.startswith(NEXT) or _joined(name, values[name]) for name in values)


def _joined(name: str, value: Any) -> bool:
    """Whether all that a node waits for have run: *value* has the names that stand in *name*, in any order."""
    ran = value[0] if isinstance(value, tuple) and value else value  # of a deferred node, with whether all else has run
    return name.startswith(JOIN) and isinstance(ran, set) and len("+".join(ran)) == len(name.split(":")[1])


def steered(values: Mapping[str, Any]) -> bool:
    """Whether the middleware or the compress node makes the plan for what the model is shown."""
    return PLAN_KEY in values


def _key(message: BaseMessage) -> str:
    (key,) = keys_of(conversation_of([message, _ANY_QUESTION])[:1], [message.id])
    return key


def _in_last_exchange(given: Sequence[BaseMessage]) -> bool:
    """Whether something replaced stands from the last question but one on."""
    questions = 0
    for message in reversed(given):
        if marks.mark_of(message) is not None:
            return True
        questions += isinstance(message, HumanMessage)
        if questions == 2:
            return False
    return False
