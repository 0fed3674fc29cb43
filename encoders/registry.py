"""Encoders by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .errors import UnknownEncoder

if TYPE_CHECKING:
    from .ports import Encoder

DEFAULT = "minilm"
FORMS = (
    "minilm",
    "fastembed:NAME",
    "fastembed:NAME@/local/path",
    "openai:MODEL@https://host/v1",
    "hashing:DIMENSION",
)

_OPENAI = re.compile(r"openai:(?P<model>\S+?)@(?P<url>https?://\S+)")
_HASHING = re.compile(r"hashing:(?P<dimension>[1-9]\d{0,3})")
_FASTEMBED = re.compile(r"fastembed:(?P<model>[^@\s]+)(?:@(?P<path>.+))?")


def load(
    spec: str = DEFAULT,
    *,
    api_key: str | None = None,
    threads: int | None = None,
    dimensions: int | None = None,
    timeout: float = 30.0,
    max_tokens: int = 512,
    download: bool = False,
) -> Encoder:
    """The encoder that *spec* names: ``minilm``, ``fastembed:NAME``, ``fastembed:NAME@/local/path``,
    ``openai:MODEL@https://host/v1`` or ``hashing:DIMENSION`` (no model: instant, knows no synonyms).

    *threads* concerns the encoders that run here, *download* fastembed (whether it may fetch the model), and
    *api_key*, *dimensions*, *timeout* (seconds) and *max_tokens* the OpenAI-compatible servers. Models are
    loaded and servers asked at the first use. Raises `UnknownEncoder` for any other *spec*.
    """
    if spec == "minilm":
        from .minilm import MiniLM

        return MiniLM(threads)
    if match := _HASHING.fullmatch(spec):
        from .hashing import HashingEncoder

        return HashingEncoder(int(match["dimension"]))
    if match := _FASTEMBED.fullmatch(spec):
        from .fastembed import FastEmbedEncoder

        return FastEmbedEncoder(match["model"], match["path"], threads=threads, download=download)
    if match := _OPENAI.fullmatch(spec):
        from .openai_compatible import OpenAIEncoder

        return OpenAIEncoder(match["model"], match["url"], api_key, dimensions, timeout, max_tokens=max_tokens)
    raise UnknownEncoder(f"no encoder is called {spec!r}. Valid forms: {', '.join(FORMS)}.")
