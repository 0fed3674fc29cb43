"""Threads from one saver to another: checkpoints, their pending writes and their order, as they are."""

from __future__ import annotations

from collections.abc import Iterable

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

from ..memory import inputs


def copy_threads(
    source: BaseCheckpointSaver[str], target: BaseCheckpointSaver[str], threads: Iterable[str] | None = None
) -> int:
    """Copy *threads* (default: all that *source* lists) into *target*; how many checkpoints that were.

    Ids, parents, metadata and pending writes stay the same, so that a thread goes on in *target* where it stopped,
    paused runs and time travel included. What is there already is written once more, and stays one.
    """
    copied = 0
    named = [None] if threads is None else [_thread(each) for each in inputs.several(threads, "threads")]
    for config in named:
        listed = [(str(each.checkpoint["id"]), each.config) for each in source.list(config)]
        for id, place in sorted(listed, key=_age):
            if (found := _found(source, id, place)) is not None:
                _copy(found, target)
                copied += 1
    return copied


def _thread(id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": id}}


def _age(listed: tuple[str, RunnableConfig]) -> str:
    """Checkpoint ids are made of the time: parents come before their children."""
    return listed[0]


def _found(source: BaseCheckpointSaver[str], id: str, place: RunnableConfig) -> CheckpointTuple | None:
    """The checkpoint *id*, read once more: all of a long thread at once are many times as large as its last.

    Listed, because what a saver that compacts gets is what a run would start from. None where it has been deleted.
    """
    return next((each for each in source.list(place) if each.checkpoint["id"] == id), None)


def _copy(found: CheckpointTuple, target: BaseCheckpointSaver[str]) -> None:
    own = found.config["configurable"]
    parent = found.parent_config["configurable"]["checkpoint_id"] if found.parent_config is not None else None
    place: RunnableConfig = {
        "configurable": {
            "thread_id": own["thread_id"],
            "checkpoint_ns": own.get("checkpoint_ns", ""),
            **({"checkpoint_id": parent} if parent is not None else {}),
        }
    }
    versions = found.checkpoint["channel_versions"]
    stored = target.put(place, found.checkpoint, found.metadata, versions)
    by_task: dict[str, list[tuple[str, object]]] = {}
    for task, channel, value in found.pending_writes or ():
        by_task.setdefault(task, []).append((channel, value))
    for task, writes in by_task.items():
        target.put_writes(stored, writes, task)
