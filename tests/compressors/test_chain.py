"""A chain believes the first that answers in time and keeps the laws, and says what became of those before it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from memoryops.compressors.chain import Chain
from memoryops.compressors.errors import CompressorFailed, NothingLeft
from memoryops.compressors.extractive import Extractive
from memoryops.compressors.ports import Compressor, Kept, Passage, Span
from memoryops.compressors.truncate import Truncate

TEXT = "The ferry leaves at nine. The ramp is steep at low tide. Dogs travel without charge."
PASSAGES = [Passage("a", TEXT)]


@dataclass
class Scripted:
    """A compressor that does what the test says."""

    deed: Callable[[], Kept]
    name: str = "scripted"
    calls: int = field(default=0)

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        self.calls += 1
        return self.deed()


def answering(*spans: Span) -> Scripted:
    return Scripted(lambda: Kept(spans, ["whatever it says"], 1, 1, "somebody else", "in a good mood"))


def raising(error: BaseException) -> Scripted:
    def deed() -> Kept:
        raise error

    return Scripted(deed)


def chain(*compressors: Compressor, limit: float = 5.0) -> Chain:
    return Chain((*compressors, Extractive(), Truncate()), limit)


def test_the_first_that_answers_is_named_and_rendered_by_the_chain() -> None:
    kept = chain(answering(Span(0, 26, 56))).compress(PASSAGES, "", 12)
    assert kept.text == "The ramp is steep at low tide."
    assert (kept.compressor, kept.reason) == ("scripted", "in a good mood")
    assert chain().compress(PASSAGES, "ramp", 12).reason == ""


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (raising(CompressorFailed("no adapter at /x")), "scripted: no adapter at /x"),
        (raising(ZeroDivisionError("by zero")), "scripted: ZeroDivisionError: by zero"),
        (raising(SystemExit(3)), "SystemExit(3)"),
        (raising(MemoryError()), "scripted: MemoryError"),
        (answering(Span(0, 0, 84)), "over the budget of 12"),
        (answering(Span(0, 26, 56), Span(0, 0, 25)), "out of order"),
        (answering(Span(0, 0, 25), Span(0, 20, 30)), "out of order"),
        (answering(Span(0, 5, 5)), "is empty"),
        (answering(Span(1, 0, 5)), "of no passage"),
        (answering(Span(-1, 0, 5)), "of no passage"),
        (answering(Span(0, 0, 9999)), "ends behind its text"),
        (answering(), "not one unit fits"),
        (Scripted(lambda: Kept((), ["x y z " * 9], 1, 1, "", "", (0,))), "over the budget of 12"),
        (Scripted(lambda: Kept((), [" "], 1, 1, "", "", (0,))), "which is no text"),
        (Scripted(lambda: Kept((), ["x"], 1, 1, "", "", (-1,))), "none of 1"),
        (Scripted(lambda: Kept([Span(0, 0, 25)], ["x"], 1, 1, "", "", (0,))), "it has spans"),
        (Scripted(lambda: Kept((), [], 1, 1, "", "", (0,))), "scripted: IndexError"),
        (Scripted(lambda: None), "scripted: "),  # type: ignore[arg-type, return-value]  # rubbish is the point
        (Scripted(lambda: "text"), "scripted: "),  # type: ignore[arg-type, return-value]  # as above
    ],
)
def test_whatever_goes_wrong_the_next_one_answers_and_the_reason_is_told(broken: Scripted, told: str) -> None:
    kept = chain(broken).compress(PASSAGES, "steep ramp", 12)
    assert kept.compressor == "extractive"
    assert kept.text == "The ramp is steep at low tide."
    assert told in kept.reason


def test_a_summary_is_passed_on_as_what_it_is() -> None:
    kept = chain(Scripted(lambda: Kept((), ["In short."], 1, 1, "", "by m", (0,)))).compress(PASSAGES, "", 12)
    assert (kept.text, kept.spans, kept.rewritten, kept.reason) == ("In short.", (), (0,), "by m")
    assert kept.tokens_before > kept.tokens_after == 3


@dataclass
class Patient(Scripted):
    """One that says itself how long it waits for somebody else."""

    patience_seconds: float = 5.0


def test_one_that_waits_for_somebody_else_has_its_own_limit() -> None:
    def deed() -> Kept:
        time.sleep(0.2)
        return Kept([Span(0, 0, 25)], [], 0, 0, "")

    assert chain(Patient(deed, "patient"), limit=0.01).compress(PASSAGES, "", 12).compressor == "patient"
    hurried = chain(Patient(deed, "patient", patience_seconds=0.01), limit=60).compress(PASSAGES, "", 12)
    assert "patient: no answer within 0.01 s" in hurried.reason


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    """Set at the end, so that no thread outlives the test."""
    event = threading.Event()
    yield event
    event.set()


def hanging(event: threading.Event) -> Scripted:
    def deed() -> Kept:
        event.wait()
        return Kept([Span(0, 0, 25)], [], 0, 0, "")

    return Scripted(deed, "hanging")


def test_one_that_hangs_is_given_up_and_not_asked_again_until_it_is_back(stuck: threading.Event) -> None:
    slow = hanging(stuck)
    both = chain(slow, limit=0.05)
    started = time.perf_counter()
    kept = both.compress(PASSAGES, "steep ramp", 12)
    assert time.perf_counter() - started < 4
    assert kept.compressor == "extractive"
    assert "hanging: no answer within 0.05 s" in kept.reason
    for _ in range(3):
        assert "still busy" in both.compress(PASSAGES, "steep ramp", 12).reason
    assert slow.calls == 1
    held = [thread for thread in threading.enumerate() if thread.name == "compressor hanging"]
    assert len(held) == 1
    assert held[0].daemon
    stuck.set()
    held[0].join(5)
    assert both.compress(PASSAGES, "steep ramp", 12).compressor == "hanging"


def test_a_text_of_which_no_unit_fits_is_clipped_by_the_last() -> None:
    kept = chain().compress(PASSAGES, "ramp", 3)
    assert (kept.compressor, kept.text) == ("truncate", "The ferry leaves")
    assert kept.reason == "extractive: not one unit fits in 3 tokens"


def test_nothing_to_keep_is_an_answer() -> None:
    for passages, budget in (([], 5), ([Passage("a", "")], 5), ([Passage("a", " \n")], 5), (PASSAGES, 0)):
        kept = chain().compress(passages, "ramp", budget)
        assert (kept.compressor, kept.reason, kept.text.strip()) == ("extractive", "", "")


def test_when_all_fail_each_is_told_of() -> None:
    both = Chain((raising(ValueError("one")), Scripted(lambda: Kept([Span(0, 0, 84)], [], 0, 0, ""), "last")))
    with pytest.raises(NothingLeft, match=r"scripted: ValueError: one; last: kept \d+ tokens, over the budget of 3"):
        both.compress(PASSAGES, "", 3)


def test_a_chain_needs_somebody() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Chain(())


@dataclass
class WaitingForEver:
    """Waits for a server that never ends its answer."""

    name: str = "waiting"
    patience_seconds: float = 0.05
    end: threading.Event = field(default_factory=threading.Event)

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        self.end.wait()
        raise CompressorFailed("nobody answered")


def test_one_that_waits_for_somebody_is_given_up_though_it_is_the_last() -> None:
    hanging = WaitingForEver()
    with pytest.raises(NothingLeft, match="waiting: no answer within"):
        Chain([hanging]).compress(PASSAGES, "", 12)
    hanging.end.set()
