"""`POST /v1/embeddings`: by the memory's own encoder, or upstream where another model is named."""

from __future__ import annotations

import array
import base64
import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ...compressors import tokens
from ...memory.embeddings import Embedded, Embeddings, names
from ...memory.settings import Settings
from ...memory.usage import Spent
from ..errors import ASKED_WRONG, DOMAIN, answer
from ..http.caller import caller_of
from ..runtime import Runtime
from ..workers import Workers
from . import account
from .after import After
from .answers import read
from .body import Body
from .client import Reply
from .errors import BadRequest, GatewayError, UnknownModel
from .headers import of_reply, value_of
from .passing import Passing
from .relay import Copy, Pairs, relay, while_connected
from .upstreams import Route

THREADS = 2
FORMS = ("float", "base64")
"""How vectors are written."""


class OwnModel:
    """The memory's own encoder, loaded when it is first asked for."""

    def __init__(self, settings: Settings, runtime: Runtime) -> None:
        self._configured, self._runtime = settings.encoder, runtime
        self._embeddings = Embeddings(self._spec, settings.embeddings_api_key)
        self._workers = Workers(THREADS, "embeddings")

    async def spec(self) -> str:
        """The encoder's specification; of a store that cannot be asked now, what is configured or shipped."""
        if self._configured is not None:
            return self._configured
        try:
            return await self._workers.run(5.0, self._spec)
        except (*DOMAIN, TimeoutError):
            return "minilm"

    async def embed(self, texts: Sequence[str]) -> Embedded:
        return await self._workers.run(None, lambda: self._embeddings.embed(texts))

    def close(self) -> None:
        self._workers.close()

    def _spec(self) -> str:
        if self._configured is None:
            self._configured = self._runtime.ops().store.info().encoder
        return self._configured


class EmbeddingsEndpoint:
    """The endpoint, as an ASGI app."""

    def __init__(self, passing: Passing, own: OwnModel, after: After) -> None:
        self.passing, self.own, self.after = passing, own, after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            body = await self.passing.parsed(await request.body())
            model = body.values.get("model")
            if model is not None and not isinstance(model, str):
                raise BadRequest(f"model is {type(model).__name__}; give a name", "model")
            spec = await self.own.spec()
            if model is None or model in names(spec):
                await (await self._own(body, request))(scope, receive, send)
                return
            if not self.passing.upstreams.all:
                raise UnknownModel(model, f"The memory's own is {min(names(spec), key=len)!r}, or leave model out")
            route = self.passing.upstreams.route(model)
            await while_connected(receive, lambda: self._passed_on(route, body, request, send))
        except GatewayError as error:
            await error.response(scope, receive, send)

    async def _own(self, body: Body, request: Request) -> Response:
        began = time.perf_counter()
        texts = _texts(body.values.get("input"))
        form = body.values.get("encoding_format", "float")
        if form not in FORMS:
            raise BadRequest(f"encoding_format is {form!r:.100}; use float or base64", "encoding_format")
        try:
            embedded = await self.own.embed(texts)
        except DOMAIN as error:
            raise _told(error) from error
        wanted = body.values.get("dimensions")
        if wanted is not None and wanted != len(embedded.vectors[0]):
            raise BadRequest(f"the memory's encoder has {len(embedded.vectors[0])} dimensions, no other", "dimensions")
        self.after.embedded(request, _spent(embedded.model, "memoryops", 200, embedded.tokens, 0.0, began))
        data = [
            {"object": "embedding", "index": number, "embedding": _written(vector, form)}
            for number, vector in enumerate(embedded.vectors)
        ]
        used = {"prompt_tokens": embedded.tokens, "total_tokens": embedded.tokens}
        return JSONResponse({"object": "list", "data": data, "model": embedded.model, "usage": used})

    async def _passed_on(self, route: Route, body: Body, request: Request, send: Send) -> None:
        began = time.perf_counter()
        written = {"model": json.dumps(route.model)} if route.renamed else {}
        sent = body.with_values(written)
        reply = await self.passing.ask(request.scope, caller_of(request), route, "embeddings", sent)

        async def head(copy: Copy) -> Pairs:
            return of_reply(reply.headers)

        copy = Copy()
        try:
            await relay(reply, send, head, copy, hold=False)
        finally:
            await reply.close()
            if reply.status < 300:
                with anyio.CancelScope(shield=True):  # what was embedded is paid for, whether its caller waited or not
                    used = await self.passing.workers.run(None, partial(_used, reply, copy, body))
            else:
                used = 0
            llm, _ = self.passing.llm(route.model)
            usd = account.cost(llm, used, 0)
            spent = _spent(route.model or "", route.upstream.name, reply.status, used, usd, began)
            self.after.embedded(request, spent)


def _used(reply: Reply, copy: Copy, body: Body) -> int:
    """The tokens that were embedded: as the provider counted, or as we do where it does not say."""
    told = read(copy.data, "application/json", value_of(reply.headers, b"content-encoding").lower()).tokens_in
    given = body.values.get("input")
    texts = [each for each in (given if isinstance(given, list) else [given]) if isinstance(each, str)]
    return sum(map(tokens.count, texts)) if told is None else told


def _spent(model: str, upstream: str, status: int, used: int, usd: float | None, began: float) -> Spent:
    return Spent(
        model=model,
        upstream=upstream,
        status=status,
        tokens_before=used,
        tokens_after=used,
        tokens_in=used,
        cost_usd=usd,
        saved_usd=0.0,
        milliseconds=round(1000 * (time.perf_counter() - began), 1),
    )


def _texts(given: object) -> list[str]:
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        raise BadRequest("input is no text or list of texts; token lists mean nothing to the memory's encoder", "input")
    return listed


def _written(vector: Sequence[float], form: str) -> Any:
    if form == "float":
        return vector
    numbers = array.array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode("ascii")


class _Told(GatewayError):
    """An error of the memory's own encoder."""


def _told(error: Exception) -> GatewayError:
    found = answer(error)
    told = _Told(found.text)
    told.status, told.code = (400 if found.kind in ASKED_WRONG else 503), found.kind
    return told
