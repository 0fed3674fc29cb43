"""The command that tells what requests took."""

from __future__ import annotations

from ..parser import Commands


def usage(commands: Commands) -> None:
    show = commands.add(
        "usage",
        "what requests through the gateway took and cost",
        "cli.usage:show",
        "memoryops usage --by model --by day --since 2026-05-01\n  memoryops usage --lines --csv > usage.csv",
    )
    show.add_argument(
        "--by",
        action="append",
        choices=["model", "key", "user", "day", "upstream"],
        help="what to add up by; may be repeated (default: model)",
    )
    show.add_argument("--lines", action="store_true", help="each request instead of sums")
    show.add_argument("--since", metavar="TIME", help="from then on (ISO 8601)")
    show.add_argument("--until", metavar="TIME", help="up to before then (ISO 8601)")
    show.add_argument("--key", metavar="ID", help="requests with that key alone")
    show.add_argument("--model", metavar="NAME", help="requests for that model alone")
    show.add_argument("--csv", action="store_true", help="print CSV")
