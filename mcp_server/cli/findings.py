"""What `memoryops doctor` reports, line by line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; *remedy* says what to do where *level* is not ok."""

    level: Literal["ok", "warn", "fail"]
    topic: str
    text: str
    remedy: str = ""
