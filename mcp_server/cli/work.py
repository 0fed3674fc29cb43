"""`memoryops tasks`, `agents` and `state`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import output
from .where import pairs

if TYPE_CHECKING:
    from ...memory.service import MemoryOps
    from ...memory.tasks import Task


def tasks_list(ops: MemoryOps, args: Namespace) -> int:
    """Tasks, the most urgent first."""
    page = ops.tasks.list(
        status=args.status or None, assignee=args.assignee, tag=args.tag, limit=args.limit, cursor=args.cursor
    )
    if args.json:
        output.as_json(page)
        return 0
    rows = [(task.id, task.priority, task.status, task.assignee, task.title) for task in page.tasks]
    output.table(("id", "priority", "status", "assignee", "title"), rows, "No tasks.")
    if page.next_cursor is not None:
        output.line(f"There is more: --cursor {page.next_cursor}")
    return 0


def tasks_create(ops: MemoryOps, args: Namespace) -> int:
    """Create an open task."""
    task = ops.tasks.create(
        args.title,
        args.description,
        priority=args.priority,
        tags=args.tag,
        metadata=pairs(args.metadata, "--metadata"),
        thread=args.thread,
        due_at=args.due_at,
    )
    return _told(task, args)


def tasks_show(ops: MemoryOps, args: Namespace) -> int:
    """Print one task."""
    task = ops.tasks.get(args.id)
    if args.json:
        return _told(task, args)
    lines: Mapping[str, object] = {
        "title": task.title,
        "status": task.status,
        "priority": task.priority,
        "assignee": task.assignee,
        "lease until": task.lease_until,
        "tags": ", ".join(task.tags),
        "result": task.result,
        "created": task.created_at,
        "updated": task.updated_at,
        "description": task.description,
    }
    for name, value in lines.items():
        if value not in (None, ""):
            output.line(f"{name + ':':12} {value}")
    return 0


def tasks_claim(ops: MemoryOps, args: Namespace) -> int:
    """Take a task, or the most urgent free one; of many that claim one, exactly one gets it."""
    return _told(ops.tasks.claim(args.id, lease=args.lease), args)


def tasks_done(ops: MemoryOps, args: Namespace) -> int:
    """Finish a task."""
    return _told(ops.tasks.update(args.id, status="done", result=args.result), args)


def tasks_update(ops: MemoryOps, args: Namespace) -> int:
    """Change a task's status, result, priority, title or description."""
    task = ops.tasks.update(
        args.id,
        status=args.status,
        result=args.result,
        priority=args.priority,
        title=args.title,
        description=args.description,
        expected_rev=args.expected_rev,
    )
    return _told(task, args)


def _told(task: Task, args: Namespace) -> int:
    if args.json:
        output.as_json(task)
    else:
        holder = f" by {task.assignee}" if task.assignee else ""
        output.line(f"{task.id}  {task.status}{holder}  {task.title}")
    return 0


def agents_list(ops: MemoryOps, args: Namespace) -> int:
    """Agents that have registered, the most recently heard of first."""
    page = ops.agents.list(
        capability=args.capability, alive_within=args.alive_within, limit=args.limit, cursor=args.cursor
    )
    if args.json:
        output.as_json(page)
        return 0
    rows = [(agent.name, ", ".join(agent.capabilities), agent.heartbeat_at) for agent in page.agents]
    output.table(("name", "capabilities", "last heard of"), rows, "No agent has registered.")
    if page.next_cursor is not None:
        output.line(f"There is more: --cursor {page.next_cursor}")
    return 0


def state(ops: MemoryOps, args: Namespace) -> int:
    """Counts, tokens and utilisation of the memory."""
    found = ops.state()
    if args.json:
        output.as_json(found.as_json())
        return 0
    rows: list[tuple[str, object]] = []
    for name, value in found.as_json().items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{key} {_counted(count)}" for key, count in value.items()) or "none"
        rows.append((name.replace("_", " "), value))
    output.table(("", ""), rows, "")
    return 0


def _counted(value: object) -> str:
    """A count, or a tier's: how many memories and tokens."""
    return f"{value['items']} ({value['tokens']} tokens)" if isinstance(value, Mapping) else str(value)
