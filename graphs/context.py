"""Who a run is for: what LangGraph's `context` and `configurable` say, mapped to a scope. They narrow, and never widen.

| a run says | the memory's scope |
|---|---|
| nothing | that of the `MemoryOps` the node was made with; no run changes its workspace or role |
| `MemoryContext(user="ada")`, or `configurable={"user_id": "ada"}` | reads are narrowed to Ada's, writes are hers |
| `configurable={"thread_id": "t1"}`, or `MemoryContext(thread="t1")` | writes are marked with the thread |
| a thread id of over 200 characters, or of others than printable ones | the thread by a name made of its hash |
| `MemoryContext(agent="planner")` | writes and claims name the agent |

Where a server has authenticated the caller (`langgraph_auth_user_id`), nobody else's name is taken. A name that
contradicts what the scope is bound to is `Forbidden`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_config
from langgraph.runtime import get_runtime

from ..memory import inputs
from ..memory.drafts import fingerprint
from ..memory.errors import Forbidden
from ..memory.service import MemoryOps
from .conversation import field

RUNTIME, CHECKPOINTER = "__pregel_runtime", "__pregel_checkpointer"
"""Where LangGraph keeps a run's runtime and its checkpointer in its config."""


@dataclass(frozen=True, slots=True)
class MemoryContext:
    """The `context_schema` of a graph with memory: `graph.invoke(…, context=MemoryContext(user="ada"))`."""

    user: str | None = None
    thread: str | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """The memory as a run sees it: *ops* narrowed to the run's user and agent, and the *thread* that it writes to."""

    ops: MemoryOps
    thread: str | None
    task: str | None = None
    """LangGraph's id of the work that is being done: the same when a node runs again after a pause or a crash."""
    resumable: bool = False
    """Whether the run has a checkpointer, so that it can be paused."""


def seen(ops: MemoryOps) -> Seen:
    """*ops* as the run that is going on may see it; as it is, outside of one.

    Raises `Forbidden` where the run names a user, agent or thread that the scope is not bound to, or names two.
    """
    try:
        configurable: Mapping[str, Any] = get_config().get("configurable", {})
        runtime = get_runtime()
    except RuntimeError:  # LangGraph's answer outside of a run
        return Seen(ops, None)
    return _seen(ops, configurable, runtime)


def seen_by(ops: MemoryOps, config: RunnableConfig) -> Seen:
    """*ops* as the run of *config* may see it, for whoever is handed that config; as `seen`."""
    configurable = config.get("configurable", {})
    return _seen(ops, configurable, configurable.get(RUNTIME))


def _seen(ops: MemoryOps, configurable: Mapping[str, Any], runtime: Any) -> Seen:
    context = runtime.context if runtime is not None else None
    caller, named = configurable.get("langgraph_auth_user_id"), configurable.get("user_id")
    if caller == "":  # LangGraph's server without authentication says that of both; anybody else's "" is a mistake
        caller, named = None, named or None
    users = [caller, _said(context, "user"), named]
    thread = _said(context, "thread")
    thread = configurable.get("thread_id") if thread is None else thread
    bound = ops.scope.narrowed(
        user=_one("user", users),
        agent=inputs.optional_name(_said(context, "agent"), "agent"),
        thread=_one("thread", [_thread(thread)]),
    )
    narrowed = ops.scope.narrowed(user=bound.user, agent=bound.agent)
    info = runtime.execution_info if runtime is not None else None
    task = info.task_id if info is not None else None
    resumable = bool(configurable.get(CHECKPOINTER))
    return Seen(ops if narrowed == ops.scope else ops.with_scope(narrowed), bound.thread, task, resumable)


def _said(context: object, name: str) -> Any:
    """What *context* says under *name* or *name*_id; contexts of other makes are read as far as they say it.

    An empty name is a mistake that is told, and not nobody's: a run that names nobody sees what is everybody's.
    """
    given = (field(context, each) for each in (name, f"{name}_id"))
    return next((each for each in given if each is not None), None)


def _thread(given: Any) -> str | None:
    """The name of the thread *given*: savers take ids that are too long, or too odd, to be a name."""
    if given is None:
        return None
    id = str(given)
    return id if len(id) <= inputs.MAX_NAME_CHARS and id.isprintable() else f"thread {fingerprint(id)}"


def _one(what: str, given: list[Any]) -> str | None:
    """The one name in *given*; LangGraph takes UUIDs and numbers for names, too."""
    names = {inputs.name(str(each), what) for each in given if each is not None}
    if len(names) > 1:
        raise Forbidden(f"this run names several {what}s ({', '.join(sorted(names))}); name one")
    return names.pop() if names else None
