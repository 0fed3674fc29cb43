"""The command that shows the whole."""

from __future__ import annotations

from pathlib import Path

from ..parser import Commands


def demo(commands: Commands) -> None:
    parser = commands.add(
        "demo",
        "show the whole thing at work on real documents, in a folder that is removed afterwards",
        "demo:demo",
        "memoryops demo",
        takes="loader",
    )
    parser.add_argument("--documents", type=Path, metavar="DIR", help="documents to use (default: examples/documents)")
