"""Whether a call is sent once more, and when. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from .answers import seconds

FIRST_WAIT = 0.25
LONGEST_BACKOFF = 8.0
"""Seconds, of waits that the service does not name."""
NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
"""The service has nothing of a call that ended so."""
REFUSED_FIRST = (429,)
"""Answers to calls that were not begun."""
MAY_PASS = (408, 502, 503, 504)
"""Answers after which a repetition may succeed."""


@dataclass(frozen=True, slots=True)
class Retries:
    """*most*: repetitions of one call. *longest_wait*: seconds; who is told to wait longer gives up."""

    most: int = 2
    longest_wait: float = 30.0

    def after_error(self, error: httpx2.TransportError, sent: int, repeatable: bool, chance: float) -> float | None:
        """The seconds to wait after the attempt number *sent* (from 1) ended in *error*; None to give up.

        *chance*, 0 to 1, spreads the repetitions of many clients.
        """
        if sent > self.most or not (repeatable or isinstance(error, NEVER_SENT)):
            return None
        return _backoff(sent, chance)

    def after_answer(
        self, status: int, headers: Mapping[str, str], sent: int, repeatable: bool, chance: float
    ) -> float | None:
        """The same after an answer of *status*."""
        again = status in REFUSED_FIRST or (status in MAY_PASS and repeatable)
        if sent > self.most or not again:
            return None
        asked = seconds(headers.get("retry-after"))
        wait = _backoff(sent, chance) if asked is None else asked
        return wait if wait <= self.longest_wait else None


def _backoff(sent: int, chance: float) -> float:
    most: float = min(FIRST_WAIT * 2 ** (sent - 1), LONGEST_BACKOFF)
    return most * (0.5 + chance / 2)
