"""The commands that make what goes into a prompt."""

from __future__ import annotations

from pathlib import Path

from ..parser import Commands
from ..where import HELP as WHERE


def prompts(commands: Commands) -> None:
    context = commands.add(
        "context",
        "print what an agent should have in view for a purpose, under a token budget",
        "cli.prompts:context",
        "memoryops context fix the rounding of refunds --budget 2000 --thread support-17",
    )
    context.add_argument("purpose", nargs="+", metavar="PURPOSE", help="what it is for")
    context.add_argument("--budget", type=int, metavar="N", help="most tokens (MEMORYOPS_TOKEN_BUDGET; 8000)")
    context.add_argument("--thread", metavar="NAME", help="conversation whose latest messages come along")
    context.add_argument("--turns", type=int, default=10, metavar="N", help="how many of them (default: 10)")
    context.add_argument("--where", action="append", default=[], metavar="CONDITION", help=f"of memories: {WHERE}")
    context.add_argument("--limit", type=int, metavar="N", help="most memories (MEMORYOPS_MAX_CONTEXT_ITEMS; 50)")
    context.add_argument("--no-tasks", action="store_true", help="leave open tasks out")

    compress = commands.add(
        "compress",
        "print the parts of a file, of standard input, or of memories that are worth their tokens; in a terminal, in "
        "colour by score, beside what was dropped",
        "cli.prompts:compress",
        "memoryops compress incident.log --query 'why was it late' --budget 500\n"
        "  memoryops compress notes.md --query 'who decides' --budget 300 --html kept.html\n"
        "  memoryops compress --ids ID ID --budget 1000",
    )
    compress.add_argument("file", nargs="?", metavar="FILE", help="the text; - or nothing reads standard input")
    compress.add_argument("--ids", nargs="+", default=[], metavar="ID", help="memories instead")
    compress.add_argument("--query", default="", metavar="TEXT", help="what it is to help with (default: the whole)")
    compress.add_argument("--budget", type=int, metavar="N", help="most tokens (MEMORYOPS_TOKEN_BUDGET; 8000)")
    compress.add_argument("--type", metavar="NAME", help="content type (default: by the file's ending, else note)")
    compress.add_argument(
        "--html", type=Path, metavar="PAGE", help="also write a page that shows kept and dropped text"
    )
    compress.add_argument("--no-keep", action="store_true", help="do not store the original as a memory")
