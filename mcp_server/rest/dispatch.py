"""From a request to an operation and back: one worker thread reads the body, checks it, does the work and writes JSON.

The event loop does none of it: a body may have megabytes. What waits for a processor has a limit of its own, so that
a few compressions do not keep searches waiting.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, get_origin

import anyio
import anyio.to_thread
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from ...memory import inputs
from ...memory.errors import Forbidden
from ...memory.hil import HilRequest
from ...memory.scope import Scope
from ..errors import DOMAIN, LONGEST, answer
from ..http.caller import caller_of
from ..http.problem import problem, told
from ..runtime import Runtime, acting
from .operation import Call, Operation, Told, Wait, WaitQuery, Within

QUICK, SLOW = 24, 2
"""How many operations run at once, of those that wait for the store and of those that compute."""
MOST_ERRORS = 10
IDEMPOTENCY = "idempotency-key"
IDEMPOTENCY_FORM = re.compile(r"[!-~]{1,190}")
"""Shorter than other names: the texts of one call are numbered behind it."""


class Refused(Exception):
    """What was sent is refused with *response*."""

    def __init__(self, response: Response) -> None:
        super().__init__("refused")
        self.response = response


class _Pending(Exception):
    """The answer is to be waited for, which holds no thread."""

    def __init__(self, request: HilRequest, seconds: float) -> None:
        super().__init__("pending")
        self.request, self.seconds = request, seconds


@dataclass(slots=True)
class Limits:
    """How many calls run at once; shared by all operations of one app."""

    quick: anyio.CapacityLimiter
    slow: anyio.CapacityLimiter

    @classmethod
    def fresh(cls) -> Limits:
        return cls(anyio.CapacityLimiter(QUICK), anyio.CapacityLimiter(SLOW))


class Endpoint:
    """*operation*, answered over HTTP."""

    def __init__(
        self,
        operation: Operation,
        runtime: Runtime,
        limits: Limits,
        wait: Wait | None = None,
        told: Told | None = None,
    ) -> None:
        self.operation, self.runtime, self.wait, self.told = operation, runtime, wait, told
        self.limiter = limits.slow if operation.slow else limits.quick
        self.writes: TypeAdapter[Any] = TypeAdapter(operation.gives)

    async def __call__(self, request: Request) -> Response:
        caller = caller_of(request)
        scope = caller.scope if caller.key is not None else None
        try:
            # What nobody reads is not collected either: the gate bounds the bodies of calls that have one.
            raw = await request.body() if self.operation.body is not None else b""
            answered: Response = await self._in_thread(partial(self._answer, request, scope, raw))
            return answered
        except _Pending as pending:
            assert self.wait is not None
            settled = await self.wait(pending.request, pending.seconds)
            written: Response = await self._in_thread(partial(self._written, settled))
            return written
        except Refused as refused:
            return refused.response
        except DOMAIN as error:
            return told(answer(error))

    async def _in_thread(self, call: partial[Any]) -> Any:
        return await anyio.to_thread.run_sync(call, limiter=self.limiter)

    def _answer(self, request: Request, scope: Scope | None, raw: bytes) -> Response:
        operation = self.operation
        query = _query(operation.query, request.query_params)
        body = _body(operation.body, raw)
        path = {name: inputs.name(value, name) for name, value in request.path_params.items()}
        key = _key(request) if operation.once else None
        with acting(scope):
            bound = self.runtime.ops().scope
        began = time.perf_counter()
        with acting(_narrowed(bound, query, body)):
            done = operation.does(Call(self.runtime.ops(), path, query, body, key))
        if self.told is not None:
            self.told(operation.mirrors, time.perf_counter() - began, done)
        if isinstance(query, WaitQuery) and query.wait and self.wait is not None and done.status == "pending":
            raise _Pending(done, query.wait)
        return self._written(done)

    def _written(self, done: Any) -> Response:
        operation = self.operation
        if operation.media != "application/json":
            return Response(done.encode("utf-8"), operation.status, media_type=f"{operation.media}; charset=utf-8")
        return Response(self.writes.dump_json(done), operation.status, media_type=operation.media)


def _narrowed(scope: Scope, *sent: object) -> Scope:
    for each in sent:
        if isinstance(each, Within):
            if each.workspace is not None and each.workspace != scope.workspace:
                raise Forbidden(
                    f"this key opens the workspace {scope.workspace!r}, not {each.workspace!r:.100}; name none, or "
                    "make a key for that one by `memoryops keys create NAME --workspace WORKSPACE`"
                )
            scope = scope.narrowed(user=each.user)
    return scope


def _key(request: Request) -> str | None:
    given = request.headers.getlist(IDEMPOTENCY)
    if len(given) > 1 or (given and not IDEMPOTENCY_FORM.fullmatch(given[0])):
        refused = "Idempotency-Key is sent twice, or is none"
        remedy = "Send one, of 1 to 190 ASCII characters without blanks"
        raise Refused(problem(422, refused, remedy, kind="invalid"))
    return given[0] if given else None


def _body(model: type[BaseModel] | None, raw: bytes) -> BaseModel | None:
    if model is None:
        return None
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        if error.errors(include_url=False, include_context=False, include_input=False)[0]["type"] == "json_invalid":
            raise Refused(problem(400, "the body is no JSON", "Send one JSON object", kind="invalid")) from error
        raise Refused(_wrong(error, "body")) from error


def _query(model: type[BaseModel] | None, params: QueryParams) -> BaseModel | None:
    if model is None:
        return None
    lists = {name for name, each in model.model_fields.items() if get_origin(each.annotation) is list}
    values: dict[str, Any] = {}
    for name in params:
        given = params.getlist(name)
        if name not in lists and len(given) > 1:
            refused = problem(422, f"the query has {name!r:.100} {len(given)} times", "Send it once", kind="invalid")
            raise Refused(refused)
        values[name] = given if name in lists else given[0]
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Refused(_wrong(error, "query")) from error


def _wrong(error: ValidationError, where: str) -> Response:
    """What is wrong with the *where* of a request, member by member; what was sent is not quoted."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    errors = [{"at": ".".join(map(str, each["loc"]))[:200], "message": each["msg"][:200]} for each in found]
    lines = [f"{each['at']}: {each['message']}" if each["at"] else each["message"] for each in errors[:MOST_ERRORS]]
    detail = f"the {where} is not as it should be. {'; '.join(lines)}"[:LONGEST]
    return problem(422, detail, "/docs shows what it takes", kind="invalid", errors=errors[:MOST_ERRORS])


def paths_of(operations: tuple[Operation, ...]) -> Mapping[str, list[Operation]]:
    """The operations at each path, aliases among them, in the order in which they are told."""
    found: dict[str, list[Operation]] = {}
    for operation in operations:
        for path in (operation.path, *operation.aliases):
            found.setdefault(path, []).append(operation)
    return found
