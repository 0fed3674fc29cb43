"""Options that several commands share."""

from __future__ import annotations

from argparse import ArgumentParser


def face(server: ArgumentParser) -> None:
    """What of the memory the clients of a server get to see."""
    server.add_argument("--profile", choices=["full", "core"], default="full", help="core: the eight tools used most")
    server.add_argument(
        "--human", action="store_true", help="for a person's client: also the tools to answer questions and to review"
    )


def paged(parser: ArgumentParser) -> None:
    """Which page of a list, and how long it is."""
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="most entries to show (default: 50)")
    parser.add_argument("--cursor", metavar="CURSOR", help="continue an earlier list")
