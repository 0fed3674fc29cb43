"""The version that client and owner compare when they meet."""

from __future__ import annotations

from ... import __version__

VERSION: str = __version__


def key(text: str) -> tuple[int, ...]:
    """*text* ("0.10.2", "1.0.0rc1") as numbers that order releases; what follows the digits of a part is ignored."""
    numbers = []
    for part in text.split("."):
        digits = ""
        for character in part:
            if not character.isdigit():
                break
            digits += character
        numbers.append(int(digits or 0))
    return tuple(numbers)
