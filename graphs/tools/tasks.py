"""The tools by which a model works on tasks; names and arguments are those of the MCP tools."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from langchain_core.tools import BaseTool
from pydantic import Field

from ...memory.drafts import fingerprint
from ...memory.service import MemoryOps
from ...memory.tasks import LEASE_SECONDS, Task
from ...memory.working_set import one_line
from ..context import Seen, seen
from .guarded import guarded

Priority = Annotated[int, Field(ge=1, le=10, description="10 first")]
TaskStatus = Literal["open", "in_progress", "blocked", "done", "cancelled"]


def create_task_tools(ops: MemoryOps, *, lease: float = LEASE_SECONDS) -> list[BaseTool]:
    """The tools `task_create`, `task_claim`, `task_update` and `task_list`, over the same tasks as MCP's.

    A claim lasts *lease* seconds and is made in the name of the scope's or the run's agent.
    """

    def task_create(title: str, description: str = "", priority: Priority = 5, tags: list[str] | None = None) -> str:
        run = seen(ops)
        return _line(
            run.ops.tasks.create(
                title,
                description,
                priority=priority,
                tags=tags or (),
                thread=run.thread,
                idempotency_key=_key(run, title, description),
            )
        )

    def task_claim(id: str | None = None) -> str:
        return _whole(seen(ops).ops.tasks.claim(id, lease=lease))

    def task_update(
        id: str, status: TaskStatus | None = None, result: str | None = None, priority: Priority | None = None
    ) -> str:
        return _line(seen(ops).ops.tasks.update(id, status=status, result=result, priority=priority))

    def task_list(status: TaskStatus | None = None, limit: Annotated[int, Field(ge=1, le=50)] = 20) -> str:
        page = seen(ops).ops.tasks.list(status=status, limit=limit)
        lines = [_line(task) for task in page.tasks] or ["There are no such tasks."]
        return "\n".join([*lines, *(["There are more; ask for another status."] if page.next_cursor else [])])

    return [
        guarded(task_create, "task_create", "Create a task that you or another agent can claim later."),
        guarded(task_claim, "task_claim", "Take a task (without id the most urgent free one) before working on it."),
        guarded(task_update, "task_update", "Change a task that you hold: its status, its result, its priority."),
        guarded(task_list, "task_list", "Tasks, the most urgent first."),
    ]


def _key(run: Seen, *texts: str) -> str | None:
    """One task for one call, however often the graph's step runs again after a crash."""
    return f"langgraph:{fingerprint(run.task, *texts)}" if run.task is not None else None


def _line(task: Task) -> str:
    by = f", {task.assignee}" if task.assignee else ""
    result = f" → {one_line(task.result)}" if task.result else ""
    return f"{one_line(task.title)} [{task.status}{by}, priority {task.priority}] (ID: {task.id}){result}"


def _whole(task: Task) -> str:
    facts: dict[str, Any] = {"description": task.description, "lease until": task.lease_until, "due": task.due_at}
    return "\n".join([_line(task), *(f"{name}: {value}" for name, value in facts.items() if value)])
