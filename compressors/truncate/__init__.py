"""The beginning of a text, as far as there is room."""

from .compressor import Truncate

__all__ = ["Truncate"]
