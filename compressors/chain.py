"""Compressors in order of preference: the first that answers within its limit and keeps the laws is believed."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from . import registry
from .errors import BadSelection, CompressorFailed, CompressorTimeout, NothingLeft
from .ports import Compressor, Kept, Passage, Waiting
from .render import check_budget, keep

LIMIT_SECONDS = 20.0
"""How long one compressor may take before the next is asked, for texts of up to a million characters."""
A_MILLION = 1_000_000


def standard(names: Sequence[str] | None = None, configs: Mapping[str, object] | None = None) -> Chain:
    """The compressors *names* in this order (default: those that every install has), each with its own of *configs*.

    Raises `UnknownCompressor` and `MissingExtra`, and what a compressor says to its config.
    """
    return Chain([registry.make(name, (configs or {}).get(name)) for name in names or registry.DEFAULT])


class Chain:
    """A compressor made of others: asks the next one when one raises, hangs, keeps nothing or breaks a law.

    Each runs on a daemon thread of its own, so that nothing it raises ends the caller's. All but the last are given up
    after *limit_seconds* (for each million characters to read, where there are more), or after its own
    `patience_seconds` where it waits for somebody else; one that was given up is not asked again until it is back. The
    last has no limit, unless it waits for somebody else.
    """

    def __init__(self, compressors: Sequence[Compressor], limit_seconds: float = LIMIT_SECONDS) -> None:
        if not compressors:
            raise ValueError("a chain needs at least one compressor")
        self.compressors = tuple(compressors)
        self.limit_seconds = limit_seconds
        self._given_up: dict[int, threading.Thread] = {}

    @property
    def name(self) -> str:
        """The names of its compressors, first choice first."""
        return " > ".join(compressor.name for compressor in self.compressors)

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        """See `Compressor.compress`; `Kept.compressor` is the one that answered, `reason` how those before it failed.

        Raises `NothingLeft` when all of them have failed.
        """
        budget = check_budget(budget_tokens)
        failures: list[str] = []
        nothing: Kept | None = None
        for number, compressor in enumerate(self.compressors):
            try:
                kept = self._ask(number, passages, query, budget)
            except Exception as error:  # whatever it raises, the next one is asked
                failures.append(f"{compressor.name}: {_told(error)}")
                continue
            answer = _reasoned(kept, failures)
            if answer.spans or answer.rewritten or not budget or not any(passage.text.strip() for passage in passages):
                return answer
            nothing = nothing or answer
            failures.append(f"{compressor.name}: not one unit fits in {budget} tokens")
        if nothing is not None:
            return _reasoned(nothing, failures)
        raise NothingLeft(f"no compressor could answer ({'; '.join(failures)}); use a hint instead of the text")

    def _ask(self, number: int, passages: Sequence[Passage], query: str, budget: int) -> Kept:
        compressor = self.compressors[number]
        hanging = self._given_up.get(number)
        if hanging is not None and hanging.is_alive():
            raise CompressorTimeout("still busy with a call that it was given up in")
        last = number == len(self.compressors) - 1 and not isinstance(compressor, Waiting)
        limit = None if last else self._limit(compressor, passages)
        call = _Call(compressor, passages, query, budget)
        call.thread.start()
        call.thread.join(limit)
        if limit is not None and call.thread.is_alive():
            self._given_up[number] = call.thread
            raise CompressorTimeout(f"no answer within {limit:g} s")
        return call.answer()

    def _limit(self, compressor: Compressor, passages: Sequence[Passage]) -> float:
        if isinstance(compressor, Waiting):
            return compressor.patience_seconds
        return self.limit_seconds * max(1.0, sum(len(passage.text) for passage in passages) / A_MILLION)


class _Call:
    """One compressor at work on a thread that the process's end does not wait for."""

    def __init__(self, compressor: Compressor, passages: Sequence[Passage], query: str, budget: int) -> None:
        self._compressor, self._arguments = compressor, (passages, query, budget)
        self._kept: Kept | None = None
        self._error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name=f"compressor {compressor.name}", daemon=True)

    def _run(self) -> None:
        passages, query, budget = self._arguments
        try:
            kept = self._compressor.compress(passages, query, budget)
            self._kept = _checked(self._compressor, passages, kept, budget)
        except BaseException as error:  # told on the caller's thread
            self._error = error

    def answer(self) -> Kept:
        if self._kept is not None:
            return self._kept
        if isinstance(self._error, Exception):
            raise self._error
        raise CompressorFailed(f"ended without an answer ({self._error!r})")


def _checked(compressor: Compressor, passages: Sequence[Passage], kept: Kept, budget: int) -> Kept:
    """*kept*, rendered anew from its spans, and from what it says to have rewritten.

    Raises `BadSelection` where it breaks a law of the port.
    """
    rewritten = {number: kept.texts[number] for number in kept.rewritten}
    made = keep(passages, kept.spans, compressor.name, kept.reason, rewritten=rewritten)
    if made.tokens_after > budget:
        raise BadSelection(f"kept {made.tokens_after} tokens, over the budget of {budget}")
    return made


def _reasoned(kept: Kept, failures: Sequence[str]) -> Kept:
    reason = "; ".join([*failures, *([kept.reason] if kept.reason else [])])
    return replace(kept, reason=reason)


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, CompressorFailed) else f"{type(error).__name__}: {error}"
