"""Which decoder is asked for its retrieval heads, and how much of a text is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """The causal model in the folder *model*; nothing is downloaded.

    *lora*: the folder of an adapter that peft saved. *heads*: the file of a head list, by default the published one
    for the model's name. *top_k*: tokens to keep at most, even where a budget is larger. *device*: by default the first
    GPU if there is one, else the CPU. *window*: tokens of a prompt at most, by default the model's own limit.
    *length_normalized*: a unit is worth the mean of its tokens' scores, not their sum. *seconds*: what one compression
    may take, the first of which loads the model.
    """

    model: str | Path
    lora: str | Path | None = None
    heads: str | Path | None = None
    top_k: int | None = None
    device: str | None = None
    window: int | None = None
    length_normalized: bool = False
    seconds: float = SECONDS
