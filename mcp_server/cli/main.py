"""The command `memoryops`: reads its arguments, runs one command, and says what went wrong in one paragraph.

Exit status: 0 done, 1 an error that the message explains, 2 wrong usage, 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

from ...memory.settings import Settings
from ..errors import DOMAIN, answer
from .commands import build_parser

BROKEN_PIPE = 141
"""What shells report when a reader such as `head` closes the pipe early."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line *argv* (default: this process's) and return its exit status."""
    _write_any_text()
    warnings.showwarning = _warn
    args = build_parser().parse_args(argv)
    try:
        status = _run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _close_stdout()
        return BROKEN_PIPE
    except DOMAIN as error:
        with contextlib.suppress(BrokenPipeError):
            print(f"memoryops: {answer(error).text}", file=sys.stderr)
        return 1
    return status


def _run(args: Namespace) -> int:
    module, _, name = args.handler.partition(":")
    load = partial(settings_of, args)
    if args.takes == "loader":
        return _handler(module, name)(load, args)
    settings = load()
    _configure_log(settings)
    if args.takes == "settings":
        return _handler(module, name)(settings, args)
    from ...memory.service import MemoryOps

    scope = settings.scope
    with MemoryOps.open(settings=settings, scope=scope) as ops:
        return _handler(module, name)(ops, args)


def _handler(module: str, name: str) -> Callable[[Any, Namespace], int]:
    handler: Callable[[Any, Namespace], int] = getattr(import_module(f"..{module}", __package__), name)
    return handler


def settings_of(args: Namespace) -> Settings:
    """The environment's settings with the options of *args* on top; the role is a person's, or an admin's."""
    data_dir = getattr(args, "data_dir", None)
    settings = Settings.from_env(
        data_dir=Path(data_dir) if data_dir is not None else None,
        workspace=getattr(args, "workspace", None),
        qdrant_url=getattr(args, "qdrant_url", None),
        user=getattr(args, "user", None),
        agent=getattr(args, "agent", None),
    )
    if args.as_person and settings.role == "agent":
        return replace(settings, role="human")
    return settings


def _configure_log(settings: Settings) -> None:
    from .. import logs

    logs.configure(settings.log_format, settings.log_level)


def _write_any_text() -> None:
    """Let no character of a memory break the output, whatever the terminal's encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Say in one line what a user can act on; of other warnings, where in the program they come from."""
    if issubclass(category, UserWarning):
        text = f"memoryops: {message}\n"
    else:
        text = warnings.formatwarning(message, category, filename, lineno, line)
    (file or sys.stderr).write(text)


def _close_stdout() -> None:
    """Nobody reads any more: let the interpreter's last flush go nowhere."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(OSError, ValueError):
        os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


if __name__ == "__main__":
    sys.exit(main())
