"""Look through a text for secrets and for text that tries to steer an agent.

What to do about a finding (flag, quarantine, nothing) is the caller's decision.
"""

from __future__ import annotations

import re

from .findings import MAX_FINDINGS, Finding, Screening
from .injection import find_injections
from .secrets import find_secrets

__all__ = ["MAX_FINDINGS", "Finding", "Screening", "screen"]


def screen(content: str) -> Screening:
    """Screen *content* (any Unicode text) for secrets and prompt injection, in time linear in its length."""
    lower = _lower(content)
    found = sorted(
        (*find_secrets(content, lower), *find_injections(content, lower)),
        key=lambda finding: (finding.start or 0, -(finding.end or 0)),
    )
    kept: list[Finding] = []
    last: dict[str, int] = {}
    for finding in found:
        if (finding.start or 0) >= last.get(finding.kind, 0):
            kept.append(finding)
            last[finding.kind] = finding.end or 0
    return Screening(tuple(kept[:MAX_FINDINGS]))


def _lower(content: str) -> str:
    """Lower case with every character at its place; a few capitals have two small ones (İ) and are kept."""
    lower = content.lower()
    if len(lower) == len(content):
        return lower
    return re.sub(r"[A-Z]+", lambda found: found[0].lower(), content)
