"""REST over a memory in this process, behind the real gate, called as HTTP clients call it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import anyio.from_thread
import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from memoryops.mcp_server.asking import Asking
from memoryops.mcp_server.http.access import Access, Gate
from memoryops.mcp_server.http.problem import from_starlette
from memoryops.mcp_server.notices import Notices
from memoryops.mcp_server.rest.routes import rest_routes
from memoryops.mcp_server.runtime import Runtime
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.in_memory import InMemoryStore

TOKEN = "t" * 43


class Rest:
    """An app over a memory of its own; *key* is shown with each request."""

    def __init__(self, portal: Any, app: Any, ops: MemoryOps, key: str) -> None:
        self._portal, self._app, self.ops, self.key = portal, app, ops, key

    def with_key(self, **bound: Any) -> Rest:
        """The same app, called with a new key."""
        workspace = bound.pop("workspace", self.ops.scope.workspace)
        admin = self.ops.with_scope(Scope(workspace, role="admin"))
        return Rest(self._portal, self._app, self.ops, admin.keys.create(**bound).secret)

    def send(self, method: str, path: str, json: Any = None, **options: Any) -> httpx.Response:
        headers = {"X-API-Key": self.key, **options.pop("headers", {})}

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60) as client:
                given = {"json": json} if json is not None else {}
                return await client.request(method, path, headers=headers, **given, **options)

        answer: httpx.Response = self._portal.call(ask)
        return answer

    def ok(self, method: str, path: str, json: Any = None, **options: Any) -> Any:
        """The JSON of an answer that is no refusal."""
        answer = self.send(method, path, json, **options)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def refused(self, method: str, path: str, json: Any = None, **options: Any) -> dict[str, Any]:
        """The problem document of a refusal."""
        answer = self.send(method, path, json, **options)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        document: dict[str, Any] = answer.json()
        assert document["status"] == answer.status_code
        return document


@pytest.fixture(scope="session")
def portal() -> Iterator[Any]:
    with anyio.from_thread.start_blocking_portal() as opened:
        yield opened


@pytest.fixture
def make_rest(portal: Any) -> Callable[..., Rest]:
    """Makes an app; the options are those of `Access`."""

    def make(**options: Any) -> Rest:
        ops = MemoryOps(InMemoryStore(), Scope("acme"))
        runtime = Runtime(lambda: ops)
        access = replace(Access(TOKEN, scope=ops.scope, runtime=runtime), **options)
        wait = Asking(runtime, Notices(runtime)).until_settled
        app = Starlette(routes=rest_routes(runtime, wait), exception_handlers={HTTPException: from_starlette})
        return Rest(portal, Gate(app, access), ops, TOKEN)

    return make


@pytest.fixture
def rest(make_rest: Callable[..., Rest]) -> Rest:
    """An app, called with the local token: as an agent."""
    return make_rest()


@pytest.fixture
def person(rest: Rest) -> Rest:
    return rest.with_key(role="human")


@pytest.fixture
def admin(rest: Rest) -> Rest:
    return rest.with_key(role="admin")
