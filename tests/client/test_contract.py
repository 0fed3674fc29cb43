"""Each operation of the OpenAPI document has its method, and there is none besides: not for what is given under the
names of other services, nor for the gateway, which has OpenAI's own clients."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

from memoryops.client import requests
from memoryops.client.calls import Call, Listing, Part
from memoryops.client.operations import Operations
from memoryops.client.senders import Options, Sync
from memoryops.mcp_server.rest.openapi import ALIAS_OF, document
from memoryops.mcp_server.rest.routes import OPERATIONS
from memoryops.mcp_server.rest.sdk import main
from memoryops.memory.service import MemoryOps
from memoryops.stores.in_memory import InMemoryStore

NAMED_OTHERWISE = {
    "raw": "the text alone",
    "delete": "one memory; `forget` takes ids or a filter",
    "search_by_query": "the search that proxies can cache",
    "recall": "a path of other services; `search` and `context` are ours",
    "tasks.claim_next": "`tasks.claim` without an id",
    "threads.add": "`add` of a message",
}


def methods() -> Iterator[tuple[str, Any]]:
    """All methods of a client with their requests."""
    client = Operations(Sync(Options("http://127.0.0.1:1")))
    parts = [("", client), *((f"{name}.", each) for name, each in vars(client).items() if isinstance(each, Part))]
    for before, part in parts:
        for name, each in vars(type(part)).items():
            if isinstance(each, Call | Listing):
                yield before + name, cast(Any, each).build


def test_every_operation_has_one_method_and_nothing_else_is_there() -> None:
    made = document(OPERATIONS, "1")
    entries = [entry for path in made["paths"].values() for entry in path.values()]
    told = {entry["operationId"] for entry in entries if ALIAS_OF not in entry}
    assert len(told) == len(OPERATIONS)
    assert Counter(build.__name__ for _, build in methods()) == Counter(dict.fromkeys(told, 1))
    written = {name for name, _ in inspect.getmembers(requests, inspect.isfunction) if name != "segment"}
    assert written == told


def test_a_method_has_the_name_that_it_has_in_the_facade() -> None:
    ops = MemoryOps(InMemoryStore())
    for name, _ in methods():
        target: Any = ops
        for each in name.split("."):
            target = getattr(target, each, None)
        assert callable(target) != (name in NAMED_OTHERWISE), name


def test_what_is_written_is_current() -> None:
    assert main(["--check"]) == 0


def test_importing_it_is_light() -> None:
    """No store, no model, no server and no framework: an application pays for HTTP and pydantic alone."""
    code = "import sys, memoryops.client; print(*sys.modules)"
    child = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in child.stdout.split()}
    heavy = {"qdrant_edge", "onnxruntime", "numpy", "tokenizers", "mcp", "starlette", "uvicorn", "langgraph", "openai"}
    assert loaded.isdisjoint(heavy)
    ours = {name for name in child.stdout.split() if name.startswith("memoryops.")}
    assert {name.split(".")[1] for name in ours} == {"client"}
