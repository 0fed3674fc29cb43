"""`memoryops context` and `compress`: what goes into a prompt. Text to standard output, figures to standard error."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ...memory.errors import InvalidInput
from . import output
from .memories import TYPES, read, text_of
from .where import conditions

if TYPE_CHECKING:
    from ...memory.compress import Compressed
    from ...memory.service import MemoryOps


def context(ops: MemoryOps, args: Namespace) -> int:
    """Print what to have in view for a purpose."""
    found = ops.context(
        " ".join(args.purpose),
        args.budget,
        where=conditions(args.where) or None,
        thread=args.thread,
        limit=args.limit,
        turns=args.turns,
        tasks=not args.no_tasks,
    )
    if args.json:
        output.as_json(found)
        return 0
    if found.text:
        output.raw(f"{found.text}\n")
    left = f"; no room for {found.left_out} more" if found.left_out else ""
    _aside(f"{found.tokens} of {found.budget_tokens} tokens{left}")
    return 0


def compress(ops: MemoryOps, args: Namespace) -> int:
    """Print what is worth its tokens in a file, standard input or memories."""
    if args.ids and args.file is not None:
        raise InvalidInput("give either a file or --ids, not both")
    if args.ids:
        found = ops.compress(ids=args.ids, query=args.query, budget_tokens=args.budget)
    else:
        path = None if args.file in (None, "-") else Path(args.file)
        text = text_of(None) if path is None else read(path)
        kind = args.type or (TYPES.get(path.suffix.lower(), "note") if path is not None else "note")
        found = ops.compress(
            text=text, query=args.query, budget_tokens=args.budget, content_type=kind, keep=not args.no_keep
        )
    if args.json:
        output.as_json(found)
        return 0
    if found.text:
        output.raw(found.text if found.text.endswith("\n") else f"{found.text}\n")
    _aside(_figures(found))
    return 0


def _figures(found: Compressed) -> str:
    why = f" ({found.reason})" if found.reason else ""
    ids = [item.id for item in found.items if item.id is not None and item.form != "full"]
    whole = f"; the whole: memoryops show {' '.join(ids)}" if ids else ""
    return f"{found.tokens_before} tokens, {found.tokens_after} left, by {found.compressor}{why}{whole}"


def _aside(line: str) -> None:
    print(output.printable(line), file=sys.stderr)
