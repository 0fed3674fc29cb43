"""Compressors by name. A new one is a folder and one line of `COMPRESSORS`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from .errors import UnknownCompressor

if TYPE_CHECKING:
    from .ports import Compressor

COMPRESSORS: Mapping[str, str] = MappingProxyType(
    {
        "extractive": ".extractive:Extractive",
        "llm": ".llm:LLM",
        "qr_head": ".qr_head.compressor:QRHead",
        "qr_head_decoder": ".qr_head.decoder.compressor:DecoderQRHead",
        "truncate": ".truncate:Truncate",
    }
)
"""Where each compressor is made; it is imported when it is asked for."""

DEFAULT = ("qr_head", "extractive", "truncate")
"""Those that every install has, first choice first."""


def parse(text: str) -> tuple[str, ...]:
    """The names in a comma list such as "extractive,truncate", first choice first. Raises `UnknownCompressor`."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise UnknownCompressor(f"{text!r} names no compressor; use one or more of {_all()}")
    for name in names:
        _where(name)
        if names.count(name) > 1:
            raise UnknownCompressor(f"{text!r} names {name!r} twice; name it once")
    return names


def make(name: str, config: object = None) -> Compressor:
    """The compressor *name*, with its own *config* where it takes one.

    Raises `UnknownCompressor`; `MissingExtra` where it needs a package that is not installed.
    """
    module, _, maker = _where(name).partition(":")
    made = getattr(import_module(module, __package__), maker)
    compressor: Compressor = made() if config is None else made(config)
    return compressor


def _where(name: str) -> str:
    try:
        return COMPRESSORS[name]
    except KeyError:
        raise UnknownCompressor(f"no compressor is called {name!r}; use one or more of {_all()}") from None


def _all() -> str:
    return ", ".join(COMPRESSORS)
