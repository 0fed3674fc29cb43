"""What the command line prints: for people in a terminal, or as JSON for programs."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

Progress = Callable[[int, int], None]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def console(*, stderr: bool = False) -> Console:
    """A rich console that adds no colour of its own to what memories contain."""
    from rich.console import Console

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Piped(stderr=stderr, highlight=False, emoji=False, markup=False)


def printable(text: str) -> str:
    """*text* with control characters made visible: a stored text must not steer the reader's terminal."""
    return _CONTROL.sub(_escape, text.replace("\r\n", "\n"))


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def line(text: str) -> None:
    """Print one line, unwrapped."""
    print(printable(text))


def raw(text: str) -> None:
    """Write *text* byte-exact; to a terminal, with control characters made visible."""
    if sys.stdout.isatty():
        print(printable(text))
        return
    sys.stdout.flush()
    rest = memoryview(text.encode("utf-8"))
    while rest:  # under PYTHONUNBUFFERED a write may take only a part
        rest = rest[sys.stdout.buffer.write(rest) :]
    sys.stdout.buffer.flush()


def as_json(value: object) -> None:
    """Print a result (a dataclass, or a sequence or mapping of them) as JSON."""
    print(json.dumps(_plain(value), ensure_ascii=not _speaks_unicode(), indent=2, default=str))


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _speaks_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Print *rows* under *columns*, or the line *empty* if there are none."""
    if not rows:
        line(empty)
        return
    cells = [["" if cell is None else printable(str(cell)) for cell in row] for row in (columns, *rows)]
    widths = [max(len(row[number]) for row in cells) for number in range(len(columns))]
    for row in cells:
        text = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if text:
            print(text)


def short(text: str, length: int = 200) -> str:
    """The beginning of *text* on one line."""
    joined = " ".join(text.split())
    return joined if len(joined) <= length else joined[: length - 1].rstrip() + "…"


def confirmed(question: str) -> bool:
    """Whether the person at the terminal says yes; no where there is no terminal."""
    if not sys.stdin.isatty():
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextlib.contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Shows how far something long has come, on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
