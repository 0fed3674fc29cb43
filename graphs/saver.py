"""`QdrantSaver`: LangGraph's checkpoints in MemoryOps, for as long a thread as it takes.

    with QdrantSaver.from_conn_string("./memory") as saver:
        graph = builder.compile(checkpointer=saver)

How checkpoints are kept is in `memory/checkpoints/`; here LangGraph's shapes become those and back. Methods that begin
with `a` run the others in a worker thread.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, Unpack, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    PendingWrite,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from ..memory import inputs
from ..memory.checkpoints import Entry, Saved, Value, labels
from ..memory.errors import InvalidInput
from ..memory.scope import Scope
from ..memory.service import MemoryOps
from .heads import HeadPlan, Heads, Limits, Mode
from .opening import Opening
from .parts import SerdeCodec
from .plans import PLAN, AsStored, Plans, checkpoint_of


class QdrantSaver(BaseCheckpointSaver[Any]):
    """Checkpoints in the workspace of *ops*; a scope's user has threads of its own.

    *serde*: how values become bytes (default: LangGraph's `JsonPlusSerializer`). *ttl*: seconds after its last
    checkpoint until a thread is gone; None keeps it. Closing *ops* is up to who opened it.

    *compaction*: what happens where the messages of a state have come above the share *trigger* of *max_tokens* when a
    run ends. "plan": the next one starts from what fits down to *target*, by marks that name the originals in the
    memory; what is stored, and `list` gives, stays whole. "rewrite": the shorter messages are stored. "off": nothing.
    Default: "plan" where the window is known, from *max_tokens* or as *ops* is configured, else "off": a saver is not
    told which model is asked. *messages_key* names the channel; the other limits as in `MemoryMiddleware`.
    """

    def __init__(
        self,
        ops: MemoryOps,
        *,
        serde: SerializerProtocol | None = None,
        ttl: float | None = None,
        compaction: Mode | None = None,
        **limits: Unpack[Limits],
    ) -> None:
        super().__init__(serde=serde)
        self.ops, self.ttl = ops, inputs.seconds(ttl, "ttl") if ttl is not None else None
        self._heads = Heads(ops, compaction, **limits)
        self.compaction = self._heads.mode
        self._use(self.serde)

    def _use(self, serde: SerializerProtocol) -> None:
        self._codec = SerdeCodec(serde)
        self.checkpoints = self.ops.checkpoints.by(self._codec)
        self._plans = Plans(self._heads, self.checkpoints)

    @classmethod
    def from_conn_string(
        cls,
        conn_string: str,
        *,
        serde: SerializerProtocol | None = None,
        ttl: float | None = None,
        scope: Scope | None = None,
        compaction: Mode | None = None,
        **limits: Unpack[Limits],
    ) -> Opening[Self]:
        """A saver on a data folder, or on the Qdrant server at an `http://` or `https://` URL.

        For `with` and `async with`, which close it. *scope* and everything else default to the environment
        (`MEMORYOPS_…`). Raises as `MemoryOps.open` does.
        """
        return Opening(conn_string, scope, lambda ops: cls(ops, serde=serde, ttl=ttl, compaction=compaction, **limits))

    def setup(self) -> None:
        """Delete the threads whose time has come. Nothing else has to be set up; call it as often as you like."""
        self.checkpoints.sweep()

    async def asetup(self) -> None:
        """As `setup`."""
        await asyncio.to_thread(self.setup)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    # reading

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that *config* names, or the latest of its thread and namespace; None where there is none."""
        saved = self.checkpoints.get(_thread(config), checkpoint_of(config), namespace=_namespace(config))
        if saved is None:
            return None
        return self._plans.shown(_place(config), self._tuple(saved, config), saved.values.get(PLAN))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Checkpoints, the latest first, read as they are asked for.

        *config*: of its thread, and its namespace and checkpoint if named; None: of all threads in the saver's scope.
        *filter*: whose metadata has these values. *before*: with ids below this one's. *limit*: so many at most. The
        checkpoints of one listing share their messages: copy one before you change it.
        """
        saved = self.checkpoints.find(
            _thread(config) if config is not None else None,
            namespace=config["configurable"].get("checkpoint_ns") if config is not None else None,
            id=checkpoint_of(config) if config is not None else None,
            before=checkpoint_of(before) if before is not None else None,
            labels=labels(filter or {}),
            match=(lambda metadata: self._matches(metadata, filter)) if filter else None,
            limit=max(limit, 0) if limit is not None else None,
        )
        found = (self._tuple(each, config) for each in saved)
        return (each._replace(config=cast(RunnableConfig, AsStored(each.config))) for each in found)

    def _matches(self, metadata: bytes, wanted: Mapping[str, Any]) -> bool:
        has = self._codec.load(metadata)
        return all(has.get(name) == value for name, value in wanted.items())

    def _tuple(self, saved: Saved, config: RunnableConfig | None) -> CheckpointTuple:
        thread = config["configurable"]["thread_id"] if config is not None else saved.thread
        values = {channel: value for channel, value in saved.values.items() if channel != PLAN}
        own = {"id": saved.id, "channel_values": values}
        checkpoint = cast(Checkpoint, {**self._codec.load(saved.body), **own})
        return CheckpointTuple(
            config=_config(thread, saved.namespace, saved.id),
            checkpoint=checkpoint,
            metadata=self._codec.load(saved.metadata),
            parent_config=_config(thread, saved.namespace, saved.parent) if saved.parent else None,
            pending_writes=_pending(saved.writes),
        )

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """What was written to each of *channels* on the way to a checkpoint, since the value that it began with."""
        if not channels:
            return {}
        found = self.checkpoints.history(_thread(config), channels, checkpoint_of(config), namespace=_namespace(config))
        histories: dict[str, DeltaChannelHistory] = {}
        for channel, history in found.items():
            histories[channel] = {"writes": _pending(history.writes)}
            if history.seeded:
                histories[channel]["seed"] = history.seed
        return self._plans.history_shown(_place(config), config, histories)

    # writing

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store *checkpoint* after the one that *config* names; durable when this returns."""
        place, values = _place(config), checkpoint["channel_values"]
        stored = cast(Checkpoint, {**checkpoint, "channel_values": self._plans.whole(place, config, values)})
        plan = self._plans.in_force(place, config, values, metadata)
        self._put(place, config, stored, metadata, new_versions, plan)
        again = self._plans.after(place, config, values, stored, metadata, plan)
        if again is not None:  # from here on it is durable, whatever became of the plan
            changed = {**new_versions, **dict.fromkeys(again.rewritten)}
            self._put(place, config, again.checkpoint, metadata, changed, again.plan)
        return _config(config["configurable"]["thread_id"], place[1], checkpoint["id"])

    def _put(
        self,
        place: tuple[str, str],
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: Collection[str],
        plan: HeadPlan,
    ) -> None:
        body = dict(checkpoint)
        values, versions, id = body.pop("channel_values"), checkpoint["channel_versions"], body.pop("id")
        described = get_checkpoint_metadata(config, metadata)
        given = {
            channel: Value(versions.get(channel), value, channel in new_versions or channel not in versions)
            for channel, value in cast(dict[str, Any], values).items()
        }
        thread, namespace = place
        self.checkpoints.put(
            thread,
            cast(str, id),
            given | self._plans.row(plan),
            namespace=namespace,
            parent=checkpoint_of(config),
            body=self._codec.dump(body),
            metadata=self._codec.dump(described),
            labels=labels(described),
            needs=tuple(described.get("counters_since_delta_snapshot") or ()),
            ttl=self.ttl,
        )

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote after the checkpoint that *config* names."""
        place = _place(config)
        entries = [
            Entry(task_id, channel, value, WRITES_IDX_MAP.get(channel, index), task_path)
            for index, (channel, value) in enumerate(self._plans.whole_writes(place, config, writes))
        ]
        checkpoint = checkpoint_of(config)
        if not checkpoint:
            raise InvalidInput("the config names no checkpoint_id; pass the config that put returned")
        if entries:
            self.checkpoints.put_writes(_thread(config), checkpoint, task_id, entries, namespace=_namespace(config))

    # deleting

    def delete_thread(self, thread_id: str) -> None:
        """Delete all of a thread, and what only it needed. What compaction archived of it are memories, and stay."""
        self.checkpoints.delete(str(thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints of these runs, in all threads.

        One whose writes rebuild a `DeltaChannel` of a checkpoint that stays is hidden until nothing needs it any more.
        """
        self.checkpoints.delete_runs(inputs.several(run_ids, "run_ids"))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy all of a thread to another id."""
        self.checkpoints.copy(str(source_thread_id), str(target_thread_id))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete all checkpoints of these threads (*strategy* "delete"), or all but each namespace's latest.

        What rebuilds a `DeltaChannel` of the latest is kept, but shown no more.
        """
        if strategy not in ("keep_latest", "delete"):
            raise InvalidInput(f"the strategy is {strategy!r}; use keep_latest or delete")
        for thread in inputs.several(thread_ids, "thread_ids"):
            if strategy == "delete":
                self.checkpoints.delete(str(thread))
            else:
                self.checkpoints.prune(str(thread))

    def sweep(self) -> int:
        """Delete the threads whose time has come; how many those were. Until then they are only not shown."""
        return self.checkpoints.sweep()

    # LangGraph's versions and types

    def get_next_version(self, current: Any, channel: None) -> Any:
        """Whole numbers; threads that came from a saver with texts go on with texts."""
        if isinstance(current, str):
            return f"{int(current.split('.')[0]) + 1:032}.{random.random():016}"
        return 1 if current is None else current + 1

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> BaseCheckpointSaver[Any]:
        """This saver, with more types that its serializer may bring back."""
        clone = super().with_allowlist(extra_allowlist)
        if clone is not self:
            cast(QdrantSaver, clone)._use(clone.serde)
        return clone

    # the same for asynchronous graphs

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        found = self.list(config, filter=filter, before=before, limit=limit)
        while (each := await asyncio.to_thread(next, found, None)) is not None:
            yield each

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return await asyncio.to_thread(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        await asyncio.to_thread(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        await asyncio.to_thread(self.delete_thread, thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        await asyncio.to_thread(self.delete_for_runs, run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await asyncio.to_thread(self.copy_thread, source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        await asyncio.to_thread(self.prune, thread_ids, strategy=strategy)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return await asyncio.to_thread(self.get_delta_channel_history, config=config, channels=channels)


@asynccontextmanager
async def create_checkpointer(compaction: Mode | None = None, **limits: Unpack[Limits]) -> AsyncIterator[QdrantSaver]:
    """The saver for a `langgraph.json`, opened by the settings of the environment (`MEMORYOPS_…`):

    {"checkpointer": {"path": "memoryops.graphs.saver.create_checkpointer"}}
    """
    ops = await asyncio.to_thread(MemoryOps.open)
    try:
        yield QdrantSaver(ops, compaction=compaction, **limits)
    finally:
        await asyncio.to_thread(ops.close)


def _thread(config: RunnableConfig) -> str:
    thread = config.get("configurable", {}).get("thread_id")
    if thread is None or thread == "":
        raise InvalidInput('the config names no thread; pass {"configurable": {"thread_id": "…"}}')
    return str(thread)


def _namespace(config: RunnableConfig) -> str:
    return str(config["configurable"].get("checkpoint_ns") or "")


def _place(config: RunnableConfig) -> tuple[str, str]:
    return _thread(config), _namespace(config)


def _config(thread: Any, namespace: str, checkpoint: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": namespace, "checkpoint_id": checkpoint}}


def _pending(entries: Sequence[Entry]) -> list[PendingWrite]:
    return [(entry.task, entry.channel, entry.value) for entry in entries]
