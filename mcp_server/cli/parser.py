"""The commands of `memoryops` and their options. Imports nothing heavy: `--help` must be instant."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import _SubParsersAction

DESCRIPTION = "One memory for all your agents: what they add is found again, by every agent and by you."


def global_options() -> ArgumentParser:
    """The options that every command takes, before or after its name."""
    options = ArgumentParser(add_help=False, argument_default=SUPPRESS, allow_abbrev=False)
    group = options.add_argument_group("options of all commands")
    group.add_argument("--data-dir", metavar="PATH", help="folder of the memory (MEMORYOPS_DATA_DIR)")
    group.add_argument("--workspace", metavar="NAME", help="workspace to read and write (MEMORYOPS_WORKSPACE)")
    group.add_argument("--qdrant-url", metavar="URL", help="Qdrant server instead of a folder (MEMORYOPS_QDRANT_URL)")
    group.add_argument("--user", metavar="NAME", help="user to narrow to and to mark with (MEMORYOPS_USER)")
    group.add_argument("--agent", metavar="NAME", help="agent to act as (MEMORYOPS_AGENT)")
    group.add_argument("--json", action="store_true", help="print JSON")
    return options


class Commands:
    """Adds commands to a parser; each names its handler, which is imported when it runs."""

    def __init__(self, parser: ArgumentParser, what: str) -> None:
        self.actions: _SubParsersAction[ArgumentParser] = parser.add_subparsers(
            title=what, metavar="COMMAND", required=True
        )

    def group(self, name: str, help: str) -> Commands:
        parser = self.actions.add_parser(name, help=help, description=help, allow_abbrev=False)
        return Commands(parser, "commands")

    def add(
        self,
        name: str,
        help: str,
        handler: str,
        example: str,
        *,
        takes: str = "ops",
        as_person: bool = True,
        aliases: Sequence[str] = (),
    ) -> ArgumentParser:
        parser = self.actions.add_parser(
            name,
            help=help,
            description=help[0].upper() + help[1:] + ".",
            epilog=f"example:\n  {example}",
            formatter_class=RawDescriptionHelpFormatter,
            parents=[global_options()],
            allow_abbrev=False,
            aliases=list(aliases),
        )
        parser.set_defaults(handler=handler, takes=takes, as_person=as_person)
        return parser
