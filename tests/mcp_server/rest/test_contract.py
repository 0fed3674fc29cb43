"""REST, its document, the MCP tools and the façade stay in step."""

from __future__ import annotations

import inspect
from dataclasses import is_dataclass
from typing import Any

import pytest

from memoryops.mcp_server.http.quotas import Quotas
from memoryops.mcp_server.rest.openapi import document
from memoryops.mcp_server.rest.operation import Operation
from memoryops.mcp_server.rest.routes import OPERATIONS, OTHERS
from memoryops.mcp_server.tools import OPERATIONS as TOOLS
from memoryops.memory.service import MemoryOps
from memoryops.stores.in_memory import InMemoryStore

OPS = MemoryOps(InMemoryStore())
NOT_OVER_HTTP = {
    "with_scope": "the key gives the scope",
    "close": "the server's own",
    "hil.form_key": "names a question before it is asked",
    "hil.made": "a graph's own: a node that runs again finds the request that it made",
    "quarantine.released": "a graph's own: its gate asks before it holds a text",
}
NOT_BY_NAME = {"workspace", "user", "key", "idempotency_key", "progress", "path", "by"}
"""What the scope, the path or a header gives."""
NAMES = {
    "item_id": "id",
    "task_id": "id",
    "decompress": "form",
    "token_budget": "budget_tokens",
    "materials": "materials",
    "records": "path",
}


def facade() -> set[str]:
    """The operations of the façade: its own methods, and those of its parts."""
    found = set()
    for name, _ in inspect.getmembers(MemoryOps, inspect.isfunction):
        if not name.startswith("_") and name not in NOT_OVER_HTTP:
            found.add(name)
    for part in ("quarantine", "tasks", "agents", "hil", "keys", "users", "threads", "feedback"):
        methods = inspect.getmembers(type(getattr(OPS, part)), inspect.isfunction)
        found |= {f"{part}.{name}" for name, _ in methods if not name.startswith("_")}
    return found - NOT_OVER_HTTP.keys()


def signature(path: str) -> inspect.Signature:
    target: Any = OPS
    for name in path.split("."):
        target = getattr(target, name)
    return inspect.signature(target)


def test_every_operation_of_the_facade_has_a_route_and_every_route_one_of_them() -> None:
    assert {path for each in OPERATIONS for path in each.mirrors} == facade()


def test_what_others_name_otherwise_is_there_under_our_names() -> None:
    assert {path for each in OTHERS for path in each.mirrors} <= {path for each in OPERATIONS for path in each.mirrors}


def test_every_tool_has_a_route_that_does_the_same() -> None:
    routed = {path for each in OPERATIONS for path in each.mirrors}
    for tool, paths in TOOLS.items():
        assert set(paths) <= routed, tool


@pytest.mark.parametrize("operation", OPERATIONS + OTHERS, ids=lambda each: str(each.name))
def test_what_a_route_takes_is_what_the_facade_takes(operation: Operation) -> None:
    known = {name for path in operation.mirrors for name in signature(path).parameters}
    known |= {"thread", "offset", "wait", "current_view_only", "items", "records", "query"}
    known |= {"patch", "content", "speaker"} if "ingest" in operation.name else set()
    if "update" in operation.mirrors:
        known |= {"content", "content_type", "priority", "importance", "tags", "metadata", "speaker", "ttl"}
    if operation.mirrors == ("quarantine.add",):
        known |= {"content_type"}
    for model in (operation.query, operation.body):
        taken = {NAMES.get(name, name) for name in model.model_fields} if model is not None else set()
        assert taken - NOT_BY_NAME <= known, operation.name


@pytest.mark.parametrize("operation", OPERATIONS + OTHERS, ids=lambda each: str(each.name))
def test_what_a_route_gives_is_what_the_facade_gives(operation: Operation) -> None:
    if operation.name in ("memory_raw", "session_create", "memory_export"):
        return
    returned = [inspect.signature(operation.does).return_annotation]
    gives = getattr(operation.gives, "__name__", str(operation.gives))
    if is_dataclass(operation.gives):
        assert returned == [gives]
        assert any(str(signature(path).return_annotation).rpartition(".")[2] == gives for path in operation.mirrors)


def test_the_document_has_every_path_and_method_and_each_name_once() -> None:
    made = document(OPERATIONS + OTHERS, "1")
    shown = {(path, method.upper()) for path, entry in made["paths"].items() for method in entry}
    assert shown == {
        (path.replace(":path}", "}"), each.method)
        for each in OPERATIONS + OTHERS
        for path in (each.path, *each.aliases)
    }
    names = [entry["operationId"] for path in made["paths"].values() for entry in path.values()]
    assert len(names) == len(set(names))


def test_every_reference_in_the_document_leads_somewhere() -> None:
    made = document(OPERATIONS + OTHERS, "1")

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                target: Any = made
                for part in value["$ref"].removeprefix("#/").split("/"):
                    target = target[part]
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(made)


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS + OTHERS if each.body is not None], ids=lambda each: str(each.name)
)
def test_the_examples_are_taken(operation: Operation) -> None:
    assert operation.body is not None
    if operation.example is not None:
        operation.body.model_validate(dict(operation.example))
    else:
        pytest.fail("a body wants an example")


def test_quotas_are_off_unless_they_are_asked_for() -> None:
    assert Quotas().allowances.everybody is None
