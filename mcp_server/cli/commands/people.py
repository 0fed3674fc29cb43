"""The commands of what people decide."""

from __future__ import annotations

from ..parser import Commands
from .options import paged


def people(commands: Commands) -> None:
    hil = commands.group("hil", "answer what agents ask a person")
    listing = hil.add("list", "list requests, the newest first", "cli.people:hil_list", "memoryops hil list")
    statuses = ("pending", "answered", "declined", "expired", "all")
    listing.add_argument("--status", choices=statuses, default="pending", help="which (default: pending)")
    paged(listing)
    answer = hil.add(
        "answer",
        "answer a request",
        "cli.people:hil_answer",
        "memoryops hil answer 01980a52-7d10-7c2e-9b51-3f1f6f0f3a11 yes --comment 'only on staging'",
    )
    answer.add_argument("id", metavar="ID", help="the request")
    answer.add_argument("answer", metavar="ANSWER", help="one of its options, if it has any")
    decline = hil.add(
        "decline",
        "refuse to answer a request",
        "cli.people:hil_decline",
        "memoryops hil decline 01980a52-7d10-7c2e-9b51-3f1f6f0f3a11",
    )
    decline.add_argument("id", metavar="ID", help="the request")
    for parser in (answer, decline):
        parser.add_argument("--comment", metavar="TEXT", help="a word on it for the agent")
        parser.add_argument("--by", metavar="NAME", help="who answers (default: the user, else the role)")

    quarantine = commands.group("quarantine", "look after content that is kept away from agents")
    listing = quarantine.add(
        "list",
        "list what is in quarantine, the newest first",
        "cli.people:quarantine_list",
        "memoryops quarantine list --content",
    )
    listing.add_argument("--content", action="store_true", help="show the beginning of each text")
    paged(listing)
    add = quarantine.add(
        "add",
        "put a memory, or a new text, into quarantine",
        "cli.people:quarantine_add",
        "memoryops quarantine add 01980a52-7d10-7c2e-9b51-3f1f6f0f3a11 --reason 'wrong figures'",
    )
    add.add_argument("id", nargs="?", metavar="ID", help="the memory")
    add.add_argument("--text", metavar="TEXT", help="a new text instead")
    add.add_argument("--reason", required=True, metavar="TEXT", help="why")
    release = quarantine.add(
        "release",
        "make a quarantined memory searchable again",
        "cli.people:quarantine_release",
        "memoryops quarantine release 01980a52-7d10-7c2e-9b51-3f1f6f0f3a11",
    )
    release.add_argument("id", metavar="ID", help="the memory")
    purge = quarantine.add(
        "purge",
        "erase a quarantined memory for good",
        "cli.people:quarantine_purge",
        "memoryops quarantine purge 01980a52-7d10-7c2e-9b51-3f1f6f0f3a11 --yes",
    )
    purge.add_argument("id", metavar="ID", help="the memory")
    purge.add_argument("--yes", action="store_true", help="do not ask")
