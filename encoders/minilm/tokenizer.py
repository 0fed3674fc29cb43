"""Word pieces of MiniLM, with places in the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EncoderUnavailable

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

TOKENIZER = Path(__file__).with_name("tokenizer.json")
START, END = 101, 102
MAX_TOKENS = 256
HEAD_CHARACTERS = 8192


@dataclass(frozen=True)
class Tokens:
    """Word pieces: *ids*, and for each its (start, end) characters in the text."""

    ids: list[int]
    offsets: list[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.ids)


def load_tokenizer() -> Tokenizer:
    """A new tokenizer of MiniLM without truncation and padding; ``[SEP]`` in a text is text, no command."""
    from tokenizers import Tokenizer

    if not TOKENIZER.is_file():
        raise EncoderUnavailable(missing_file(TOKENIZER))
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    tokenizer.encode_special_tokens = True
    return tokenizer


def missing_file(path: Path) -> str:
    """What to tell about a file of the package that is not there."""
    return (
        f"the shipped model's file {path.name} is missing from {path.parent}. Install the package again: "
        "pip install --force-reinstall --no-deps memoryops"
    )


class WordPieces:
    """Cuts text into word pieces; the tokenizer is loaded at the first use."""

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return load_tokenizer()

    def whole(self, text: str) -> Tokens:
        """All word pieces of *text*, without special tokens."""
        return _tokens(self._encode([text])[0])

    def passages(self, texts: Sequence[str]) -> list[Tokens]:
        """The first ``MAX_TOKENS - 2`` pieces of each text, between the start and end tokens (at (0, 0)).

        A long text is cut before it is tokenised, so that a text of megabytes costs no more than a page.
        """
        limit = MAX_TOKENS - 2
        cut = self._encode([text[:HEAD_CHARACTERS] for text in texts])
        full = [i for i, e in enumerate(cut) if len(texts[i]) > HEAD_CHARACTERS and len(e.ids) <= limit]
        for i, encoding in zip(full, self._encode([texts[i] for i in full]), strict=True):
            cut[i] = encoding
        return [_framed(_tokens(encoding), limit) for encoding in cut]

    def _encode(self, texts: Sequence[str]) -> list[Encoding]:
        return self._tokenizer.encode_batch([_encodable(t) for t in texts], add_special_tokens=False)


def _tokens(encoding: Encoding) -> Tokens:
    return Tokens(list(encoding.ids), [(start, end) for start, end in encoding.offsets])


def _framed(tokens: Tokens, limit: int) -> Tokens:
    return Tokens([START, *tokens.ids[:limit], END], [(0, 0), *tokens.offsets[:limit], (0, 0)])


def _encodable(text: str) -> str:
    """Lone surrogates, which UTF-8 cannot hold, become question marks; lengths stay."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
