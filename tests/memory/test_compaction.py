"""A plan that sticks: the same text for the same message, none for another, and never above the window."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memoryops.compressors.extractive import Extractive
from memoryops.memory.compaction import Compacted, Compaction, dump, keys_of, load, shown_by, still
from memoryops.memory.errors import ContextOverflow
from memoryops.memory.messages import parts_of, with_text
from memoryops.memory.parts import SAME, marked
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.memory.window import ContextWindow
from memoryops.stores.in_memory import InMemoryStore
from tests.memory.contexts import Message, call, conversations

law = settings(max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
FILLER = " ".join(f"Filling sentence number {n} tells of ordinary things and ends." for n in range(12))


def chat(turns: int) -> list[Message]:
    said = [{"role": ("user", "assistant")[n % 2], "content": f"{n}: {FILLER}"} for n in range(turns)]
    return [*said, {"role": "user", "content": "What did the walrus eat?"}]


def ids_of(messages: list[Message]) -> list[str]:
    return [f"m{n}" for n in range(len(messages))]


def made(window: int, **settings: Any) -> Compaction:
    ops = MemoryOps(InMemoryStore(), Scope("w"))
    return Compaction(ops.items, ContextWindow(window), Extractive(), **settings)


def tokens(messages: list[Message], done: Compacted) -> int:
    shown = [messages[place] if text is None else with_text(messages[place], text) for place, text in done.shown]
    return sum(part.tokens for part in parts_of(shown))


@law
@given(conversations(), st.integers(50, 4000), st.integers(0, 6))
def test_the_laws_hold_for_every_conversation(messages: list[Message], window: int, keep: int) -> None:
    compaction, keys = made(window, keep=keep), keys_of(messages, ids_of(messages))
    try:
        done = compaction.compact(messages, keys)
    except ContextOverflow as error:
        assert error.left > error.hard
        return
    assert done.tokens == tokens(messages, done) <= max(0.75 * window, 0.85 * window)
    stored = json.loads(json.dumps(dump(done.sticky)))
    assert load(stored) == done.sticky
    assert shown_by(still(done.sticky, keys), keys) == done.shown
    again = compaction.compact(messages, keys, load(stored))
    assert again.shown == done.shown
    assert compaction.compact(messages, keys) == done


@law
@given(st.integers(4, 30), st.integers(0, 60), st.sampled_from(["change", "remove", "insert"]))
def test_only_what_is_as_it_was_is_shown_by_the_plan(turns: int, at: int, deed: str) -> None:
    messages = chat(turns)
    ids = ids_of(messages)
    done = made(1500).compact(messages, keys_of(messages, ids))
    at %= turns
    changed, named = list(messages), list(ids)
    if deed == "change":
        changed[at] = {**messages[at], "content": "Something else."}
    elif deed == "remove":
        del changed[at], named[at]
    else:
        changed.insert(at, {"role": "user", "content": "In between."})
        named.insert(at, "new")
    keys = keys_of(changed, named)
    kept = still(done.sticky, keys)
    before = keys_of(messages, ids)
    for place, text in shown_by(kept, keys):
        if text is not None:
            count = kept[keys[place]].count
            first = before.index(keys[place])
            assert before[first : first + count] == keys[place : place + count]
    assert "Something else." not in {changed[p]["content"] for p, text in shown_by(kept, keys) if text is not None}


def test_between_compactions_only_the_end_grows() -> None:
    compaction, messages = made(3000), chat(2)
    sticky: Any = {}
    shown: list[Any] = []
    compactions = 0
    for n in range(60):
        messages.append({"role": ("assistant", "user")[n % 2], "content": f"more {n}: {FILLER[:300]}"})
        done = compaction.compact(messages, keys_of(messages, ids_of(messages)), sticky)
        if done.report is None:
            assert done.shown[: len(shown)] == tuple(shown)
        compactions += done.report is not None
        sticky, shown = done.sticky, list(done.shown)
    assert 1 <= compactions <= 12


def test_a_run_of_which_one_is_gone_is_shown_whole() -> None:
    messages = [{"role": ("user", "assistant")[n % 2], "content": f"{n}: few words"} for n in range(300)]
    keys = keys_of(messages, ids_of(messages))
    done = made(2000).compact(messages, keys)
    first, run = next((place, done.sticky[keys[place]]) for place, _ in done.shown if keys[place] in done.sticky)
    assert run.count == 21
    less = keys[:5] + keys[6:]
    assert keys[first] not in still(done.sticky, less)
    assert len(still(done.sticky, less)) == len(done.sticky) - 1


def test_messages_without_ids_are_told_apart_by_their_order() -> None:
    messages = [{"role": "user", "content": "yes"}, {"role": "assistant", "content": "ok"}] * 3
    assert len(set(keys_of(messages, [None] * 6))) == 6


def test_the_last_question_is_whole_even_where_a_plan_knows_it() -> None:
    messages = chat(14)
    ids = ids_of(messages)
    compaction = made(1500)
    done = compaction.compact(messages, keys_of(messages, ids))
    assert done.shown[0][1] is not None
    only = messages[:1]
    assert compaction.compact(only, keys_of(only, ids[:1]), done.sticky).shown == ((0, None),)


def test_what_is_no_plan_is_none() -> None:
    wrong: list[Any] = [None, 7, "plan", [], {"k": 1}, {"k": ["hint", "id", "text", 0, "d"]}, {"k": ["a"] * 5}]
    for nonsense in wrong:
        assert load(nonsense) == {}


def test_hints_are_cut_down_to_their_marks_before_the_newest_result_is() -> None:
    messages: list[Message] = [{"role": "user", "content": "Count the apples."}]
    for n in range(20):
        messages.append({"role": "assistant", "content": "", "tool_calls": [call(n)]})
        messages.append({"role": "tool", "tool_call_id": f"call_{n}", "content": f"{n}: {FILLER}"})
    compaction, keys = made(3000), keys_of(messages, ids_of(messages))
    done = compaction.compact(messages, keys)
    texts = dict(done.shown)
    assert texts[len(messages) - 1] is None
    shared = [text for text in texts.values() if text and text.endswith(f"“{SAME}”")]
    assert len(shared) == 1
    found = marked(shared[0])
    assert found is not None
    listed = compaction.items.retrieve(found[1], "full").content.splitlines()
    assert len(listed) == 1 + sum(text == SAME for text in texts.values()) > 10
    for line, message in zip(listed, messages[2::2], strict=False):
        id = line.rpartition("(ID: ")[2].rstrip(")")
        assert compaction.items.retrieve(id, "full").content == message["content"]
    assert done.tokens <= 0.85 * 3000


def test_without_the_mark_that_names_it_a_text_is_shown_whole() -> None:
    messages: list[Message] = [{"role": "user", "content": "Count the apples."}]
    for n in range(20):
        messages.append({"role": "assistant", "content": "", "tool_calls": [call(n)]})
        messages.append({"role": "tool", "tool_call_id": f"call_{n}", "content": f"{n}: {FILLER}"})
    keys = keys_of(messages, ids_of(messages))
    sticky = made(3000).compact(messages, keys).sticky
    pointing = [key for key in keys if key in sticky and sticky[key].text == SAME]
    leading = keys[keys.index(pointing[0]) - 2]
    assert still(sticky, keys) == sticky
    assert not set(pointing) & set(still(sticky, [key for key in keys if key != leading]))
    less = [key for key in keys if key != pointing[3]]
    assert set(still(sticky, less)) == set(sticky) - {pointing[3]}
