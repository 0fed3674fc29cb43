"""`memoryops usage`."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ...memory.usage import as_csv, as_json
from . import output

if TYPE_CHECKING:
    from ...memory.service import MemoryOps


def show(ops: MemoryOps, args: Namespace) -> int:
    """What requests through the gateway took and cost."""
    chosen: dict[str, Any] = {"since": args.since, "until": args.until, "key": args.key, "model": args.model}
    by = args.by or ["model"]
    if args.lines:
        rows = [line.as_row() for line in ops.usage.lines(**chosen)]
    else:
        rows = [asdict(each) for each in ops.usage.summary(by, **chosen)]
    if args.csv or args.json:
        sys.stdout.write(as_csv(rows) if args.csv else as_json(rows))
        return 0
    shown: tuple[str, ...]
    if args.lines:
        shown = (
            "created_at",
            "model",
            "key",
            "status",
            "tokens_in",
            "tokens_out",
            "tokens_saved",
            "cost_usd",
            "memory",
        )
    else:
        shown = ("group", "requests", "failed", "tokens_in", "tokens_out", "tokens_saved", "cost_usd", "saved_usd")
    output.table(shown, [tuple(row[name] for name in shown) for row in rows], "No requests.")
    return 0
