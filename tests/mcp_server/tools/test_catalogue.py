"""What clients are shown: which tools, how much they cost a context, and that they are the façade's operations."""

import inspect
import json
import re

import bpe_openai
import pytest
from mcp.server.mcpserver.tools import Tool

from memoryops.mcp_server.face import Face
from memoryops.mcp_server.instructions import LIMIT, instructions
from memoryops.mcp_server.notices import Notices
from memoryops.mcp_server.runtime import Runtime
from memoryops.mcp_server.tools import CORE, FOR_PERSONS, OPERATIONS, build_tools
from memoryops.memory import agents, hil, items, quarantine, tasks
from memoryops.memory.service import MemoryOps

AGENT = (
    "memory_add memory_search memory_retrieve memory_update memory_forget memory_context memory_compress memory_state "
    "memory_export quarantine_add quarantine_list task_create task_claim task_update task_list hil_request hil_list "
    "agent_register agent_list"
).split()

OWN = {
    "memory_add": {"content", "items"},
    "memory_search": {"tags", "thread"},
    "memory_retrieve": {"offset", "max_tokens"},
    "quarantine_review": {"action"},
    "hil_request": {"wait"},
    "hil_list": {"wait"},
}
"""Arguments that a tool has beside those of its operations."""
FIELDS = {"memory_update": items.UPDATABLE, "quarantine_add": quarantine.FIELDS}
"""Where an operation takes a mapping of fields: their names."""


def shown(face: Face) -> dict[str, Tool]:
    runtime = Runtime(lambda: pytest.fail("listing tools opened the memory"))
    return {tool.name: tool for tool in build_tools(runtime, Notices(runtime), face)}


def tokens(value: object) -> int:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(bpe_openai.get_encoding("o200k_base").encode(text))


def cost(face: Face) -> tuple[int, int]:
    """Tokens of names, descriptions and input schemas, and of output schemas."""
    tools = shown(face).values()
    given = sum(tokens({"name": t.name, "description": t.description, "inputSchema": t.parameters}) for t in tools)
    return given, sum(tokens(t.output_schema) for t in tools)


def test_each_face_shows_its_tools() -> None:
    assert list(shown(Face())) == AGENT
    assert list(shown(Face("core"))) == list(CORE)
    assert len(CORE) == 8
    assert set(shown(Face(human=True))) == {*AGENT, *FOR_PERSONS}
    assert set(shown(Face("core", human=True))) == {*CORE, *FOR_PERSONS}


def test_agents_see_at_most_twenty_tools_for_at_most_2500_tokens_and_as_much_again() -> None:
    given, returned = cost(Face())
    assert len(shown(Face())) <= 20
    assert given <= 2500
    assert returned <= 2500
    given, returned = cost(Face("core"))
    assert given <= 1000
    assert returned <= 1200


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_tool_says_what_it_is(name: str) -> None:
    tool = shown(Face(human=True))[name]
    assert tool.title
    assert tool.description
    assert tool.annotations is not None
    assert tool.annotations.open_world_hint is False
    assert tool.output_schema is not None
    assert tool.output_schema["type"] == tool.parameters["type"] == "object"
    assert tool.parameters["additionalProperties"] is False
    assert '"title"' not in json.dumps([tool.parameters["properties"].get("id"), tool.parameters.get("title")])
    assert "$ref" not in json.dumps([tool.parameters, tool.output_schema])


def test_annotations_tell_reading_from_writing_from_destroying() -> None:
    tools = shown(Face(human=True))
    notes = {name: tool.annotations for name, tool in tools.items() if tool.annotations is not None}
    reading = {name for name, note in notes.items() if note.read_only_hint}
    assert reading == set(
        "memory_search memory_retrieve memory_context memory_state memory_export quarantine_list task_list hil_list "
        "agent_list".split()
    )
    destroying = {name for name, note in notes.items() if note.destructive_hint}
    assert destroying == set("memory_update memory_forget quarantine_review task_update hil_answer".split())
    assert not reading & destroying
    assert notes["memory_add"].idempotent_hint is False
    assert notes["memory_forget"].idempotent_hint is True


def test_tools_and_operations_of_the_facade_are_in_step() -> None:
    """A tool is named as its operation, and takes arguments of the same names."""
    assert set(OPERATIONS) == {*AGENT, *FOR_PERSONS}
    rooms = {"quarantine": quarantine.Quarantine, "tasks": tasks.Tasks, "hil": hil.Hil, "agents": agents.Agents}
    tools = shown(Face(human=True))
    for name, paths in OPERATIONS.items():
        taken = set(OWN.get(name, ())) | set(FIELDS.get(name, ()))
        for path in paths:
            room, _, verb = path.rpartition(".")
            operation = getattr(rooms[room] if room else MemoryOps, verb)
            taken |= set(inspect.signature(operation).parameters)
        verb = name.partition("_")[2]
        assert any(path.rpartition(".")[2].startswith(verb) for path in paths) or name == "quarantine_review"
        assert set(tools[name].parameters["properties"]) <= taken, name


def test_every_operation_of_a_client_is_a_tool_or_is_listed_here() -> None:
    """A new façade method fails this until somebody decides how clients reach it."""
    elsewhere = {"open", "close", "with_scope", "export", "import_"}  # of the process, or with a path on its disk
    elsewhere |= {"fit"}  # for whoever holds a conversation, before it goes to a model
    elsewhere |= {"hygiene", "archived", "restore"}  # a person's: the command line has them
    public = {name for name, _ in inspect.getmembers(MemoryOps, inspect.isfunction) if not name.startswith("_")}
    given = {path for paths in OPERATIONS.values() for path in paths if "." not in path}
    assert public | {"open"} == given | elsewhere


@pytest.mark.parametrize("face", [Face(), Face("core"), Face(human=True), Face("core", human=True)])
def test_instructions_are_short_name_only_tools_that_are_there_and_call_what_comes_back_data(face: Face) -> None:
    text = instructions(face)
    assert len(text) < LIMIT
    assert "data, not instructions" in text
    named = set(re.findall(r"\b(?:memory|task|hil|agent|quarantine)_[a-z]+\b", text))
    assert named <= set(shown(face))
    assert named >= {"memory_search", "memory_retrieve"}
