"""Whether the server lives, and whether it can be used: for load balancers and supervisors, who have no key.

It lives if it answers. It is ready if a write and a search succeed, which is tried at most every few seconds, however
many ask. What is told is what was tried and how long it took, and of a failure its kind.
"""

from __future__ import annotations

import time
from typing import Any

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ...memory.probe import Check, probe
from ..errors import DOMAIN, answer
from ..runtime import Runtime

HOLDS = 5.0
"""Seconds for which an answer is given again."""
PATIENCE = 5.0
"""Seconds after which a memory that does not answer is not ready."""
ALIVE = ("/healthz", "/v1/admin/health")
READY = ("/readyz", "/health/detailed", "/v1/admin/readiness")


class Health:
    """The endpoints over *runtime*."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._lock = anyio.Lock()
        self._threads = anyio.CapacityLimiter(2)
        self._said: dict[str, Any] = {}
        self._until = 0.0

    @property
    def routes(self) -> list[BaseRoute]:
        """What is at which path."""
        alive = [Route(path, self._alive, methods=["GET"]) for path in ALIVE]
        return [*alive, *(Route(path, self._ready, methods=["GET"]) for path in READY)]

    async def _alive(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _ready(self, _: Request) -> Response:
        async with self._lock:
            if time.monotonic() >= self._until:
                self._said = await self._tried()
                self._until = time.monotonic() + HOLDS
            said = self._said
        ready = said["status"] == "ready"
        return JSONResponse(said, 200 if ready else 503, None if ready else {"retry-after": str(int(HOLDS))})

    async def _tried(self) -> dict[str, Any]:
        checks: list[Check] = []
        with anyio.move_on_after(PATIENCE):
            checks = await anyio.to_thread.run_sync(self._try, abandon_on_cancel=True, limiter=self._threads)
        if not checks:
            checks = [Check("answer", 1000 * PATIENCE, TimeoutError())]
        ready = all(check.error is None for check in checks)
        return {"status": "ready" if ready else "not ready", "checks": {check.name: _told(check) for check in checks}}

    def _try(self) -> list[Check]:
        try:
            ops = self._runtime.ops()
        except DOMAIN as error:
            return [Check("open", 0.0, error)]
        return list(probe(ops.store, ops.scope.workspace, ops.items.clock()))


def _told(check: Check) -> dict[str, Any]:
    if check.error is None:
        return {"ok": True, "milliseconds": check.milliseconds}
    kind = "timeout" if isinstance(check.error, TimeoutError) else answer(check.error).kind
    return {"ok": False, "milliseconds": check.milliseconds, "kind": kind}
