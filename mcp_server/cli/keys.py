"""`memoryops keys`: keys for callers over HTTP. Whoever runs this has the files, hence acts as an admin."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from . import output

if TYPE_CHECKING:
    from ...memory.keys import Keys, NewKey
    from ...memory.service import MemoryOps


def create(ops: MemoryOps, args: Namespace) -> int:
    """Make a key and show it, once."""
    made = _keys(ops).create(
        args.name,
        role=args.role,
        expires_at=args.expires_at,
        requests_per_minute=args.requests_per_minute,
        tokens_per_minute=args.tokens_per_minute,
        tokens_per_day=args.tokens_per_day,
    )
    return _shown(made, args)


def show(ops: MemoryOps, args: Namespace) -> int:
    """The keys of the workspace, without their secrets."""
    page = _keys(ops).list(limit=args.limit, cursor=args.cursor)
    if args.json:
        output.as_json(page)
        return 0
    rows = [
        (key.id, key.name, key.role, key.user, key.status, key.expires_at, key.last_used_at or "never")
        for key in page.keys
    ]
    output.table(("id", "name", "role", "user", "status", "expires", "last used"), rows, "No keys.")
    if page.next_cursor is not None:
        output.line(f"There is more: --cursor {page.next_cursor}")
    return 0


def rotate(ops: MemoryOps, args: Namespace) -> int:
    """Make a key in place of another."""
    return _shown(_keys(ops).rotate(args.id, grace=args.grace), args)


def revoke(ops: MemoryOps, args: Namespace) -> int:
    """End a key."""
    key = _keys(ops).revoke(args.id)
    if args.json:
        output.as_json(key)
    else:
        output.line(f"{key.id}  {key.status}")
    return 0


def _keys(ops: MemoryOps) -> Keys:
    return ops.with_scope(replace(ops.scope, role="admin")).keys


def _shown(made: NewKey, args: Namespace) -> int:
    if args.json:
        output.as_json(made)
        return 0
    output.line(made.secret)
    key = made.key
    bound = f"as {key.role}" + (f" for the user {key.user}" if key.user else "")
    told = f"It opens the workspace {key.workspace!r} {bound}. It is stored nowhere and shown only now; keep it."
    print(output.printable(told), file=sys.stderr)
    return 0
