"""`POST /v1/chat/completions`: a request goes upstream, its reply comes back, and both are accounted for."""

from __future__ import annotations

import asyncio
import json
from functools import partial

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from ...memory.exchange import measured
from ..http.caller import caller_of
from ..http.observed import request_id
from . import account
from .account import Shown
from .after import After
from .errors import BadRequest, GatewayError
from .exchange import Exchange
from .headers import of_reply
from .passing import LARGE, SMALL, Passing
from .recalling import Part, Recalling
from .relay import Copy, Pairs, relay, while_connected


class Chat:
    """The endpoint, as an ASGI app."""

    def __init__(self, passing: Passing, recalling: Recalling, after: After) -> None:
        self.passing, self.recalling, self.after = passing, recalling, after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            exchange = await self._exchange(Request(scope, receive))
        except GatewayError as error:
            await error.response(scope, receive, send)
            return
        try:
            await while_connected(receive, lambda: self._serve(exchange, scope, receive, send))
        finally:
            if exchange.reply is not None:
                await exchange.reply.close()
            if exchange.counting is not None:
                self.after.soon(exchange)

    async def _exchange(self, request: Request) -> Exchange:
        body = await self.passing.parsed(await request.body())
        model = body.values.get("model")
        if model is not None and not isinstance(model, str):
            raise BadRequest(f"model is {type(model).__name__}; give a name", "model")
        route = self.passing.upstreams.route(model)
        llm, known = self.passing.llm(route.model)
        exchange = Exchange(caller_of(request), body, route, llm, known, request.scope["headers"])
        exchange.request_id, exchange.connection = request_id(request.scope), request
        return exchange

    async def _serve(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        written: dict[str, str] = {}
        if exchange.route.renamed:
            written["model"] = json.dumps(exchange.route.model)
        try:
            part = await self.recalling.part(exchange)
        except GatewayError as error:
            await error.response(scope, receive, send)
            return
        if part.messages is not None:
            written["messages"] = part.messages
        exchange.counting = counting = asyncio.ensure_future(self._counted(exchange, part))
        try:
            body = exchange.body.with_values(written)
            reply = await self.passing.ask(scope, exchange.caller, exchange.route, "chat/completions", body)
        except GatewayError as error:
            exchange.status = error.status
            response = error.response
            response.raw_headers += account.headers(await counting, None)
            await response(scope, receive, send)
            return
        exchange.reply, exchange.status = reply, reply.status
        hold = not exchange.is_stream and not exchange.body.values.get("stream")
        await relay(reply, send, partial(self._head, exchange), exchange.copy, hold=hold)

    async def _head(self, exchange: Exchange, copy: Copy) -> Pairs:
        """The headers of the reply: the upstream's, and what the request took. Of a reply that is here as a whole,
        the answer's cost is in it, too."""
        assert exchange.reply is not None
        assert exchange.counting is not None
        shown = await exchange.counting
        if copy.whole and copy.size < LARGE:
            exchange.read()
        elif copy.whole:
            await self.passing.workers.run(None, exchange.read)
        own = account.headers(shown, account.cost(exchange.llm, *exchange.spent(shown)))
        return [*of_reply(exchange.reply.headers), *own]

    async def _counted(self, exchange: Exchange, part: Part) -> Shown:
        """What the request takes. Where memory did not count it, that is done while the upstream is at work."""
        if part.shown is not None:
            return part.shown
        values = exchange.body.values
        count = partial(measured, values.get("messages"), values.get("tools"))
        small = len(exchange.body.raw) <= SMALL
        tokens = count() if small else await self.passing.workers.run(None, count)
        return Shown(tokens, tokens, status=part.status, reason=part.reason)
