"""`memoryops serve`: listens, says where, serves until it is told to stop, and stops in bounded time."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import re
import shlex
import signal
import socket
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import uvicorn
from sse_starlette.sse import AppStatus
from starlette.applications import Starlette

from ... import __version__
from ...memory.errors import InvalidInput
from ...memory.keys import any_key
from ...memory.settings import Settings
from .. import logs
from ..asking import Asking
from ..cli import output
from ..face import Face
from ..gateway.app import Gateway
from ..rest.routes import rest_routes
from ..runtime import Runtime
from ..server import build_server, face_of, open_memory, scope_of
from .access import Access
from .address import address_of, allowed_hosts, allowed_origins, host_name, is_beyond, listen
from .app import build_app
from .cors import cors_origins
from .health import Health
from .metrics import Metrics
from .parser import HttpProtocol
from .quotas import Allowances, Quotas, spend
from .stop import Stop
from .token import local_token, token_path, tokens_in

log = logging.getLogger(__name__)

GRACE = 10.0
"""Seconds that a call in flight has to finish when the server stops."""
KEEP_ALIVE = 75
"""Seconds that an idle connection stays open: longer than clients and proxies keep theirs, so that none sends a
request into a connection that is just being closed."""
TO_END = 5.0
"""Seconds after those in which the process ends, even if a thread does not."""


def serve(load: Callable[[], Settings], args: Namespace) -> int:
    """Serve until SIGTERM (status 0) or SIGINT (130). Raises `InvalidInput` when it cannot begin."""
    settings = load()
    _configure_log(settings)
    face = face_of(args)
    with listen(args.host or settings.http_host, settings.http_port if args.port is None else args.port) as listener:
        runtime = Runtime(lambda: open_memory(settings, face))
        try:
            access, token_file = _access(listener, settings, face, args, runtime)
            stop = Stop()
            metrics = Metrics()
            metrics.watch(runtime)
            gateway = Gateway(settings, runtime, metrics, spend)
            mcp = build_server(runtime, __version__, face)
            wait = Asking(runtime, mcp.notices).until_settled
            routes = [
                *Health(runtime).routes,
                *metrics.routes,
                *gateway.routes,
                *rest_routes(runtime, wait, gateway.described, metrics.operated),
            ]
            app = build_app(mcp, access, stop, routes, [gateway.running], metrics, gateway.shapes)
            place = Place.of(listener, args.allow_host, token_file)
            server = Server(app, stop, lambda: announce(place, as_json=args.json))
            server.run([listener])
            return server.status
        finally:
            runtime.close()


def _access(
    listener: socket.socket, settings: Settings, face: Face, args: Namespace, runtime: Runtime
) -> tuple[Access, Path | None]:
    """Who may call, and the file of the token if one is needed."""
    hosts = allowed_hosts(listener, args.host or settings.http_host, args.allow_host, auth=not args.no_auth)
    origins, scope = allowed_origins(args.allow_origin), scope_of(settings, face)
    quotas = Quotas(Allowances.of(settings), settings.redis_url)
    let_in = Access(
        None,
        hosts,
        origins,
        scope=scope,
        fixed=settings.api_keys,
        runtime=runtime,
        quotas=quotas,
        cors=cors_origins(settings.cors_origins, auth=not args.no_auth),
        closed=tokens_in(settings.folder),
    )
    if args.no_auth:
        return let_in, None
    if is_beyond(listener) and not settings.api_keys and not any_key(runtime.ops().store, time.time()):
        raise InvalidInput(
            "beyond this machine a server wants keys of its own, and there are none; make one with "
            "`memoryops keys create`, or set MEMORYOPS_API_KEYS"
        )
    token = local_token(settings.folder, scope.role)
    return replace(let_in, token=token), token_path(settings.folder, scope.role)


def _configure_log(settings: Settings) -> None:
    logs.configure(settings.log_format, settings.log_level)
    logs.take_warnings()
    # Its warnings are about garbage that anybody can send.
    quietest = logging.INFO if settings.log_level in ("DEBUG", "INFO") else logging.ERROR
    logging.getLogger("uvicorn").setLevel(quietest)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is found. *token_file* None: it asks for no token. *beyond*: not on loopback alone."""

    base: str
    token_file: Path | None
    beyond: bool = False

    @classmethod
    def of(cls, listener: socket.socket, names: Sequence[str], token_file: Path | None) -> Place:
        """*names*: those beside its address that it may be called by; it needs one where it has every address."""
        host, port = listener.getsockname()[:2]
        address = address_of(listener)
        name = host_name(names[0]) if address.is_unspecified else f"[{host}]" if ":" in host else host
        base = name if re.search(r":\d+$", name) else f"{name}:{port}"
        return cls(f"http://{base}", token_file, is_beyond(listener))


def announce(place: Place, *, as_json: bool) -> None:
    """Say on standard error where the server is, where its token is and how a client is attached; with *as_json*
    also print it for programs."""
    attach = f"claude mcp add --transport http memoryops {place.base}/mcp"
    if place.token_file is None:
        token = "none is asked for: every user of this machine can read and write this memory"
    else:
        token = str(place.token_file)
        attach += f' --header "Authorization: Bearer $(cat {shlex.quote(token)})"'
    lines = [
        f"MemoryOps serves MCP at {place.base}/mcp (older clients: {place.base}/sse); Ctrl-C stops it",
        f"  REST:   {place.base}/v1/, described at {place.base}/docs",
        f"  token:  {token}",
        f"  attach: {attach}",
    ]
    if place.beyond:
        lines.append("  This is plain HTTP: the token and the memories can be read on the way. A proxy with TLS helps")
    print("\n".join(map(output.printable, lines)), file=sys.stderr, flush=True)
    if as_json:
        output.as_json({"url": f"{place.base}/mcp", "sse": f"{place.base}/sse", "token_file": place.token_file})
        sys.stdout.flush()


class Server(uvicorn.Server):
    """Uvicorn, with our way to stop. *ready* is called once connections are accepted."""

    def __init__(self, app: Starlette, stop: Stop, ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            http=HttpProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=int(GRACE) + 2,
        )
        super().__init__(config)
        self._stop, self._ready = stop, ready
        self.status = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # Else every event stream is broken off at once, those that carry an answer too; `Stop` ends them.
        AppStatus.enable_automatic_graceful_drain = False
        await super().startup(sockets)
        gc.freeze()  # what was loaded stays; going through it again and again, a collection stops all for 100 ms
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stop.ask(GRACE)
        end = threading.Timer(GRACE + TO_END, self._end)
        end.daemon = True
        end.start()
        await super().shutdown(sockets)

    def _end(self) -> None:
        log.error("a call did not end; the process ends without it", extra={"seconds": GRACE + TO_END})
        logging.shutdown()
        os._exit(self.status)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.status = 130 if sig == signal.SIGINT else 0
        super().handle_exit(sig, frame)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does it, but a signal that was obeyed is not raised again: the status tells of it."""
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)
