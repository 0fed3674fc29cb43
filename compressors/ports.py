"""What a compressor is given and what it gives back.

The laws that hold for every compressor, whatever decides what matters:

- *Selection*: what is kept are slices of the originals, whole units of their structure (see `structure.units`), in
  their order. A compressor that words a passage anew (`llm`) names it in `Kept.rewritten` and gives it no span: what
  is written anew is never passed off as a part of the original.
- *Budget*: the rendered text, with its gap marks, has at most the budget's tokens by `tokens.count`, for any budget
  from 0 up. What fits whole is kept whole, byte for byte.
- *Determinism*: the same passages, query and budget give the same answer; of a summary only as far as the model that
  writes it is deterministic.
- *Rest*: what was compressed once comes back unchanged when it is compressed again at the same budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Passage:
    """One original text. *content_type* names its structure (code, chat, log, diff, json, markdown …), if it does."""

    id: str
    text: str
    content_type: str = "note"


@dataclass(frozen=True, slots=True)
class Span:
    """Characters *start* (included) to *end* (excluded) of the passage number *passage*, and what they are worth.

    Scores compare the spans of one answer with each other and mean nothing beyond it.
    """

    passage: int
    start: int
    end: int
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of some passages.

    *spans*: in the order of the passages and of their text. *texts*: what is left of each passage, rendered with gap
    marks, "" where nothing is. *tokens_before*, *tokens_after*: of the originals and of *text*, by `tokens.count`.
    *compressor*: which one chose; *reason*: why that one where it was not the first choice, else "". *rewritten*: the
    numbers, ascending, of passages whose text a model wrote anew; they have no spans.
    """

    spans: Sequence[Span]
    texts: Sequence[str]
    tokens_before: int
    tokens_after: int
    compressor: str
    reason: str = ""
    rewritten: Sequence[int] = ()

    @property
    def text(self) -> str:
        """All that was kept, passages apart by a blank line."""
        return joined(self.texts)

    @property
    def ratio(self) -> float:
        """What share of the tokens is left: 1.0 if all of them are, or if there were none."""
        return self.tokens_after / self.tokens_before if self.tokens_before else 1.0


class Compressor(Protocol):
    """Chooses what of some texts is worth its tokens. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """What results and settings call it."""
        ...

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        """Keep what helps most with *query* (blank: what stands for the whole best) in *budget_tokens* tokens.

        Nothing fitting is an answer, not an error. Raises `InvalidBudget` for a budget below 0, and
        `CompressorFailed` when it cannot choose; a chain then asks the next one.
        """
        ...


@runtime_checkable
class Waiting(Protocol):
    """A compressor that waits for somebody else, such as a server, and says for how long at most."""

    patience_seconds: float


def joined(texts: Sequence[str]) -> str:
    """*texts* that are not empty, apart by a blank line."""
    return "\n\n".join(text for text in texts if text)
