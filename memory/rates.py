"""Rates as people write them: so many in a period, like 120/minute."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import InvalidInput

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "month": 30 * 86_400}
_FORM = re.compile(r"\s*(\d{1,15})\s*(?:/|per)\s*(\d{0,6})\s*(second|minute|hour|day|month)s?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most *amount* in *seconds*."""

    amount: int
    seconds: int


def rate(text: str, name: str) -> Rate:
    """What *text* means: 120/minute, 10 per 5 seconds, 1000000/day (a month has 30 days). Raises `InvalidInput`."""
    found = _FORM.fullmatch(text)
    if found is None or not int(found[1]) or found[2] == "0" * len(found[2]) != "":
        raise InvalidInput(f"{name} is {text!r:.100}; give a rate like 120/minute, or 1000000/day")
    return Rate(int(found[1]), int(found[2] or 1) * SECONDS[found[3].lower()])


def optional_rate(text: str | None, name: str) -> Rate | None:
    return None if text is None else rate(text, name)
