"""Files of JSON lines, gzipped or not."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of *path* with their numbers, from 1."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        yield from enumerate(file, start=1)


def read(path: Path, make: Callable[[Mapping[str, Any]], T], what: str) -> list[T]:
    """What *make* makes of each object in *path*. Raises `ValueError` naming the line, which is no *what* then."""
    found = []
    for number, line in lines(path):
        try:
            found.append(make(json.loads(line)))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"line {number} of {path} is no {what} ({error!r})") from error
    if not found:
        raise ValueError(f"{path} holds no {what}s")
    return found
