"""What a request took and cost: the headers of its reply, and the line in the ledger. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...memory.llms import Llm
from .relay import Pairs

Status = Literal["ok", "skipped", "degraded"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A request as it went upstream: the tokens that it came with and went with, and what memory did.

    *saved*: tokens that compaction took out; *added*: those that were recalled into it. *compressor*: what shortened,
    "" where nothing was shortened. *items*: how many memories were put in. *reason*: why memory did not take part.
    """

    before: int
    after: int
    saved: int = 0
    added: int = 0
    compressor: str = ""
    items: int = 0
    status: Status = "skipped"
    reason: str = ""

    @property
    def ratio(self) -> float:
        return round(self.after / self.before, 4) if self.before else 1.0


def cost(model: Llm, tokens_in: int, tokens_out: int) -> float | None:
    """USD by the table of prices; None where it has none for *model*."""
    if model.cost_per_1k_input is None:
        return None
    return round((tokens_in * model.cost_per_1k_input + tokens_out * (model.cost_per_1k_output or 0.0)) / 1000, 9)


def headers(shown: Shown, usd: float | None) -> Pairs:
    """The headers that say so."""
    said = {
        "x-tokens-before": str(shown.before),
        "x-tokens-after": str(shown.after),
        "x-tokens-saved": str(shown.saved),
        "x-compression-ratio": f"{shown.ratio:g}",
        "x-compressor": shown.compressor or "none",
        "x-cost-usd": "unknown" if usd is None else f"{usd:.9f}".rstrip("0").rstrip("."),
        "x-memory-items": str(shown.items),
        "x-memory-status": shown.status,
    }
    if shown.reason:
        said["x-memory-reason"] = shown.reason
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in said.items()]
