"""Pages that are written from the code itself: a generator writes its page, or with --check compares it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path


def write_or_check(page: Path, text: str, generator: str, arguments: Sequence[str] | None = None) -> int:
    """Write *text* to *page*, or with --check among *arguments* (default: this process's) give 1 unless it is there."""
    if "--check" not in (sys.argv[1:] if arguments is None else arguments):
        page.parent.mkdir(exist_ok=True)
        page.write_text(text, encoding="utf-8", newline="\n")
        return 0
    if page.is_file() and page.read_text(encoding="utf-8") == text:
        return 0
    print(f"{page} is not current; run `python {generator}`", file=sys.stderr)
    return 1
