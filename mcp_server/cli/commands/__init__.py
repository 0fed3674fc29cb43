"""The commands of `memoryops` and their options: a file for each group, in the order in which help shows them."""

from __future__ import annotations

from argparse import ArgumentParser

from .... import __version__
from ..parser import DESCRIPTION, Commands, global_options
from .checks import checks
from .config import TARGETS, attach
from .data import data
from .demo import demo
from .heads import heads
from .keys import keys
from .memories import memories
from .people import people
from .prompts import prompts
from .servers import servers
from .tiers import tiers
from .usage import usage
from .work import work

__all__ = ["TARGETS", "build_parser"]


def build_parser() -> ArgumentParser:
    """The parser of the whole command line."""
    parser = ArgumentParser(prog="memoryops", description=DESCRIPTION, parents=[global_options()], allow_abbrev=False)
    parser.set_defaults(json=False)
    parser.add_argument("--version", action="version", version=f"memoryops {__version__}")
    commands = Commands(parser, "commands")
    for add in GROUPS:
        add(commands)
    return parser


GROUPS = (demo, servers, attach, checks, memories, prompts, people, work, tiers, data, keys, usage, heads)
