"""The commands that serve."""

from __future__ import annotations

from ..parser import Commands
from .options import face


def servers(commands: Commands) -> None:
    stdio = commands.add(
        "mcp",
        "serve MCP on standard input and output, for a client that starts it",
        "server:mcp",
        "memoryops mcp --workspace shop",
        takes="loader",
        as_person=False,
    )
    face(stdio)
    stdio.add_argument(
        "--no-elicitation",
        dest="elicitation",
        action="store_false",
        help="never ask the person through the asking agent's own client",
    )
    serve = commands.add(
        "serve",
        "serve MCP (/mcp, /sse), REST and the OpenAI-compatible gateway (/v1) over HTTP; all calls at /docs",
        "http.serve:serve",
        "memoryops serve --port 8765",
        takes="loader",
        as_person=False,
    )
    serve.add_argument("--host", metavar="ADDRESS", help="address to listen on (MEMORYOPS_HTTP_HOST; 127.0.0.1)")
    serve.add_argument("--port", type=int, metavar="N", help="port; 0: any that is free (MEMORYOPS_HTTP_PORT; 8765)")
    serve.add_argument("--no-auth", action="store_true", help="ask for no token; on a loopback address only")
    serve.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="name that clients may call it by, beside localhost; may be repeated",
    )
    serve.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="web origin whose pages may call it, beside those of localhost; may be repeated",
    )
    face(serve)
    serve.add_argument(
        "--elicitation",
        action="store_true",
        help="ask the person through the asking agent's own client, where it has forms; whoever holds the token is "
        "then trusted to put them before a person",
    )
