"""`GET /v1/usage`: what requests took and cost, in sums or line by line, as JSON or CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...memory.errors import InvalidInput
from ...memory.scope import Scope
from ...memory.usage import Usage, as_csv
from ..errors import ASKED_WRONG, DOMAIN, answer
from ..http.caller import caller_of
from ..http.problem import problem
from ..runtime import Runtime
from ..workers import Workers
from .ledger import Ledger

PAGE = 100
PARAMETERS = frozenset("since until key model by lines limit cursor format".split())


class UsageEndpoint:
    """The endpoint. A caller sees its workspace's ledger, one with a user that user's lines."""

    def __init__(self, runtime: Runtime, ledger: Ledger, workers: Workers) -> None:
        self._runtime, self._ledger, self._workers = runtime, ledger, workers

    async def __call__(self, request: Request) -> Response:
        await self._ledger.flush()
        try:
            work = partial(self._answer, caller_of(request).scope, dict(request.query_params))
            return await self._workers.run(None, work)
        except DOMAIN as error:
            told = answer(error)
            return problem(400 if told.kind in ASKED_WRONG else 503, told.message, told.remedy, kind=told.kind)

    def _answer(self, scope: Scope, asked: Mapping[str, str]) -> Response:
        usage = self._runtime.ops().with_scope(scope).usage
        unknown = asked.keys() - PARAMETERS
        if unknown:
            raise InvalidInput(f"there is no parameter {min(unknown)!r:.100}; use {', '.join(sorted(PARAMETERS))}")
        given = {name: asked[name] for name in ("since", "until", "key", "model") if asked.get(name)}
        chosen = {name: _time(value) if name in ("since", "until") else value for name, value in given.items()}
        if asked.get("lines", "false").lower() in ("true", "1"):
            return self._lines(usage, asked, chosen)
        by: Any = [each for each in asked.get("by", "model").split(",") if each]
        sums = [asdict(each) for each in usage.summary(by, **chosen)]
        if _as_csv(asked):
            return _csv(sums)
        return JSONResponse({"by": by, "usage": sums})

    def _lines(self, usage: Usage, asked: Mapping[str, str], chosen: Mapping[str, Any]) -> Response:
        if _as_csv(asked):
            return _csv([line.as_row() for line in usage.lines(**chosen)])
        page = usage.page(**chosen, limit=_whole(asked.get("limit", str(PAGE))), cursor=asked.get("cursor"))
        return JSONResponse({"lines": [line.as_row() for line in page.lines], "next_cursor": page.next_cursor})


def _csv(rows: list[dict[str, Any]]) -> Response:
    return Response(as_csv(rows), media_type="text/csv; charset=utf-8")


def _as_csv(asked: Mapping[str, str]) -> bool:
    form = asked.get("format", "json")
    if form not in ("json", "csv"):
        raise InvalidInput(f"format is {form!r:.100}; use json or csv")
    return form == "csv"


def _time(value: str) -> object:
    """Seconds as a number, everything else as it is: `timestamp` reads ISO 8601."""
    try:
        return float(value)
    except ValueError:
        return value


def _whole(value: str) -> int:
    if not value.isascii() or not value.isdecimal() or len(value) > 6:
        raise InvalidInput(f"limit is {value!r:.100}; give 1 to 1000")
    return int(value)
