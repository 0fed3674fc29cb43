"""The commands of memories."""

from __future__ import annotations

from pathlib import Path

from ..parser import Commands
from ..where import HELP as WHERE


def memories(commands: Commands) -> None:
    add = commands.add(
        "add",
        "store a text, files, or standard input",
        "cli.memories:add",
        "memoryops add --tag db 'We chose SQLite for the documents.'\n"
        "  memoryops add --file notes.md src/*.py --tag shop\n  git diff | memoryops add --type diff -",
    )
    add.add_argument("text", nargs="?", metavar="TEXT", help="the text; - or nothing reads standard input")
    add.add_argument("--file", nargs="+", type=Path, default=[], action="extend", metavar="PATH", help="files to store")
    add.add_argument("--type", metavar="NAME", help="content type (default: by the file's ending, else note)")
    add.add_argument("--kind", choices=["item", "message"], default="item", help="message: a turn of a conversation")
    add.add_argument("--tag", action="append", default=[], metavar="NAME", help="label; may be repeated")
    add.add_argument("--metadata", action="append", default=[], metavar="KEY=VALUE", help="field; may be repeated")
    add.add_argument("--priority", type=int, default=5, metavar="N", help="1 to 10; 10 stays longest (default: 5)")
    add.add_argument("--thread", metavar="NAME", help="conversation it belongs to")
    add.add_argument("--speaker", metavar="NAME", help="who said it")
    add.add_argument("--created-at", metavar="TIME", help="ISO 8601 (default: now)")
    add.add_argument("--ttl", type=float, metavar="SECONDS", help="seconds until it vanishes")
    add.add_argument("--idempotency-key", metavar="KEY", help="a repetition with the same key stores nothing")

    search = commands.add(
        "search",
        "find memories by meaning and by keyword",
        "cli.memories:search",
        "memoryops search which database did we choose --where tags=db",
    )
    search.add_argument("query", nargs="+", metavar="QUERY", help="what you want to know")
    search.add_argument("--limit", type=int, default=8, metavar="N", help="most hits to show (default: 8)")
    search.add_argument("--max-tokens", type=int, metavar="N", help="most tokens of content to show")
    search.add_argument("--where", action="append", default=[], metavar="CONDITION", help=WHERE)
    search.add_argument("--cursor", metavar="CURSOR", help="continue an earlier search")
    search.add_argument("--explain", action="store_true", help="show the parts of each score")
    search.add_argument(
        "--rerank", action="store_true", default=None, help="let the retrieval head have a say in the order"
    )

    show = commands.add(
        "show",
        "print a memory: its exact text, or with --json all about it; also called retrieve",
        "cli.memories:show",
        "memoryops show 01980a52-7d10-7c2e-9b51-3f1f6f0f3a11 > note.md",
        aliases=["retrieve"],
    )
    show.add_argument("id", metavar="ID", help="the memory")
    show.add_argument(
        "--form", choices=["full", "compressed", "hint"], default="full", help="what stands for it (default: full)"
    )

    forget = commands.add(
        "forget",
        "delete memories, with what was derived from them",
        "cli.memories:forget",
        "memoryops forget --where tags=draft --yes",
    )
    forget.add_argument("ids", nargs="*", metavar="ID", help="memories")
    forget.add_argument("--where", action="append", default=[], metavar="CONDITION", help=WHERE)
    forget.add_argument("--hard", action="store_true", help="leave no byte of the text in any file (backups excepted)")
    forget.add_argument("--yes", action="store_true", help="do not ask")

    commands.add("state", "show counts, tokens and utilisation", "cli.work:state", "memoryops state --json")
