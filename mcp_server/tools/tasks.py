"""The tools on tasks that agents share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ..runtime import Runtime
from .results import FIELD_TOKENS, FULL_TOKENS, Result, cut, few, fitting, small

if TYPE_CHECKING:
    from ...memory.tasks import Task, TaskPage

Status = Literal["open", "in_progress", "blocked", "done", "cancelled"]
Agent = Annotated[str | None, Field(description="you, by name")]

_NO_NAMES: list[str] = []
_NO_FIELDS: dict[str, Any] = {}


class TaskResult(Result):
    id: str
    rev: int
    title: str
    description: str = ""
    status: Status
    priority: int = 5
    assignee: str | None = None
    lease_until: str | None = None
    tags: list[str] = []
    metadata: dict[str, Any] = {}
    result: str | None = None
    thread: str | None = None
    created_by: str | None = None
    created_at: str
    due_at: str | None = None
    left_out: list[str] = []


class TaskSaved(Result):
    id: str
    rev: int
    status: Status
    assignee: str | None = None


class TaskListResult(Result):
    tasks: list[TaskResult]
    next_cursor: str | None = None


class TaskTools:
    """The tools on tasks, over one memory."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def task_create(
        self,
        title: str,
        description: str = "",
        priority: Annotated[int, Field(ge=1, le=10, description="1-10; 10 first")] = 5,
        tags: list[str] = _NO_NAMES,
        metadata: dict[str, Any] = _NO_FIELDS,
        thread: str | None = None,
        due_at: Annotated[str | None, Field(description="ISO 8601")] = None,
        idempotency_key: str | None = None,
    ) -> TaskSaved:
        """Note a task for any agent to claim."""
        task = self.runtime.ops().tasks.create(
            title,
            description,
            priority=priority,
            tags=tags,
            metadata=metadata,
            thread=thread,
            due_at=due_at,
            idempotency_key=idempotency_key,
        )
        return _saved(task)

    def task_claim(
        self,
        id: Annotated[str | None, Field(description="default: the most urgent free one")] = None,
        agent: Agent = None,
        lease: Annotated[float, Field(description="seconds it stays yours; claim again to extend")] = 900,
    ) -> TaskResult:
        """Take a task before working on it; exactly one agent gets it."""
        return _task(self.runtime.ops().tasks.claim(id, agent=agent, lease=lease), full=True)

    def task_update(
        self,
        id: str,
        status: Annotated[Status | None, Field(description="in_progress: use task_claim")] = None,
        result: str | None = None,
        agent: Agent = None,
        title: str | None = None,
        description: str | None = None,
        priority: Annotated[int | None, Field(ge=1, le=10)] = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        expected_rev: int | None = None,
    ) -> TaskSaved:
        """Report progress or the result of a task, or change it."""
        task = self.runtime.ops().tasks.update(
            id,
            status=status,
            result=result,
            priority=priority,
            title=title,
            description=description,
            tags=tags,
            metadata=metadata,
            agent=agent,
            expected_rev=expected_rev,
        )
        return _saved(task)

    def task_list(
        self,
        id: Annotated[str | None, Field(description="one task, in full")] = None,
        status: Annotated[list[Status], Field(description="any of these")] = _NO_NAMES,  # type: ignore[assignment]  # empty
        assignee: str | None = None,
        tag: str | None = None,
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        cursor: str | None = None,
    ) -> TaskListResult:
        """Tasks, the most urgent first."""
        tasks = self.runtime.ops().tasks
        if id is not None:
            return TaskListResult(tasks=[_task(tasks.get(id), full=True)])

        def fetch(most: int) -> TaskPage:
            return tasks.list(status=status or None, assignee=assignee, tag=tag, limit=most, cursor=cursor)

        shown, next_cursor = fitting(fetch, lambda page: page.tasks, _task, limit)
        return TaskListResult(tasks=shown, next_cursor=next_cursor)


def _saved(task: Task) -> TaskSaved:
    return TaskSaved(id=task.id, rev=task.rev, status=task.status, assignee=task.assignee)


def _task(task: Task, full: bool = False) -> TaskResult:
    left_out: list[str] = []
    most = FULL_TOKENS if full else FIELD_TOKENS
    return TaskResult(
        id=task.id,
        rev=task.rev,
        title=cut(task.title, left_out, "title", most) or "",
        description=cut(task.description, left_out, "description", most) or "",
        status=task.status,
        priority=task.priority,
        assignee=task.assignee,
        lease_until=task.lease_until,
        tags=few(task.tags, left_out, "tags", most),
        metadata=small(task.metadata, left_out, most),
        result=cut(task.result, left_out, "result", most),
        thread=task.thread,
        created_by=task.created_by,
        created_at=task.created_at,
        due_at=task.due_at,
        left_out=left_out,
    )
