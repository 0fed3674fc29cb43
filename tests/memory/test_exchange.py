"""Requests on their way past a memory: what is put in, what is kept, and what stays as it came."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from memoryops.compressors.chain import standard
from memoryops.compressors.extractive import Extractive
from memoryops.compressors.ports import Kept, Passage
from memoryops.memory.exchange import Exchanges, Plans, with_block
from memoryops.memory.parts import marked
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.memory.window import ContextWindow
from memoryops.stores.in_memory import InMemoryStore


@pytest.fixture
def ops() -> MemoryOps:
    return MemoryOps(InMemoryStore(), Scope(user="anna"), compressor=standard(("extractive", "truncate")))


@pytest.fixture
def exchanges(ops: MemoryOps) -> Exchanges:
    return Exchanges(ops, Plans())


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def test_nothing_known_changes_nothing(exchanges: Exchanges) -> None:
    conversation = [{"role": "system", "content": "Be brief."}, user("Hello")]
    prepared = exchanges.prepare(conversation)
    assert not prepared.changed
    assert [place for place, _ in prepared.shown] == [0, 1]
    assert (prepared.saved, prepared.added, prepared.items) == (0, 0, 0)


def test_only_the_last_question_changes(ops: MemoryOps, exchanges: Exchanges) -> None:
    ops.add("Anna lives in Austin")
    conversation = [
        {"role": "system", "content": "Be brief."},
        user("Hi"),
        said("Hello"),
        user("Where does Anna live?"),
    ]
    prepared = exchanges.prepare(conversation)
    assert [message for _, message in prepared.shown[:-1]] == [None, None, None]
    question = prepared.shown[-1][1]
    assert question is not None
    assert question["content"].startswith("<memory_context>")
    assert "Austin" in question["content"]
    assert question["content"].endswith(conversation[-1]["content"])
    assert prepared.items == 1


def test_pictures_and_fields_beside_the_text_stay(exchanges: Exchanges) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    changed = with_block({**user([picture, {"type": "text", "text": "?"}]), "name": "a", "odd": 1}, "B")
    assert changed["content"] == [{"type": "text", "text": "B"}, picture, {"type": "text", "text": "?"}]
    assert (changed["name"], changed["odd"]) == ("a", 1)


def test_the_same_is_kept_once_and_two_equal_answers_are_two(ops: MemoryOps, exchanges: Exchanges) -> None:
    first = [user("May I go?")]
    second = [*first, said("Yes"), user("And stay?")]
    for conversation in (first, second, second):
        exchanges.remember(conversation, "Yes")
    texts = sorted(point.text or "" for point in ops.items.scan())
    assert texts == ["And stay?", "May I go?", "Yes", "Yes"]


def test_what_was_put_in_is_not_kept(ops: MemoryOps, exchanges: Exchanges) -> None:
    ops.add("Anna lives in Austin")
    conversation = [user("Where does Anna live?")]
    block = exchanges.prepare(conversation).shown[-1][1]
    assert block is not None
    exchanges.remember([block], "In Austin.")
    assert sorted(point.text or "" for point in ops.items.scan()) == [
        "Anna lives in Austin",
        "In Austin.",
        "Where does Anna live?",
    ]


@pytest.mark.parametrize("odd", ["\ud800", "", "   "])
def test_what_no_store_can_hold_is_passed_over(ops: MemoryOps, exchanges: Exchanges, odd: str) -> None:
    assert not exchanges.prepare([user(odd)]).changed
    exchanges.remember([user(odd)], odd)
    assert not ops.items.scan()


def test_a_plan_stays_while_a_conversation_grows_and_is_shared_by_nobody_else(ops: MemoryOps) -> None:
    plans, window = Plans(), ContextWindow(1500)
    exchanges = Exchanges(ops, plans)
    conversation: list[Any] = []
    for n in range(30):
        conversation += [user(f"The {n}th point is about the northern hall and its {n} lamps. " * 5), said("Noted.")]
    conversation.append(user("What of point 3?"))
    first = exchanges.prepare(conversation, window=window, budget_tokens=200)
    assert first.saved > 0
    assert first.before - first.saved + first.added <= window.hard_tokens
    conversation += [said("It has 3 lamps."), user("And 4?")]
    second = exchanges.prepare(conversation, window=window, budget_tokens=200)
    assert second.compressor == "plan"
    assert second.shown[: len(first.shown) - 1] == first.shown[:-1]
    with plans.alone("other"):
        assert plans.standing("somebody", ["k"]) == {}


def test_pictures_of_old_turns_make_room_and_the_last_one_stays(ops: MemoryOps, exchanges: Exchanges) -> None:
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'A' * 8000}"}}
    sound = {"type": "input_audio", "input_audio": {"data": "A" * 8000, "format": "wav"}}
    conversation: list[Any] = []
    for n in range(6):
        conversation += [user([{"type": "text", "text": f"What is in picture {n}?"}, picture, sound]), said("A hall.")]
    conversation.append(user([{"type": "text", "text": "And here?"}, picture]))
    prepared = exchanges.prepare(conversation, window=ContextWindow(20_000), budget_tokens=0)
    shown = dict(prepared.shown)
    assert shown[len(conversation) - 1] is None
    first = shown[0]
    assert first is not None
    assert [block["type"] for block in first["content"]] == ["text"]
    mark = marked(first["content"][0]["text"])
    assert mark is not None
    assert json.loads(ops.retrieve(mark[1]).content) == conversation[0]["content"]
    assert "[audio, 6 kB; image, 6 kB]" in first["content"][0]["text"]


class Counted:
    """The extractive compressor, with a count of how often it was asked."""

    name = "counted"

    def __init__(self) -> None:
        self.calls = 0

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        self.calls += 1
        return Extractive().compress(passages, query, budget_tokens)


def test_a_compaction_that_is_not_worth_it_is_tried_again_when_there_is_more_to_save() -> None:
    counted, plans, window = Counted(), Plans(), ContextWindow(4000)
    ops = MemoryOps(InMemoryStore(), Scope(user="anna"), compressor=counted)
    exchanges = Exchanges(ops, plans)
    conversation: list[Any] = [{"role": "system", "content": "Be brief. " * 1000}]
    tried = 0
    for n in range(8):
        conversation += [user(f"Point {n} is about the hall. " * 4), said("Noted.")]
        asked = [*conversation, user("What of point 3?")]
        before = len(plans._kept)
        prepared = exchanges.prepare(asked, window=window, budget_tokens=0)
        tried += any(key.startswith("refused:") for _, key in list(plans._kept)[before:])
        assert prepared.saved == 0
    assert prepared.before > window.trigger_tokens
    assert (counted.calls, ops.state().messages) == (0, 0)
    assert 1 <= tried <= 2
    long = [user("The hall in the north has many lamps and few windows. " * 40), said("Noted.")]
    longer = [*conversation, *long, *conversation[1:7], user("And?")]
    prepared = exchanges.prepare(longer, window=window, budget_tokens=0)
    assert prepared.saved >= 0.05 * window.max_tokens


def test_plans_are_bounded() -> None:
    plans = Plans(most_chars=10_000)
    for n in range(100):
        plans.put_in("scope", str(n), "x" * 500)
    assert plans.block("scope", "0") is None
    assert plans.block("scope", "99") is not None


def test_only_one_makes_a_plan_at_a_time() -> None:
    plans = Plans()
    with plans.alone("a") as first, plans.alone("a") as second, plans.alone("b") as other:
        assert (first, second, other) == (True, False, True)
    with plans.alone("a") as again:
        assert again
