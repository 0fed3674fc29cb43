"""What counts tokens."""

from __future__ import annotations

from typing import Protocol


class Counter(Protocol):
    """Counts tokens and cuts by them. Deterministic; safe to call from several threads; any text has a count."""

    @property
    def name(self) -> str:
        """What results call it; it says where it is an estimate."""
        ...

    def count(self, text: str) -> int:
        """How many tokens *text* has; a lone surrogate counts as the mark that it would be sent as."""
        ...

    def clip(self, text: str, budget: int) -> str:
        """A head of *text* that has at most *budget* tokens by `count`: about as many as fit."""
        ...
