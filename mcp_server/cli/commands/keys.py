"""The commands of keys."""

from __future__ import annotations

from ..parser import Commands
from .options import paged


def keys(commands: Commands) -> None:
    group = commands.group("keys", "give out keys for callers over HTTP, and take them back")
    create = group.add(
        "create",
        "make a key to this workspace; it is shown once",
        "cli.keys:create",
        "memoryops keys create 'shop backend' --workspace shop\n"
        "  memoryops keys create laptop --role human --expires-at 2027-01-01",
    )
    create.add_argument("name", nargs="?", default="", metavar="NAME", help="what to know it by")
    create.add_argument(
        "--role",
        choices=["agent", "human", "admin"],
        default="agent",
        help="human: may also answer and review; admin: may also make keys (default: agent)",
    )
    create.add_argument("--expires-at", metavar="TIME", help="ISO 8601 (default: never)")
    create.add_argument("--requests-per-minute", type=int, metavar="N", help="its own limit (default: the server's)")
    create.add_argument("--tokens-per-minute", type=int, metavar="N", help="its own limit (default: the server's)")
    create.add_argument("--tokens-per-day", type=int, metavar="N", help="its own quota (default: the server's)")
    listing = group.add("list", "list keys, the newest first", "cli.keys:show", "memoryops keys list --workspace shop")
    paged(listing)
    rotate = group.add(
        "rotate",
        "make a key in place of another, which ends",
        "cli.keys:rotate",
        "memoryops keys rotate 3kT9vQ0bXw2Z --grace 3600",
    )
    rotate.add_argument("--grace", type=float, default=0.0, metavar="SECONDS", help="how long the old one still works")
    revoke = group.add("revoke", "end a key at once", "cli.keys:revoke", "memoryops keys revoke 3kT9vQ0bXw2Z")
    for parser in (rotate, revoke):
        parser.add_argument("id", metavar="ID", help="the key's letters between mo_ and the next _")
