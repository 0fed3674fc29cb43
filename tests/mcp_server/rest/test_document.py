"""schemathesis reads the OpenAPI document and calls every operation with what it allows, and with what it does not."""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from memoryops.mcp_server.http.access import Access, Gate
from memoryops.mcp_server.http.problem import from_defect, from_starlette
from memoryops.mcp_server.rest.routes import rest_routes
from memoryops.mcp_server.runtime import Runtime
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.in_memory import InMemoryStore

EXAMPLES = int(os.environ.get("MEMORYOPS_TEST_SCHEMATHESIS", "4"))
"""Requests for each operation."""
TOKEN = "t" * 43

_ops = MemoryOps(InMemoryStore(), Scope("acme", role="admin"), screening="off")
_runtime = Runtime(lambda: _ops)
_starlette = Starlette(
    routes=rest_routes(_runtime), exception_handlers={HTTPException: from_starlette, Exception: from_defect}
)
schema: Any = schemathesis.openapi.from_asgi(
    "/openapi.json", Gate(_starlette, Access(TOKEN, frozenset({"testserver"}), scope=_ops.scope, runtime=_runtime))
)
LEFT_OUT = [
    ignored_auth,  # it changes Authorization, which beside a good X-API-Key is for a language model and not for us
    positive_data_acceptance,  # names must be printable, times be times, cursors ours: no schema can say all of it
]


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore::memoryops.memory.llms.UnknownModelWarning")  # it makes up names of models
@schema.parametrize()  # type: ignore[untyped-decorator]  # the library types it as Any
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_what_the_document_says_is_so(case: Case[Any]) -> None:
    case.call_and_validate(headers={"X-API-Key": TOKEN}, excluded_checks=LEFT_OUT)
