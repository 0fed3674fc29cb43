"""How text becomes vectors. Names are loaded when they are first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bm25 import Bm25, Sparse
    from .errors import (
        AdapterInvalid,
        BadEncoderAnswer,
        DimensionMismatch,
        EncoderError,
        EncoderRefused,
        EncoderTimeout,
        EncoderUnavailable,
        UnknownEncoder,
    )
    from .fastembed import FastEmbedEncoder
    from .hashing import HashingEncoder
    from .minilm import Adapter, MiniLM, Tokens
    from .openai_compatible import OpenAIEncoder
    from .ports import Encoder
    from .registry import load

__all__ = [
    "Adapter",
    "AdapterInvalid",
    "BadEncoderAnswer",
    "Bm25",
    "DimensionMismatch",
    "Encoder",
    "EncoderError",
    "EncoderRefused",
    "EncoderTimeout",
    "EncoderUnavailable",
    "FastEmbedEncoder",
    "HashingEncoder",
    "MiniLM",
    "OpenAIEncoder",
    "Sparse",
    "Tokens",
    "UnknownEncoder",
    "load",
]

_HOMES = {
    "Adapter": "minilm",
    "Bm25": "bm25",
    "Encoder": "ports",
    "FastEmbedEncoder": "fastembed",
    "HashingEncoder": "hashing",
    "MiniLM": "minilm",
    "OpenAIEncoder": "openai_compatible",
    "Sparse": "bm25",
    "Tokens": "minilm",
    "load": "registry",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES.get(name, 'errors')}", __name__), name)
