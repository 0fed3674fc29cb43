"""The head plans of a saver's checkpoints: kept in their rows, applied to what is read, undone in what is written.

In a row a plan lies like one more channel's value: so copies, pruning, encryption and a child that has the same plan
are what they are for any value. Nobody but `Plans` sees it there.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AnyMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import (
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_id,
)
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.graph.message import _messages_delta_reducer

from ..memory.checkpoints import Checkpoints, History, Value
from . import marks
from .heads import NOTHING, HeadPlan, Heads, Place, at_rest, steered

PLAN = "memoryops:plan"
"""The name that a plan has among the values of a row."""
TASK_OF = ":"
"""What is in the namespace of a subgraph that begins anew with each task: nobody starts from its head."""
KEPT = 1024
"""Plans that are at hand."""


class AsStored(dict[str, Any]):
    """The config of a checkpoint that was listed: by it, more of that checkpoint is given as it is stored, too."""


@dataclass(frozen=True, slots=True)
class Again:
    """What a checkpoint that was put is to be instead; *rewritten*: the channel whose value is another one."""

    checkpoint: Checkpoint
    plan: HeadPlan
    rewritten: tuple[str, ...] = ()


class Plans:
    """Of the threads in *checkpoints*, as *heads* makes them."""

    def __init__(self, heads: Heads, checkpoints: Checkpoints) -> None:
        self._heads, self._checkpoints = heads, checkpoints
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[Place, str], HeadPlan] = OrderedDict()

    # reading

    def shown(self, place: Place, found: CheckpointTuple, plan: Any) -> CheckpointTuple:
        """*found* as a run starts from it, by the *plan* in its row."""
        heads, id = self._heads, found.checkpoint["id"]
        known = self._known.get((place, id))
        known = self._learn(place, id, HeadPlan.load(plan) if known is None or known.dumped != plan else known)
        if heads.mode != "plan" or not known.stands:
            return found
        values = found.checkpoint["channel_values"]
        if heads.key in values:
            values[heads.key] = heads.shown(values[heads.key], known)
        writes = [
            (task, channel, heads.shown(value, known) if channel == heads.key else value)
            for task, channel, value in found.pending_writes or ()
        ]
        return found._replace(pending_writes=writes)

    def history_shown(
        self, place: Place, config: RunnableConfig, histories: dict[str, DeltaChannelHistory]
    ) -> dict[str, DeltaChannelHistory]:
        """*histories* as `shown` shows the checkpoint of *config*."""
        heads = self._heads
        found = histories.get(heads.key)
        if found is None or heads.mode != "plan" or isinstance(config, AsStored):
            return histories
        plan = self._of(place, checkpoint_of(config))
        if plan.stands:
            found["writes"] = [(task, name, heads.shown(value, plan)) for task, name, value in found["writes"]]
            if "seed" in found:
                found["seed"] = heads.shown(found["seed"], plan)
        return histories

    # writing

    def whole(self, place: Place, config: RunnableConfig, values: Mapping[str, Any]) -> dict[str, Any]:
        """*values* with each message as it was before it was shown shorter. Raises `OriginalLost`."""
        return dict(self.whole_writes(place, config, list(values.items())))

    def whole_writes(
        self, place: Place, config: RunnableConfig, writes: Sequence[tuple[str, Any]]
    ) -> Sequence[tuple[str, Any]]:
        """As `whole`, of what was written to channels."""
        if self._heads.mode == "off":
            return writes

        def swap(message: BaseMessage) -> BaseMessage:
            return self._heads.whole(message, lambda: self._stored(place, config))

        return [(channel, marks.swapped(value, swap)) for channel, value in writes]

    def in_force(
        self, place: Place, config: RunnableConfig, values: Mapping[str, Any], metadata: CheckpointMetadata
    ) -> HeadPlan:
        """The plan that the state with *values*, which is about to be put, was shown by."""
        heads, parent = self._heads, checkpoint_of(config)
        if heads.mode != "plan" or steered(values):
            return NOTHING
        if metadata.get("source") == "fork" and heads.key in values:  # its parent may be that of what it is a copy of
            return heads.plan_in(values[heads.key])
        return self._of(place, parent) if parent else NOTHING

    def row(self, plan: HeadPlan) -> dict[str, Value]:
        """*plan* as a value among those of a row."""
        return {PLAN: Value(plan.version, plan.dumped, changed=False)} if plan.stands else {}

    def after(
        self,
        place: Place,
        config: RunnableConfig,
        shown: Mapping[str, Any],
        stored: Checkpoint,
        metadata: CheckpointMetadata,
        plan: HeadPlan,
    ) -> Again | None:
        """What is to be made of the checkpoint *stored*, which was put with *plan*; None where it is right as it is.

        *shown*: the values that its run has, by that plan.
        """
        heads, values, source = self._heads, stored["channel_values"], metadata.get("source")
        self._learn(place, stored["id"], plan)
        if heads.mode == "off" or TASK_OF in place[1] or (heads.mode == "plan" and steered(values)):
            return None
        if source != "update" and not (source == "loop" and at_rest(values)):
            return None
        if heads.mode == "rewrite":
            return self._rewritten(place, config, stored, source)
        given, originals = self._conversation(place, shown, stored, plan)
        if not heads.due(place, source, given, plan):
            return None
        made = heads.anew(place, config, source, originals, plan)
        return Again(stored, self._learn(place, stored["id"], made)) if made is not None else None

    def _rewritten(self, place: Place, config: RunnableConfig, stored: Checkpoint, source: str) -> Again | None:
        key = self._heads.key
        value = stored["channel_values"].get(key)
        given = _messages(value)
        if not self._heads.due(place, source, given, NOTHING):
            return None
        made = self._heads.rewritten(place, config, source, given)
        if made is None:
            return None
        values = {**stored["channel_values"], key: _DeltaSnapshot(made) if isinstance(value, _DeltaSnapshot) else made}
        return Again(cast(Checkpoint, {**stored, "channel_values": values}), NOTHING, (key,))

    # inside

    def _conversation(
        self, place: Place, shown: Mapping[str, Any], stored: Checkpoint, plan: HeadPlan
    ) -> tuple[Sequence[BaseMessage], Sequence[BaseMessage]]:
        """The messages of the checkpoint *stored*, as they are shown and as they are."""
        key = self._heads.key
        if key in shown:
            return _messages(shown[key]), _messages(stored["channel_values"][key])
        if key not in stored["channel_versions"]:
            return (), ()
        thread, namespace = place
        originals = _folded(self._checkpoints.history(thread, [key], stored["id"], namespace=namespace)[key])
        return cast(Sequence[BaseMessage], self._heads.shown(originals, plan)), originals

    def _stored(self, place: Place, config: RunnableConfig) -> Iterator[BaseMessage]:
        """All messages of the checkpoint that *config* names, and of how its messages came about."""
        thread, namespace = place
        saved = self._checkpoints.get(thread, checkpoint_of(config), namespace=namespace)
        if saved is None:
            return
        key = self._heads.key
        history = self._checkpoints.history(thread, [key], saved.id, namespace=namespace)[key]
        found: list[BaseMessage] = []
        written = [entry.value for entry in (*saved.writes, *history.writes)]
        for value in (*saved.values.values(), history.seed, *written):
            marks.swapped(value, lambda each: found.append(each) or each)  # type: ignore[func-returns-value]  # for its effect
        yield from found

    def _of(self, place: Place, id: str | None) -> HeadPlan:
        """The plan of the checkpoint *id*, or of the latest."""
        known = self._known.get((place, id)) if id is not None else None
        if known is None:
            known = HeadPlan.load(self._checkpoints.value(place[0], id, PLAN, namespace=place[1]))
        return self._learn(place, id, known) if id is not None else known

    def _learn(self, place: Place, id: str, plan: HeadPlan) -> HeadPlan:
        with self._lock:
            self._known[place, id] = plan
            self._known.move_to_end((place, id))
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return plan


def checkpoint_of(config: RunnableConfig) -> str | None:
    """The id of the checkpoint that *config* names. Clients send an empty one where they mean the latest."""
    return get_checkpoint_id(config) or None


def _messages(value: Any) -> Sequence[BaseMessage]:
    """The messages of a channel's *value*; none where it holds anything else."""
    found = value.value if isinstance(value, _DeltaSnapshot) else value
    return found if isinstance(found, list) and all(isinstance(each, BaseMessage) for each in found) else ()


def _reduced(state: Any, writes: Sequence[Any]) -> list[AnyMessage]:
    return _messages_delta_reducer(state, list(writes))


def _folded(history: History) -> Sequence[BaseMessage]:
    """The messages that *history* comes to, as LangGraph's own reducer has it."""
    written = [(entry.task, entry.channel, entry.value) for entry in history.writes]
    channel: DeltaChannel[list[AnyMessage]] = DeltaChannel(_reduced, list)
    channel = channel.from_checkpoint(history.seed if history.seeded else [])
    channel.replay_writes(written)
    return _messages(channel.value)
