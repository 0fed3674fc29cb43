"""`memoryops add`, `search`, `show` and `forget`."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...memory.errors import InvalidInput
from ...stores.ports import MAX_TEXT_BYTES
from . import output
from .where import conditions, pairs

if TYPE_CHECKING:
    from ...memory.models import Added, Hit
    from ...memory.service import MemoryOps

TYPES = {
    ".diff": "diff",
    ".json": "json",
    ".log": "log",
    ".markdown": "markdown",
    ".md": "markdown",
    ".patch": "diff",
    ".rst": "note",
    ".txt": "note",
} | dict.fromkeys(
    ".c .cc .cpp .cs .css .go .h .hpp .html .java .js .jsx .kt .lua .php .pl .py .rb .rs .scala .sh .sql"
    " .swift .ts .tsx .vue .xml .yaml .yml .toml".split(),
    "code",
)
"""What a file's ending says about its content."""


def add(ops: MemoryOps, args: Namespace) -> int:
    """Store a text, files, or standard input."""
    entries = _entries(args)
    if len(entries) == 1:
        added = [ops.add(**entries[0])]
    else:
        with output.progress("Adding") as progress:
            added = ops.add_many(entries, progress=progress)
    if args.json:
        output.as_json(added)
        return 0
    for result, entry in zip(added, entries, strict=True):
        output.line(_told(result, entry))
    return 0


def _entries(args: Namespace) -> list[dict[str, Any]]:
    shared: dict[str, Any] = {
        "kind": args.kind,
        "priority": args.priority,
        "tags": args.tag,
        "thread": args.thread,
        "speaker": args.speaker,
        "created_at": args.created_at,
        "ttl": args.ttl,
        "idempotency_key": args.idempotency_key,
    }
    metadata = pairs(args.metadata, "--metadata")
    if args.file and args.text is not None:
        raise InvalidInput("give either a text or --file, not both")
    if args.file and args.idempotency_key is not None and len(args.file) > 1:
        raise InvalidInput("--idempotency-key stands for one memory; add one file at a time with it")
    if args.file:
        return [
            {
                **shared,
                "content": read(path),
                "content_type": args.type or TYPES.get(path.suffix.lower(), "note"),
                "metadata": {"path": str(path), **metadata},
            }
            for path in args.file
        ]
    return [{**shared, "content": text_of(args.text), "content_type": args.type or "note", "metadata": metadata}]


def text_of(given: str | None) -> str:
    """*given*, or standard input for - or nothing."""
    if given is not None and given != "-":
        return given
    if given is None and sys.stdin.isatty():
        raise InvalidInput("nothing comes on standard input; give a text, a file, or pipe a text in")
    try:
        return _bounded(sys.stdin.buffer.read(MAX_TEXT_BYTES + 1), "standard input").decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"standard input is no UTF-8 text (byte {error.start}); convert it first") from error


def _bounded(data: bytes, what: str) -> bytes:
    """*data*, if no more came than a memory holds; so much is read and no more, however long the source is."""
    if len(data) > MAX_TEXT_BYTES:
        raise InvalidInput(f"{what} has more than {MAX_TEXT_BYTES} bytes, the most that one text may have; split it")
    return data


def read(path: Path) -> str:
    """The text of a file."""
    try:
        with path.open("rb") as file:
            text = _bounded(file.read(MAX_TEXT_BYTES + 1), str(path)).decode("utf-8")
    except OSError as error:
        raise InvalidInput(f"cannot read {path} ({error.strerror}); name a file that this user may read") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is no UTF-8 text (byte {error.start}); convert it first") from error
    if not text.strip():
        raise InvalidInput(f"{path} is empty; leave it out")
    return text


def _told(added: Added, entry: dict[str, Any]) -> str:
    path = entry["metadata"].get("path")
    parts = [added.id, added.action, *([str(path)] if path else []), *added.findings]
    return "  ".join(parts)


def search(ops: MemoryOps, args: Namespace) -> int:
    """Find memories by meaning and by keyword."""
    found = ops.search(
        " ".join(args.query),
        limit=args.limit,
        where=conditions(args.where) or None,
        max_tokens=args.max_tokens,
        cursor=args.cursor,
        explain=args.explain,
        rerank=args.rerank,
    )
    if args.json:
        output.as_json(found)
        return 0
    if not found.hits:
        output.line("Nothing found.")
        return 0
    for number, hit in enumerate(found.hits, start=1):
        _show_hit(number, hit)
    if found.not_reranked:
        output.line(f"Not ranked once more: {found.not_reranked}")
    if found.next_cursor is not None:
        output.line(f"There is more: --cursor {found.next_cursor}")
    return 0


def _show_hit(number: int, hit: Hit) -> None:
    from rich.text import Text

    facts = [hit.created_at[:10], hit.content_type, *(f"#{tag}" for tag in hit.tags)]
    facts += [name for name in (hit.thread, hit.speaker) if name]
    facts += [str(hit.metadata["path"])] if "path" in hit.metadata else []
    facts += ["flagged by screening"] if hit.flagged else []
    head = Text(f"{number}. ")
    head.append(hit.id, style="bold")
    head.append(f"  {hit.score:.3f}  {output.printable('  '.join(facts))}", style="dim")
    console = output.console()
    console.print(head, soft_wrap=True)
    if hit.parts:
        parts = "  ".join(f"{name} {value:.3f}" for name, value in hit.parts.items())
        console.print(Text(f"   {parts}", style="dim"), soft_wrap=True)
    more = "" if hit.whole else " …"
    console.print(Text(f"   {output.printable(output.short(hit.content, 300))}{more}"), soft_wrap=True)


def show(ops: MemoryOps, args: Namespace) -> int:
    """Print a memory: its exact text, or with --json all that is known of it."""
    item = ops.retrieve(args.id, args.form)
    if args.json:
        output.as_json(item)
    else:
        output.raw(item.content)
    return 0


def forget(ops: MemoryOps, args: Namespace) -> int:
    """Delete memories by id or by filter, with what was derived from them."""
    if bool(args.ids) == bool(args.where):
        raise InvalidInput("give either ids or --where, not both and not neither")
    what = _plural(args.ids) if args.ids else "all memories that meet the filter"
    if not args.yes and not output.confirmed(f"Forget {what}{' for good' if args.hard else ''}?"):
        raise InvalidInput("nothing was forgotten; confirm with --yes")
    gone = ops.forget(args.ids or None, where=conditions(args.where) or None, hard=args.hard)
    if args.json:
        output.as_json(gone)
        return 0
    output.line(f"{len(gone.ids)} forgotten, {len(gone.derived)} derived from them, {len(gone.missing)} not found")
    return 0 if gone.ids or not args.ids else 1


def _plural(ids: Sequence[str]) -> str:
    return f"{len(ids)} memories" if len(ids) > 1 else f"the memory {ids[0]}"
