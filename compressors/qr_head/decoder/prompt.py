"""The prompt that heads are read on: documents first, query last; and where its parts are among the tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import UnsupportedModel

NULL_QUERY = "N/A"
EARLY = " Here are some paragraphs:"
LATE = "Please find information that are relevant to the following query in the paragraphs above."
"""As in the paper's code, word for word: the published heads were found with it."""

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Frame:
    """What a model's chat format puts around a user's turn, and what stands between paragraphs."""

    prefix: str = ""
    suffix: str = ""
    separator: str = "\n\n"


FRAMES = {
    "<|start_header_id|>": Frame(
        "<|start_header_id|>user<|end_header_id|>",
        "<|eot_id|><|start_header_id|>assistant<|end_header_id|>",
        " \n\n",
    ),
    "<|im_start|>": Frame("<|im_start|>user", "<|im_end|>\n<|im_start|>assistant"),
    "[INST]": Frame("[INST]", "[/INST]"),
    "<start_of_turn>": Frame("<start_of_turn>user\n", "<end_of_turn>\n<start_of_turn>model\n"),
}
"""By the special token that tells the family: Llama 3 and Qwen 2.5 as in QRHead, Mistral as in in-context re-ranking,
Gemma by its own format. A model without any of them gets a bare prompt."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a document is among the tokens of a prompt.

    Tokens *first* to *text* (excluded) are its number, *text* to *last* (excluded) its text; of these, *starts* and
    *ends* say which characters of the document each stands for.
    """

    first: int
    text: int
    last: int
    starts: Places
    ends: Places


@dataclass(frozen=True, slots=True)
class Encoded:
    """A prompt as tokens: *ids*, of which the first *prefix* do not depend on the query."""

    ids: list[int]
    prefix: int
    documents: list[Placed]

    @property
    def tail(self) -> list[int]:
        """From the late instruction to the end: the rows whose attention is read."""
        return self.ids[self.prefix :]


class Prompter:
    """Makes prompts for one tokenizer. Raises `UnsupportedModel` for one that cannot say where its tokens are."""

    def __init__(self, tokenizer: Any, frame: Frame | None = None) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise UnsupportedModel(
                f"the tokenizer {type(tokenizer).__name__} gives no offsets; use a model with a tokenizer.json"
            )
        self._tokenizer = tokenizer
        added = tokenizer.added_tokens_decoder.values()
        special = {*tokenizer.all_special_tokens, *(token.content for token in added if token.special)}
        found = (frame for token, frame in FRAMES.items() if token in special)
        self.frame = frame or next(found, Frame())
        alternatives = "|".join(re.escape(token) for token in sorted(special, key=len, reverse=True) if token.strip())
        self._special = re.compile(alternatives or r"(?!)")

    def encode(self, documents: Sequence[str], query: str) -> Encoded:
        """The tokens of the prompt with *documents*, numbered from 1, and *query*."""
        frame = self.frame
        text = frame.prefix + EARLY
        spans = []
        for number, document in enumerate(documents, start=1):
            label = f"{frame.separator}[{number}] "
            first = len(text) + len(frame.separator)
            spans.append((first, len(text) + len(label), len(text) + len(label) + len(document)))
            text += label + self.defused(document)
        text += frame.separator
        ask = len(text)
        text += f"{LATE}{frame.separator}Query: {self.defused(query)}{frame.suffix}"
        ids, starts, ends = self._tokens(text, special=True)
        prefix = int(np.searchsorted(ends, ask, side="right"))
        return Encoded(ids, prefix, [_placed(starts, ends, *span) for span in spans])

    def cost(self, document: str) -> tuple[int, Places]:
        """About how many tokens *document* takes in a prompt, and at which characters its tokens start."""
        _, starts, _ = self._tokens(self.defused(document), special=False)
        label, _, _ = self._tokens(f"{self.frame.separator}[999] ", special=False)
        return len(starts) + len(label), starts

    def defused(self, text: str) -> str:
        """*text* at the same length, but with no special token and no half of a surrogate pair in it."""
        whole = re.sub("[\ud800-\udfff]", "\ufffd", text)
        return self._special.sub(lambda found: "‹" + found[0][1:], whole)

    def _tokens(self, text: str, *, special: bool) -> tuple[list[int], Places, Places]:
        found = self._tokenizer(
            text, add_special_tokens=special, return_offsets_mapping=True, return_attention_mask=False, verbose=False
        )
        offsets = np.asarray(found["offset_mapping"], dtype=np.int64).reshape(-1, 2)
        # Tokens that stand for no text (beginning and end of sequence) have the place (0, 0).
        starts = np.maximum.accumulate(offsets[:, 0])
        ends = np.maximum.accumulate(offsets[:, 1])
        return list(found["input_ids"]), starts, ends


def _placed(starts: Places, ends: Places, first: int, text: int, last: int) -> Placed:
    """The document whose number begins at the character *first*, and whose text is *text* to *last*."""
    low, middle = (int(each) for each in np.searchsorted(ends, [first, text], side="right"))
    high = int(np.searchsorted(starts, last, side="left"))
    middle, high = max(low, min(middle, high)), max(low, high)
    own = slice(middle, high)
    clipped = (np.clip(each[own] - text, 0, last - text) for each in (starts, ends))
    return Placed(low, middle, high, *clipped)
