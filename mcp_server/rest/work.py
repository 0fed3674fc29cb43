"""Tasks and agents over REST."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ...memory.agents import Agent, AgentPage
from ...memory.tasks import Task, TaskPage
from .operation import Body, Call, Name, Operation, Paging, Query, Within, thread_field

Status = Literal["open", "in_progress", "blocked", "done", "cancelled"]
Priority = Annotated[int, Field(ge=1, le=10, description="10 first")]
Title = Annotated[str, Field(min_length=1, max_length=2000)]
You = Annotated[Name | None, Field(description="you, by name")]
Lease = Annotated[float, Field(gt=0, le=3.2e9, description="seconds it stays yours")]


class NewTask(Within, Body):
    title: Title
    description: str = ""
    priority: Priority = 5
    tags: list[Name] = []
    metadata: dict[str, Any] = {}
    thread: str | None = thread_field()
    due_at: Annotated[str | None, Field(description="ISO 8601")] = None


class Claim(Within, Body):
    agent: You = None
    lease: Lease = 900.0


class TaskPatch(Within, Body):
    status: Annotated[Status | None, Field(description="in_progress: claim it instead")] = None
    result: str | None = None
    priority: Priority | None = None
    title: Title | None = None
    description: str | None = None
    tags: list[Name] | None = None
    metadata: dict[str, Any] | None = None
    agent: You = None
    expected_rev: Annotated[int | None, Field(ge=1)] = None


class TaskPatchOf(TaskPatch):
    """A change, and the task that it is of."""

    task_id: Name


class TaskQuery(Within, Paging):
    status: Annotated[list[Status], Field(description="any of these")] = []
    assignee: Name | None = None
    tag: Name | None = None


class NewAgent(Body):
    name: Name
    capabilities: list[Name] = []
    metadata: dict[str, Any] = {}


class AgentQuery(Paging):
    capability: Name | None = None
    alive_within: Annotated[float | None, Field(gt=0, le=3.2e9, description="seconds")] = None


def create(call: Call) -> Task:
    return call.ops.tasks.create(**call.body.model_dump(exclude={"workspace", "user"}), idempotency_key=call.key)


def list_tasks(call: Call) -> TaskPage:
    query = call.query
    return call.ops.tasks.list(
        status=query.status or None, assignee=query.assignee, tag=query.tag, limit=query.limit, cursor=query.cursor
    )


def get(call: Call) -> Task:
    return call.ops.tasks.get(call.path["id"])


def claim_next(call: Call) -> Task:
    return call.ops.tasks.claim(agent=call.body.agent, lease=call.body.lease)


def claim(call: Call) -> Task:
    return call.ops.tasks.claim(call.path["id"], agent=call.body.agent, lease=call.body.lease)


def update(call: Call) -> Task:
    return call.ops.tasks.update(call.path["id"], **call.body.model_dump(exclude={"workspace", "user"}))


def update_named(call: Call) -> Task:
    return call.ops.tasks.update(call.body.task_id, **call.body.model_dump(exclude={"workspace", "user", "task_id"}))


def register(call: Call) -> Agent:
    return call.ops.agents.register(**call.body.model_dump())


def heartbeat(call: Call) -> Agent:
    return call.ops.agents.heartbeat(call.path["name"])


def list_agents(call: Call) -> AgentPage:
    query = call.query
    return call.ops.agents.list(
        capability=query.capability, alive_within=query.alive_within, limit=query.limit, cursor=query.cursor
    )


OPERATIONS = (
    Operation(
        "task_create", "POST", "/v1/tasks", create, "Note a task for any agent to claim", Task, ("tasks.create",),
        body=NewTask, status=201, once=True, example={"title": "Rotate the signing key", "priority": 8},
        aliases=("/memory-manager/tasks/create",),
    ),
    Operation(
        "task_list", "GET", "/v1/tasks", list_tasks, "Tasks, the most urgent first", TaskPage, ("tasks.list",),
        query=TaskQuery, aliases=("/memory-manager/tasks",),
    ),
    Operation("task_get", "GET", "/v1/tasks/{id}", get, "One task", Task, ("tasks.get",), query=Within),
    Operation(
        "task_claim_next", "POST", "/v1/tasks/claim", claim_next,
        "Take the most urgent free task; of many that try, exactly one gets it", Task, ("tasks.claim",), body=Claim,
        example={"agent": "reviewer"},
    ),
    Operation(
        "task_claim", "POST", "/v1/tasks/{id}/claim", claim, "Take this task, or keep it longer", Task,
        ("tasks.claim",), body=Claim, example={"agent": "reviewer"},
    ),
    Operation(
        "task_update", "PATCH", "/v1/tasks/{id}", update, "Report progress or the result of a task, or change it",
        Task, ("tasks.update",), body=TaskPatch, example={"status": "done", "result": "rotated"},
    ),
    Operation(
        "agent_register", "POST", "/v1/agents", register, "Make an agent known, or known anew", Agent,
        ("agents.register",), body=NewAgent, example={"name": "reviewer", "capabilities": ["review"]},
        aliases=("/memory-manager/agents/create",),
    ),
    Operation(
        "agent_list", "GET", "/v1/agents", list_agents, "Who works here, the latest heard of first", AgentPage,
        ("agents.list",), query=AgentQuery, aliases=("/memory-manager/agents",),
    ),
    Operation(
        "agent_heartbeat", "POST", "/v1/agents/{name}/heartbeat", heartbeat, "A sign of life", Agent,
        ("agents.heartbeat",), query=Query,
    ),
)  # fmt: skip
OTHERS = (
    Operation(
        "task_update_post", "POST", "/memory-manager/tasks/update", update_named,
        "Change a task, as services like this one do it", Task, ("tasks.update",), body=TaskPatchOf, tag="tasks",
        example={"task_id": "ID", "priority": 8},
    ),
)  # fmt: skip
"""The same as above, as other services name it."""
