"""A compressor that fails is replaced, in time and not silently; what the graph has stored does not change."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from memoryops.compressors.chain import Chain
from memoryops.compressors.extractive import Extractive
from memoryops.compressors.ports import Kept, Passage, Span
from memoryops.memory.service import MemoryOps
from tests.graphs.compaction.agents import THREAD, agent, ask, chat_of, history, model, sent

WINDOW = 3500


class Raising:
    name = "raising"

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        raise RuntimeError("no weights")


class Hanging:
    name = "hanging"

    def __init__(self) -> None:
        self.released = threading.Event()

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        self.released.wait(60)
        raise RuntimeError("too late")


class Rubbish:
    """Spans that are none, texts that nobody wrote."""

    name = "rubbish"

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        return Kept([Span(99, -5, 10**9)], ["lies"] * len(passages), 0, 0, self.name)


class Nothing:
    name = "nothing"

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Any:
        return None


class Exiting:
    name = "exiting"

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        sys.exit(3)


class Interrupting:
    """Not a person's interrupt: it comes out of the compressor."""

    name = "interrupting"

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        raise KeyboardInterrupt


class Odd:
    """Answers of wrong types: what a compressor that was never run may return."""

    def __init__(self, answer: Any) -> None:
        self.name, self.answer = "odd", answer

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Any:
        return self.answer


def compacted(compressor: Any, **settings: Any) -> tuple[Any, Any, list[dict[str, Any]]]:
    chat = model()
    graph = agent(MemoryOps(settings.pop("store")), chat, compressor=compressor, max_tokens=WINDOW, **settings)
    graph.update_state(THREAD, {"messages": chat_of(16, 130)})
    return graph, chat, ask(graph, "What is nothing special?", "q")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Raising, "raising: RuntimeError: no weights"),
        (Hanging, "hanging: no answer within 0.2 s"),
        (Rubbish, "rubbish"),
        (Nothing, "nothing: AttributeError"),
        (Exiting, "exiting: ended without an answer (SystemExit(3))"),
        (Interrupting, "interrupting: ended without an answer (KeyboardInterrupt())"),
        (lambda: Odd("all of it"), "odd: "),
        (lambda: Odd(Kept(7, [], 0, 0, "odd")), "odd: "),  # type: ignore[arg-type]
        (lambda: Odd(Kept(["x"], [], 0, 0, "odd")), "odd: "),  # type: ignore[list-item]
        (lambda: Odd(Kept([Span(0, "a", "b")], [], 0, 0, "odd")), "odd: "),  # type: ignore[arg-type]
        (lambda: Odd(Kept([Span(0, 0.5, 9.5)], [], 0, 0, "odd")), "odd: "),  # type: ignore[arg-type]
        (lambda: Odd(Kept([Span(0, 0, 10**12)], [], 0, 0, "odd")), "odd: "),
        (lambda: Odd(Kept([Span(-1, 0, 5)], [], 0, 0, "odd")), "odd: "),
        (lambda: Odd(Kept([Span(0, 9, 9)], [], 0, 0, "odd", rewritten=[99])), "odd: "),
    ],
)
def test_a_bad_compressor_is_replaced_by_the_extractive_one(
    quick: MemoryOps, kind: Any, reason: str, delta: bool, caplog: pytest.LogCaptureFixture
) -> None:
    bad, began = kind(), time.monotonic()
    with caplog.at_level(logging.WARNING, "memoryops.graphs"):
        graph, chat, told = compacted(bad, store=quick.store, delta=delta, patience=0.2)
    assert time.monotonic() - began < 60
    if isinstance(bad, Hanging):
        bad.released.set()
    assert told[0]["compressed"] > 0
    assert told[0]["compressor"] == "extractive"
    assert reason in told[0]["reason"]
    assert reason in caplog.text
    _, good_chat, good = compacted(Extractive(), store=quick.store, delta=delta)
    assert sent(chat) == sent(good_chat)
    assert good[0]["reason"] == ""
    twin = agent(None, model(), delta=delta)
    twin.update_state(THREAD, {"messages": chat_of(16, 130)})
    ask(twin, "What is nothing special?", "q")
    assert history(graph) == history(twin)


def test_where_nothing_can_be_selected_hints_stand_in(quick: MemoryOps) -> None:
    chat = model()
    graph = agent(quick, chat, compressor=Raising(), max_tokens=WINDOW)
    said = chat_of(16, 130)
    for message in said:
        message.content = str(message.content).replace(".", " and").replace("\n", " ")
    graph.update_state(THREAD, {"messages": said})
    told = ask(graph, "What is nothing special?", "q")
    assert told[0]["compressed"] == 0
    assert told[0]["hinted"] > 0
    assert "raising: RuntimeError: no weights" in told[0]["reason"]
    assert told[0]["tokens_after"] <= 0.75 * WINDOW


def test_the_last_of_a_chain_ends_nobody(quick: MemoryOps, delta: bool) -> None:
    _, chat, told = compacted(Chain([Raising(), Exiting()]), store=quick.store, delta=delta)
    assert len(chat.seen) == 1
    assert told[0]["compressor"] == "extractive"
    assert "SystemExit" in told[0]["reason"]


def test_a_persons_interrupt_interrupts() -> None:
    hanging = Hanging()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a worker of pytest-xdist passes it over
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            Chain([hanging]).compress([Passage("p", "One sentence. Another one.")], "", 5)
    finally:
        hanging.released.set()
        timer.join()
        signal.signal(signal.SIGINT, before)
