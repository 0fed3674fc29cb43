"""What a screening answers: findings that name a place and a reason, never the text itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

MAX_FINDINGS = 100
"""Findings kept per text; what lies beyond them in the text is not reported."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One suspicious place: characters *start* (included) to *end* (excluded). It never holds the text."""

    kind: Literal["secret", "injection"]
    rule: str
    start: int | None
    end: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Screening:
    """What was found, in order of position; empty where nothing was."""

    findings: tuple[Finding, ...] = ()

    @property
    def reason(self) -> str:
        """One line for people, without the text itself; empty where nothing was found."""
        parts = []
        for kind, name in (("secret", "possible secret"), ("injection", "possible prompt injection")):
            reasons = Counter(finding.reason for finding in self.findings if finding.kind == kind)
            if reasons:
                listed = ", ".join(f"{reason} x{count}" if count > 1 else reason for reason, count in reasons.items())
                parts.append(f"{name}: {listed}")
        return "; ".join(parts)
