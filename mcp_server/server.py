"""The MCP server: what it tells clients about itself, and how it runs on stdio.

Nothing heavy is imported and no store is opened before the first tool call, so `initialize` is answered at
once. Standard output belongs to the protocol alone: the first thing that `serve_stdio` does is to point file
descriptor 1 at standard error for good, so that whatever a library prints, at import or from native code,
lands there.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..memory.errors import MemoryOpsError
from ..memory.settings import Settings
from . import logs
from .face import Face
from .instructions import instructions
from .runtime import Runtime

if TYPE_CHECKING:
    from ..memory.scope import Scope
    from ..memory.service import MemoryOps
    from .protocol import MemoryServer


def build_server(runtime: Runtime, version: str = "", face: Face | None = None) -> MemoryServer:
    """The MCP server over *runtime*, for any transport."""
    from mcp.server.request_state import RequestStateSecurity

    from .asking import FORM_DAYS, FormSeal
    from .completions import Completions
    from .notices import Notices
    from .prompts import Prompts
    from .protocol import MemoryServer
    from .resources import Resources
    from .tools import build_tools

    shown = face or Face()
    notices = Notices(runtime)
    server = MemoryServer(
        notices,
        name="memoryops",
        title="MemoryOps",
        description="One memory for all your agents",
        instructions=instructions(shown),
        version=version,
        tools=build_tools(runtime, notices, shown),
        request_state_security=RequestStateSecurity(codec=FormSeal(runtime), ttl=FORM_DAYS * 86400.0),
        log_level="WARNING",
    )
    for part in (Resources(runtime), Prompts(runtime), Completions(runtime)):
        part.add_to(server)
    return server


def serve_stdio(load: Callable[[], Settings] = Settings.from_env, face: Face | None = None) -> int:
    """Serve on this process's standard input and output until the client closes them.

    Settings that are wrong do not end the server: each tool call answers what is wrong with them.
    """
    wire = _take_stdout()
    form, level = _log_settings(load)
    logs.configure(form, level)
    runtime = Runtime(lambda: open_memory(load(), face or Face()))
    from .stdio import serve

    try:
        serve(build_server(runtime, _version(), face), wire)
    except KeyboardInterrupt:
        return 130
    finally:
        runtime.close()
    return 0


def mcp(load: Callable[[], Settings], args: Namespace) -> int:
    """`memoryops mcp`."""
    return serve_stdio(load, face_of(args))


def face_of(args: Namespace) -> Face:
    """The face that the options of *args* ask for."""
    return Face(args.profile, args.human, args.elicitation)


def _take_stdout() -> int:
    """The file descriptor of standard output; `print` and native code write to standard error from now on."""
    wire = os.dup(1)
    try:
        os.dup2(2, 1)
    except OSError:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.close(nothing)
    sys.stdout.flush()  # what was printed but not yet written goes there, too
    return wire


def _log_settings(load: Callable[[], Settings]) -> tuple[str, str]:
    try:
        settings = load()
    except MemoryOpsError:
        return "text", "WARNING"
    return settings.log_format, settings.log_level


def open_memory(settings: Settings, face: Face) -> MemoryOps:
    """The memory of *settings*, for the callers that *face* is made for: a person's face acts with a person's role."""
    from ..memory.service import MemoryOps

    return MemoryOps.open(settings=settings, scope=scope_of(settings, face))


def scope_of(settings: Settings, face: Face) -> Scope:
    """The scope of calls through *face*: an agent's, whatever the settings say, unless the face is a person's."""
    scope = settings.scope
    if not face.human:
        return replace(scope, role="agent")
    return scope if scope.role == "admin" else replace(scope, role="human")


def _version() -> str:
    from .. import __version__

    return __version__


if __name__ == "__main__":
    sys.exit(serve_stdio())
