"""The tools that clients see, and which of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations

from ..face import Face
from ..notices import Notices
from ..runtime import Runtime
from .agents import AgentTools
from .guarded import guarded
from .hil import HilTools
from .memory import MemoryTools
from .quarantine import QuarantineTools
from .tasks import TaskTools

OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "memory_add": ("add", "add_many"),
    "memory_search": ("search",),
    "memory_retrieve": ("retrieve",),
    "memory_update": ("update",),
    "memory_forget": ("forget",),
    "memory_context": ("context",),
    "memory_compress": ("compress",),
    "memory_state": ("state",),
    "memory_export": ("export_page",),
    "quarantine_add": ("quarantine.add",),
    "quarantine_list": ("quarantine.list",),
    "quarantine_review": ("quarantine.release", "quarantine.purge"),
    "task_create": ("tasks.create",),
    "task_claim": ("tasks.claim",),
    "task_update": ("tasks.update",),
    "task_list": ("tasks.list", "tasks.get"),
    "hil_request": ("hil.request",),
    "hil_list": ("hil.list", "hil.get"),
    "hil_answer": ("hil.answer", "hil.decline"),
    "agent_register": ("agents.register",),
    "agent_list": ("agents.list",),
}
"""Each tool and the façade's operations that it gives; a test holds names and arguments to it."""

CORE = (
    "memory_add memory_search memory_retrieve memory_update memory_forget memory_context memory_compress memory_state"
).split()
FOR_PERSONS = ("hil_answer", "quarantine_review")


def _does(*, reads: bool = False, destroys: bool = False, repeatable: bool = False) -> ToolAnnotations:
    if reads:
        return ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
    return ToolAnnotations(
        read_only_hint=False, destructive_hint=destroys, idempotent_hint=repeatable, open_world_hint=False
    )


def build_tools(runtime: Runtime, notices: Notices, face: Face) -> list[Tool]:
    """The tools that *face* shows, in the order in which a client lists them."""
    memory, quarantine, tasks = MemoryTools(runtime), QuarantineTools(runtime), TaskTools(runtime)
    hil, agents = HilTools(runtime, notices, face.elicitation), AgentTools(runtime)
    reads, adds, changes = _does(reads=True), _does(), _does(destroys=True, repeatable=True)
    every: list[tuple[Callable[..., Any], str, ToolAnnotations]] = [
        (memory.memory_add, "Remember", adds),
        (memory.memory_search, "Search memory", reads),
        (memory.memory_retrieve, "Read a memory", reads),
        (memory.memory_update, "Correct a memory", changes),
        (memory.memory_forget, "Forget", changes),
        (memory.memory_context, "Gather what is known", reads),
        (memory.memory_compress, "Compress", _does(repeatable=True)),
        (memory.memory_state, "State of the memory", reads),
        (memory.memory_export, "Export", reads),
        (quarantine.quarantine_add, "Put into quarantine", _does(repeatable=True)),
        (quarantine.quarantine_list, "List the quarantine", reads),
        (quarantine.quarantine_review, "Release or purge", changes),
        (tasks.task_create, "Create a task", adds),
        (tasks.task_claim, "Claim a task", _does(repeatable=True)),
        (tasks.task_update, "Update a task", changes),
        (tasks.task_list, "List tasks", reads),
        (hil.hil_request, "Ask a person", adds),
        (hil.hil_list, "List questions", reads),
        (hil.hil_answer, "Answer a question", _does(destroys=True)),
        (agents.agent_register, "Register", _does(repeatable=True)),
        (agents.agent_list, "List agents", reads),
    ]
    return [guarded(fn, title, annotations) for fn, title, annotations in every if _shown(fn.__name__, face)]


def _shown(name: str, face: Face) -> bool:
    if name in FOR_PERSONS:
        return face.human
    return face.profile == "full" or name in CORE
