"""`memoryops context` and `compress`: what goes into a prompt. Text to standard output, figures to standard error."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ...memory.errors import InvalidInput
from . import heat, heat_page, output, terminal
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
    """Print what is worth its tokens in a file, standard input or memories; in a terminal, beside what is not."""
    if args.ids and args.file is not None:
        raise InvalidInput("give either a file or --ids, not both")
    if args.html is not None:
        _check_page(args.html, args.file)
    found, originals = _of_memories(ops, args) if args.ids else _of_text(ops, args)
    if args.html is not None:
        title = args.file if args.file not in (None, "-") else "standard input" if not args.ids else "memories"
        _write_page(args.html, heat_page.page(found, originals, args.query, title))
    if args.json:
        output.as_json(found)
        return 0
    if terminal.has_styles():
        terminal.show(found, originals)
    elif found.text:
        output.raw(found.text if found.text.endswith("\n") else f"{found.text}\n")
    ids = [item.id for item in found.items if item.id is not None and item.form != "full"]
    whole = f"; the whole: memoryops show {' '.join(ids)}" if ids else ""
    _aside(f"{heat.figures(found)}{whole}")
    return 0


def _of_memories(ops: MemoryOps, args: Namespace) -> tuple[Compressed, dict[int, str]]:
    found = ops.compress(ids=args.ids, query=args.query, budget_tokens=args.budget)
    shown = args.html is not None or terminal.has_styles()
    texts = [ops.retrieve(item.id).content if shown and item.id is not None else "" for item in found.items]
    return found, dict(enumerate(texts))


def _of_text(ops: MemoryOps, args: Namespace) -> tuple[Compressed, dict[int, str]]:
    path = None if args.file in (None, "-") else Path(args.file)
    text = text_of(None if args.file is None else "-") if path is None else read(path)
    kind = args.type or (TYPES.get(path.suffix.lower(), "note") if path is not None else "note")
    found = ops.compress(
        text=text, query=args.query, budget_tokens=args.budget, content_type=kind, keep=not args.no_keep
    )
    return found, {0: text}


def _check_page(page: Path, file: str | None) -> None:
    """Before anything is compressed: the page must not take the place of what it is about."""
    if page.is_dir() or not page.absolute().parent.is_dir():
        raise InvalidInput(f"cannot write {page}; name a file in a folder that is there")
    if file not in (None, "-") and page.exists() and Path(file).exists() and page.samefile(file):
        raise InvalidInput(f"{page} is the text itself; name another file for the page")


def _write_page(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        raise InvalidInput(f"cannot write {path} ({error.strerror}); name a file that this user may write") from error


def _aside(line: str) -> None:
    print(output.printable(line), file=sys.stderr)
