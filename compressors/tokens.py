"""How many tokens a text has, by the one counter of this process; results name it by `name`.

One counter, because budgets, prices and stored counts must compare with each other. It is MiniLM's tokenizer unless
`choose` says otherwise before the memory is opened: installing a package changes no figure.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Final

from .counters.minilm import MiniLMCounter
from .counters.ports import Counter
from .errors import TokenizerSettled, TokenizerUnavailable, UnknownTokenizer

VOCABULARIES: Final = {"o200k": "o200k_base", "cl100k": "cl100k_base"}
CHOICES: Final = ("minilm", "auto", *VOCABULARIES)
"""What `choose` takes; auto is the first of `VOCABULARIES` that is on this machine, else minilm."""

KNOWN_CHARS, KNOWN_TEXTS = 2_000, 4_096
"""Texts of up to so many characters, and how many of them, whose counts are known: the same turns and memories are
counted with each request."""

_counter: Counter = MiniLMCounter()
_settled: str | None = None
_lock = threading.Lock()


def choose(choice: str) -> str:
    """Settle which counter this process counts with, one of `CHOICES`; its name. Nothing is fetched.

    The same choice may be repeated. Raises `UnknownTokenizer`; `TokenizerUnavailable` where its vocabulary is not on
    this machine; and `TokenizerSettled` where another one was chosen before.
    """
    global _counter, _settled
    with _lock:
        if _settled is not None:
            if _settled != choice:
                raise TokenizerSettled(
                    f"this process counts tokens by {_settled!r} and cannot count by {choice!r} too, since budgets "
                    "must compare; use another process"
                )
        else:
            _counter, _settled = _make(choice), choice
            _counted.cache_clear()
        return _counter.name


def _make(choice: str) -> Counter:
    if choice not in CHOICES:
        raise UnknownTokenizer(f"no tokenizer is called {choice!r}; use {', '.join(CHOICES)}")
    if choice == "minilm":
        return MiniLMCounter()
    from .counters.bpe import bpe

    if choice != "auto":
        return bpe(VOCABULARIES[choice])
    for vocabulary in VOCABULARIES.values():
        try:
            return bpe(vocabulary)
        except TokenizerUnavailable:
            continue
    return MiniLMCounter()


@lru_cache(KNOWN_TEXTS)
def _counted(text: str) -> int:
    return _counter.count(text)


def name() -> str:
    """What counts here: "minilm (approximate)", "o200k_base" or "cl100k_base"."""
    return _counter.name


def count(text: str) -> int:
    """How many tokens *text* has; by MiniLM within about 3 % for long texts, see `counters.minilm`."""
    return _counted(text) if len(text) <= KNOWN_CHARS else _counter.count(text)


def clip(text: str, budget: int) -> str:
    """A head of *text* that has at most *budget* tokens by `count`: about as many as fit."""
    return _counter.clip(text, budget)
