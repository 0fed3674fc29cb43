"""The nodes that create, claim and complete tasks."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ...memory.drafts import fingerprint
from ...memory.errors import InvalidInput, NotFound, Settled, Taken
from ...memory.service import MemoryOps
from ...memory.tasks import LEASE_SECONDS, Task
from ..context import Seen, seen
from ..conversation import field
from .node import Node, declaring

log = logging.getLogger(__name__)

GIVEN = frozenset("title description priority tags metadata due_at".split())


@dataclass(frozen=True, slots=True)
class TaskNodes:
    """Three nodes over the tasks of one memory; see `make_task_nodes`."""

    create: Node
    claim: Node
    complete: Node


def make_task_nodes(
    ops: MemoryOps,
    *,
    agent: str | None = None,
    lease: float = LEASE_SECONDS,
    new_key: str = "new_tasks",
    task_key: str = "task",
    result_key: str = "result",
) -> TaskNodes:
    """Nodes that hand work between graphs, and to and from agents of any other make.

    *create* stores what is under *new_key* (a list of titles, or of `{"title", "description", "priority", "tags",
    "metadata", "due_at"}`), once however often the node runs, and empties the list. *claim* puts a task under
    *task_key*: the one that *agent* (default: the scope's) holds already, else the most urgent free one, else None; a
    task with an id that stands there already is the one to be claimed, and one that *agent* has lost since is left to
    whoever has it. *complete* closes it with the text under
    *result_key*. A task is a dict with the fields of `memory.tasks.Task`. Raises `InvalidInput`, `Taken`, `Settled`.
    """

    def create(state: Any) -> dict[str, Any]:
        run = seen(ops)
        given = field(state, new_key) or []
        if isinstance(given, str | Mapping) or not isinstance(given, list | tuple):
            raise InvalidInput(f"the state's {new_key!r} is {given!r:.100}; give a list of titles, or of objects")
        for number, each in enumerate(given):
            _create(run, number, each)
        return {new_key: []}

    def claim(state: Any) -> dict[str, Any]:
        run = seen(ops)
        tasks, holder = run.ops.tasks, agent or run.ops.scope.agent
        known = _task_in(state, task_key)
        if known is not None and known.get("status") not in ("done", "cancelled"):
            try:
                return {task_key: as_dict(tasks.claim(known["id"], agent=agent, lease=lease))}
            except (NotFound, Settled, Taken) as error:
                if known.get("status") != "in_progress" or known.get("assignee") != holder:
                    raise
                log.warning("the agent %s goes on to another task: %s", holder, error)  # this node put it there
        held = tasks.list(status="in_progress", assignee=holder, limit=1).tasks if holder is not None else []
        try:
            return {task_key: as_dict(tasks.claim(held[0].id if held else None, agent=agent, lease=lease))}
        except NotFound:
            if held:
                raise
            return {task_key: None}

    def complete(state: Any) -> dict[str, Any]:
        run = seen(ops)
        task = _task_in(state, task_key)
        if task is None:
            raise InvalidInput(f"the state has no {task_key!r}; claim one before it is completed")
        now = run.ops.tasks.get(task["id"])
        if now.status != "done" or now.assignee != (agent or run.ops.scope.agent):  # not done by this node before
            now = run.ops.tasks.update(task["id"], status="done", result=field(state, result_key), agent=agent)
        return {task_key: as_dict(now)}

    task = {task_key: dict[str, Any] | None}
    return TaskNodes(
        declaring(create, {new_key: list[Any]}), declaring(claim, task), declaring(complete, {**task, result_key: str})
    )


def _create(run: Seen, number: int, given: object) -> Task:
    fields = {"title": given} if isinstance(given, str) else given
    if not isinstance(fields, Mapping) or not fields.keys() <= GIVEN or "title" not in fields:
        raise InvalidInput(f"task {number} is {given!r:.100}; give a title, or an object of {', '.join(sorted(GIVEN))}")
    key = f"langgraph:{fingerprint(run.task, str(number), str(fields['title']))}" if run.task is not None else None
    return run.ops.tasks.create(**fields, thread=run.thread, idempotency_key=key)


def _task_in(state: object, name: str) -> Mapping[str, Any] | None:
    found = field(state, name) or None
    if found is not None and (not isinstance(found, Mapping) or not isinstance(found.get("id"), str)):
        raise InvalidInput(f"the state's {name!r} is {found!r:.100}; give a task, or an object with its id")
    return found


def as_dict(task: Task) -> dict[str, Any]:
    """*task* as a state keeps it: plain JSON."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(task).items()}
