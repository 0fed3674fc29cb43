"""Namespaces of entries: paths of labels, like ("users", "anna", "facts"). Pure functions of values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..stores.filters import encodable
from ..stores.payloads import quoted
from .errors import InvalidInput

Namespace = tuple[str, ...]

SEPARATOR = "."
MAX_CHARS = 2000
ANY = "*"
"""In a pattern: any one label."""


def check(labels: Sequence[str], what: str = "namespace", *, empty: bool = True) -> Namespace:
    """*labels* as a namespace: non-empty strings without "." and NUL, of 2,000 characters together.

    *empty* False refuses a namespace without labels. Raises `InvalidInput`.
    """
    if isinstance(labels, str) or not isinstance(labels, Sequence):
        raise InvalidInput(f"the {what} is {quoted(labels)}; give a tuple of strings like ('users', 'anna')")
    for label in labels:
        if not isinstance(label, str) or not label or SEPARATOR in label or "\0" in label or not encodable(label):
            raise InvalidInput(f"the {what} has the label {quoted(label)}; use text, not empty, without '.' and NUL")
    if not labels and not empty:
        raise InvalidInput(f"the {what} has no labels; give at least one")
    if len(join(labels)) > MAX_CHARS:
        raise InvalidInput(f"the {what} has over {MAX_CHARS} characters; use shorter labels")
    return tuple(labels)


def join(labels: Iterable[str]) -> str:
    """*labels* as one text, from which `split` makes them again."""
    return SEPARATOR.join(labels)


def split(joined: str) -> Namespace:
    """The labels of what `join` made."""
    return tuple(joined.split(SEPARATOR))


def starts(namespace: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether *namespace* begins as *pattern* says, label by label; `ANY` stands for one label."""
    return len(namespace) >= len(pattern) and _alike(namespace[: len(pattern)], pattern)


def ends(namespace: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether *namespace* ends as *pattern* says."""
    return len(namespace) >= len(pattern) and _alike(namespace[len(namespace) - len(pattern) :], pattern)


def _alike(labels: Sequence[str], pattern: Sequence[str]) -> bool:
    return all(wanted in (ANY, label) for label, wanted in zip(labels, pattern, strict=True))


def listed(
    found: Iterable[Namespace],
    prefixes: Sequence[Sequence[str]],
    suffixes: Sequence[Sequence[str]],
    max_depth: int | None,
) -> list[Namespace]:
    """Those of *found* that meet every pattern, cut to *max_depth* labels, each once and in order."""
    met = (
        namespace
        for namespace in found
        if all(starts(namespace, each) for each in prefixes) and all(ends(namespace, each) for each in suffixes)
    )
    return sorted({namespace[:max_depth] for namespace in met})
