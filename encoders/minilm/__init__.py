"""The encoder that ships with the package: all-MiniLM-L6-v2 as one int8 ONNX file."""

from typing import TYPE_CHECKING, Any

from .tokenizer import Tokens, load_tokenizer

if TYPE_CHECKING:
    from .adapter import Adapter
    from .encoder import MiniLM

__all__ = ["Adapter", "MiniLM", "Tokens", "load_tokenizer"]


def __getattr__(name: str) -> Any:
    if name == "MiniLM":
        from .encoder import MiniLM

        return MiniLM
    if name == "Adapter":
        from .adapter import Adapter

        return Adapter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
