"""`memoryops hil` and `memoryops quarantine`: what only a person decides."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from ...memory.errors import InvalidInput
from . import output

if TYPE_CHECKING:
    from ...memory.hil import HilRequest
    from ...memory.quarantine import QuarantineEntry
    from ...memory.service import MemoryOps


def hil_list(ops: MemoryOps, args: Namespace) -> int:
    """Requests that agents have raised, the newest first."""
    page = ops.hil.list(status=None if args.status == "all" else args.status, limit=args.limit, cursor=args.cursor)
    if args.json:
        output.as_json(page)
        return 0
    for request in page.requests:
        _show_request(request)
    if not page.requests:
        output.line("No request waits for an answer." if args.status == "pending" else "No requests.")
    if page.next_cursor is not None:
        output.line(f"There is more: --cursor {page.next_cursor}")
    return 0


def _show_request(request: HilRequest) -> None:
    asked = f"asked by {request.agent} " if request.agent else "asked "
    output.line(f"{request.id}  {request.status}  {asked}{request.created_at}")
    output.line(f"   {request.question}")
    if request.context:
        output.line(f"   {output.short(request.context)}")
    if request.options:
        output.line(f"   options: {', '.join(request.options)}")
    if request.answer is not None:
        output.line(f"   answer by {request.answered_by}: {request.answer}")
    if request.comment:
        output.line(f"   comment: {request.comment}")
    if request.status == "pending":
        output.line(f"   memoryops hil answer {request.id} ANSWER")


def hil_answer(ops: MemoryOps, args: Namespace) -> int:
    """Answer a request."""
    return _settled(ops.hil.answer(args.id, args.answer, comment=args.comment, by=args.by), args)


def hil_decline(ops: MemoryOps, args: Namespace) -> int:
    """Refuse to answer a request; the agent must not take that for a yes."""
    return _settled(ops.hil.decline(args.id, comment=args.comment, by=args.by), args)


def _settled(request: HilRequest, args: Namespace) -> int:
    if args.json:
        output.as_json(request)
    else:
        output.line(f"{request.id}  {request.status} by {request.answered_by}")
    return 0


def quarantine_list(ops: MemoryOps, args: Namespace) -> int:
    """What lies in quarantine, the newest first."""
    page = ops.quarantine.list(limit=args.limit, cursor=args.cursor)
    if args.json:
        output.as_json(page)
        return 0
    for entry in page.entries:
        output.line(f"{entry.id}  {entry.content_type}  {entry.tokens} tokens  {entry.created_at}")
        output.line(f"   reason: {output.short(entry.reason)}")
        if entry.content is not None and args.content:
            output.line(f"   {output.short(entry.content, 500)}")
    if not page.entries:
        output.line("The quarantine is empty.")
    if page.next_cursor is not None:
        output.line(f"There is more: --cursor {page.next_cursor}")
    return 0


def quarantine_add(ops: MemoryOps, args: Namespace) -> int:
    """Put a memory, or a new text, into quarantine."""
    if (args.id is None) == (args.text is None):
        raise InvalidInput("give either the id of a memory or --text, not both and not neither")
    return _kept(ops.quarantine.add(args.text, id=args.id, reason=args.reason), args)


def _kept(entry: QuarantineEntry, args: Namespace) -> int:
    if args.json:
        output.as_json(entry)
    else:
        output.line(f"{entry.id}  quarantined  {output.short(entry.reason)}")
    return 0


def quarantine_release(ops: MemoryOps, args: Namespace) -> int:
    """Make a quarantined memory searchable again."""
    item = ops.quarantine.release(args.id)
    if args.json:
        output.as_json(item)
    else:
        output.line(f"{item.id}  released")
    return 0


def quarantine_purge(ops: MemoryOps, args: Namespace) -> int:
    """Erase a quarantined memory for good."""
    if not args.yes and not output.confirmed(f"Erase {args.id} for good?"):
        raise InvalidInput("nothing was erased; confirm with --yes")
    gone = ops.quarantine.purge(args.id)
    if args.json:
        output.as_json(gone)
    else:
        output.line(f"{args.id}  erased")
    return 0
