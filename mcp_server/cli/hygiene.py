"""`memoryops hygiene` and `archive`: what is not used makes room, and comes back when it is wanted."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from . import output

if TYPE_CHECKING:
    from ...memory.service import MemoryOps


def hygiene(ops: MemoryOps, args: Namespace) -> int:
    """Compress and archive what was not touched for long."""
    with output.progress("Tidying") as progress:
        done = ops.hygiene(dry_run=args.dry_run, limit=args.limit, progress=progress)
    if args.json:
        output.as_json(done)
        return 0
    would = "would be " if args.dry_run else ""
    output.line(
        f"{len(done.compressed)} {would}compressed, {len(done.archived)} {would}archived, {len(done.lifted)} {would}"
        f"full again; {done.tokens_before} tokens of context before, {done.tokens_after} after"
    )
    if done.changed:
        output.line(f"{done.changed} were changed meanwhile; the next run looks at them again")
    if done.left:
        output.line(f"{done.left} more are due: run it again, or raise --limit")
    return 0


def archive_list(ops: MemoryOps, args: Namespace) -> int:
    """What is archived."""
    if args.query:
        return _found(ops, args)
    page = ops.archived(limit=args.limit, cursor=args.cursor)
    if args.json:
        output.as_json(page)
        return 0
    rows = [(each.id, each.created_at[:10], each.priority, each.tokens, each.hint) for each in page.entries]
    output.table(("id", "created", "priority", "tokens", "first line"), rows, "Nothing is archived.")
    if page.next_cursor is not None:
        output.line(f"There is more: --cursor {page.next_cursor}")
    return 0


def _found(ops: MemoryOps, args: Namespace) -> int:
    found = ops.search(" ".join(args.query), args.limit, {"state": "archived"}, cursor=args.cursor)
    if args.json:
        output.as_json(found)
        return 0
    rows = [
        (hit.id, hit.created_at[:10], hit.priority, hit.tokens, output.short(hit.content, 80)) for hit in found.hits
    ]
    output.table(("id", "created", "priority", "tokens", "passage"), rows, "Nothing archived has these words.")
    if found.next_cursor is not None:
        output.line(f"There is more: --cursor {found.next_cursor}")
    return 0


def archive_restore(ops: MemoryOps, args: Namespace) -> int:
    """Make memories full again."""
    items = [ops.restore(id) for id in args.ids]
    if args.json:
        output.as_json(items)
    else:
        output.line(f"{len(items)} full again, found by every search")
    return 0
