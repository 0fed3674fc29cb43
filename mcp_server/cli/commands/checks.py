"""The commands that measure and check."""

from __future__ import annotations

from pathlib import Path

from ..parser import Commands


def checks(commands: Commands) -> None:
    measured = commands.add(
        "eval",
        "measure how well and how fast your own memory answers, with this encoder and with others",
        "cli.evaluate:evaluate",
        "memoryops eval\n  memoryops eval questions.jsonl --encoder fastembed:BAAI/bge-small-en-v1.5@models/bge --json",
        takes="settings",
    )
    measured.add_argument(
        "questions",
        nargs="?",
        type=Path,
        metavar="FILE",
        help='questions, a JSON object a line: {"question": "…", "contains": "…"} or "ids": ["…"] '
        "(default: words of the memories themselves)",
    )
    measured.add_argument("--sample", type=int, default=50, metavar="N", help="memories to ask for (default: 50)")
    measured.add_argument(
        "--encoder",
        action="append",
        default=[],
        metavar="SPEC",
        help="also measure a copy of the memory embedded with this encoder; may be repeated",
    )
    commands.add(
        "doctor",
        "check the installation and the memory, and say what to do",
        "cli.doctor:doctor",
        "memoryops doctor",
        takes="loader",
    )
