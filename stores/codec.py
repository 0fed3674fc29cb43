"""The one seam that stored text passes on its way to and from the disk (plain now, encryption later)."""

from __future__ import annotations

from typing import Protocol

from .errors import InvalidRequest, StoreDamaged


class Codec(Protocol):
    """Text to bytes and back; `decode(encode(text)) == text` for every text that `encode` takes."""

    name: str

    def encode(self, text: str) -> bytes: ...

    def decode(self, data: bytes) -> str: ...


class PlainCodec:
    """UTF-8, nothing else."""

    name = "plain"

    def encode(self, text: str) -> bytes:
        try:
            return text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InvalidRequest(
                f"the text holds a lone surrogate at character {error.start}, which no UTF-8 can carry; "
                "decode it with errors='replace' first"
            ) from error

    def decode(self, data: bytes) -> str:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise StoreDamaged(f"a stored text is no UTF-8 at byte {error.start}; restore a backup") from error
