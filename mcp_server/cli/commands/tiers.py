"""The commands of tiers and of the archive."""

from __future__ import annotations

from ..parser import Commands
from .options import paged


def tiers(commands: Commands) -> None:
    hygiene = commands.add(
        "hygiene",
        "compress what nobody has touched for a week, archive it after a month; nothing is deleted",
        "cli.hygiene:hygiene",
        "memoryops hygiene --dry-run",
    )
    hygiene.add_argument("--dry-run", action="store_true", help="only say what would be done")
    hygiene.add_argument("--limit", type=int, default=1000, metavar="N", help="most memories to move (default: 1000)")
    archive = commands.group("archive", "look through what is archived, and bring it back")
    listing = archive.add(
        "list",
        "list what is archived, the newest first, or find it by its words",
        "cli.hygiene:archive_list",
        "memoryops archive list release notes",
    )
    listing.add_argument("query", nargs="*", metavar="QUERY", help="words to find (default: list everything)")
    paged(listing)
    restore = archive.add(
        "restore",
        "make archived or compressed memories full again",
        "cli.hygiene:archive_restore",
        "memoryops archive restore 01980a52-7d10-7c2e-9b51-3f1f6f0f3a11",
    )
    restore.add_argument("ids", nargs="+", metavar="ID", help="memories")
