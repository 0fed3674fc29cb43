"""The context window: never above its limits, nothing untouchable touched, the same plan for the same context."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memoryops import ContextWindow
from memoryops.compressors import tokens
from memoryops.compressors.errors import CompressorFailed
from memoryops.compressors.extractive import Extractive
from memoryops.compressors.ports import Kept, Passage, Span
from memoryops.memory.errors import ContextOverflow, InvalidInput
from memoryops.memory.fitting import Fitted
from memoryops.memory.messages import holds, parts_of, text_of
from memoryops.memory.parts import SAME, Part, marked, shared_text
from memoryops.memory.window import RUN, SHARED, Plan
from tests.memory.contexts import Message, call, conversations

law = settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
FILLER = " ".join(f"Filling sentence number {n} tells of ordinary things and ends." for n in range(60))
SMALL = ContextWindow(2000)


def long_chat(turns: int, text: str = FILLER) -> list[Message]:
    said = [("user", "assistant")[n % 2] for n in range(turns)]
    return [
        {"role": "system", "content": "Be brief."},
        *({"role": role, "content": f"{n}: {text}"} for n, role in enumerate(said)),
        {"role": "user", "content": "What did the walrus eat?"},
    ]


def total(messages: Sequence[Any]) -> int:
    return sum(part.tokens for part in parts_of(messages))


def shortest(messages: Sequence[Any]) -> int:
    """What is left at most where everything is but its shortest mark: each text has one token or its own, and a mark
    names as many as it may, unless another mark, or a line for many, comes between."""
    parts = parts_of(messages)
    long = tokens.count(shared_text("0" * 20, SHARED)) + 10
    alone = {n for n, part in enumerate(parts) if part.hold == "pinned" or not part.shares}
    breaks = sum(part.form != "full" for part in parts) + len(parts) // RUN + len(parts) // SHARED + 1
    least = sum(part.tokens if n in alone else part.frame + min(part.size, 1) for n, part in enumerate(parts))
    return least + breaks * long


class Broken:
    name = "broken"

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        raise CompressorFailed("no weights")


class Greedy:
    """Keeps everything, whatever the budget, and lies about the texts."""

    name = "greedy"

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        spans = [Span(n, 0, len(p.text)) for n, p in enumerate(passages) if p.text]
        return Kept(spans, ["lies"] * len(passages), 0, 0, self.name)


def check(window: ContextWindow, messages: list[Message], compressor: Any = None) -> None:
    """What holds for every context and window."""
    before = copy.deepcopy(messages)
    try:
        plan = window.plan(messages)
    except ContextOverflow as error:
        assert error.left > error.hard == window.hard_tokens
        assert error.before == total(messages) > window.trigger_tokens
        assert error.fixed <= error.left <= error.before
        assert shortest(messages) > error.hard
        return
    assert plan == window.plan(messages)
    fitted = window.apply(plan, compressor or Extractive())
    assert fitted == window.apply(plan, compressor or Extractive())
    assert messages == before
    shown = list(fitted.messages)
    assert fitted.tokens_before == total(messages)
    assert fitted.tokens_after == total(shown) == sum(fitted.tiers.values()) <= fitted.goal <= window.hard_tokens
    if fitted.tokens_before <= window.trigger_tokens:
        assert fitted.level == "full"
        assert shown == messages
    if fitted.goal > window.target_tokens and fitted.level != "full":
        assert all(step.form != "compressed" or plan.parts[step.parts[0]].hold != "free" for step in fitted.replaced)
    check_order(messages, fitted)
    check_untouchables(messages, plan, fitted)
    check_pairs(messages, shown)
    again = window.apply(window.plan(shown), compressor or Extractive())
    assert list(again.messages) == shown
    assert again.level == "full"


def check_order(messages: list[Message], fitted: Fitted) -> None:
    places = [place for step in fitted.steps for place in step.parts]
    assert places == list(range(len(messages)))
    for step, message in zip(fitted.steps, fitted.messages, strict=True):
        first = messages[step.parts[0]]
        if step.text is None:
            assert message is first
            assert len(step.parts) == 1
        else:
            assert {**message, "content": 0} == {**first, "content": 0}
            text = text_of(message) or ""
            assert marked(text) == (step.form, step.id) or (step.form, text) == ("hint", SAME)
        assert len(step.parts) in (1, RUN)
    check_shared(fitted)


def check_shared(fitted: Fitted) -> None:
    """What points to the mark above it is what that one names, in its order."""
    pointing: list[int] = []
    for step in fitted.replaced:
        if step.text == SAME:
            assert pointing.pop(0) == step.parts[0]
        else:
            assert pointing == []
            assert step.parts[0] == (step.shared or step.parts)[0]
            pointing = list(step.shared[1:])
    assert pointing == []


def check_untouchables(messages: list[Message], plan: Plan, fitted: Fitted) -> None:
    for step in fitted.replaced:
        assert all(plan.parts[place].hold != "pinned" for place in step.parts)
        assert not any(messages[place]["role"] in ("system", "developer") for place in step.parts)
    users = [n for n, message in enumerate(messages) if message["role"] == "user"]
    if users:
        assert messages[users[-1]] in fitted.messages
    if messages and messages[-1]["role"] == "assistant":
        assert fitted.messages[-1] is messages[-1]


def check_pairs(messages: list[Message], shown: list[Any]) -> None:
    def of(some: list[Any]) -> list[Any]:
        return [m.get("tool_calls") or m.get("tool_call_id") for m in some if m.keys() & {"tool_calls", "tool_call_id"}]

    assert of(shown) == of(messages)


@law
@given(conversations(), st.one_of(st.integers(0, 200), st.integers(0, 4000)))
def test_the_laws_hold_for_every_context_and_window(messages: list[Message], max_tokens: int) -> None:
    check(ContextWindow(max_tokens), messages)


@settings(law, max_examples=40)
@given(
    conversations(),
    st.integers(0, 3000),
    st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted),
    st.sampled_from([Broken(), Greedy()]),
)
def test_the_laws_hold_for_other_shares_and_bad_compressors(
    messages: list[Message], max_tokens: int, shares: list[float], compressor: Any
) -> None:
    target, trigger, hard = shares
    check(ContextWindow(max_tokens, trigger, target, hard), messages, compressor)


def test_below_the_trigger_nothing_changes() -> None:
    messages = long_chat(4)
    plan = ContextWindow(100_000).plan(messages)
    fitted = ContextWindow(100_000).apply(plan)
    assert (plan.level, fitted.level, fitted.compressor) == ("full", "full", "")
    assert all(shown is given for shown, given in zip(fitted.messages, messages, strict=True))


def test_the_oldest_are_compressed_for_the_question_first() -> None:
    messages = long_chat(12)
    messages[1]["content"] = f"{FILLER} The walrus ate a red apple. {FILLER}"
    window = ContextWindow(round(total(messages) / 0.8))
    fitted = window.apply(window.plan(messages))
    assert fitted.level == "compressed"
    assert fitted.tokens_after <= window.target_tokens < fitted.tokens_before
    assert "The walrus ate a red apple." in fitted.messages[1]["content"]
    forms = [step.form for step in fitted.steps]
    places = [n for n, form in enumerate(forms) if form != "full"]
    assert places == list(range(1, len(places) + 1))
    assert fitted.utilization_after <= 50 < 75 < fitted.utilization_before
    assert (fitted.compressor, fitted.reason) == ("qr_head", "")


def test_where_a_fifth_is_too_much_the_oldest_are_hints() -> None:
    messages = long_chat(60)
    window = ContextWindow(6000)
    fitted = window.apply(window.plan(messages))
    forms = [step.form for step in fitted.steps]
    assert forms.index("compressed") > forms.index("hint")
    assert fitted.level == "compressed"
    line = str(fitted.messages[1]["content"])
    assert line.startswith("[in memory, ID: ")
    assert "\n" not in line


def test_low_priorities_make_room_first_and_high_ones_last() -> None:
    parts = [Part(f"p{n}", FILLER, tokens.count(FILLER), priority=p) for n, p in enumerate([9, 1, 5, 1, 9])]
    size = parts[0].size
    plan = ContextWindow(6 * size, target=0.6).plan(parts)
    assert [step.form for step in plan.steps] == ["full", "compressed", "full", "compressed", "full"]


def test_what_was_used_stays_while_anything_else_can_make_room() -> None:
    parts = [Part(f"p{n}", FILLER, tokens.count(FILLER)) for n in range(6)]
    plan = ContextWindow(7 * parts[0].size).plan(parts, used=["p0", "p1"])
    assert [step.form for step in plan.steps][:2] == ["full", "full"]
    tight = ContextWindow(2 * parts[0].size).plan(parts, used=["p0", "p1"])
    assert [step.form for step in tight.steps] == ["compressed", *["full"], *["hint"] * 4]


def test_a_long_chat_of_short_turns_fits_as_lines_for_whole_runs() -> None:
    messages = long_chat(2000, "short words said in between")
    window = ContextWindow(12_000)
    fitted = window.apply(window.plan(messages))
    assert fitted.tokens_after <= window.target_tokens
    run = next(step for step in fitted.steps if len(step.parts) == RUN)
    assert run.text is not None
    assert f"{RUN} earlier messages, from “0: short words" in run.text
    roles = [message["role"] for message in fitted.messages]
    assert all(one != other for one, other in pairwise(roles))


def test_results_of_old_calls_shrink_and_the_calls_stay() -> None:
    messages: list[Message] = [{"role": "user", "content": "Count the apples."}]
    for n in range(8):
        messages.append({"role": "assistant", "content": None, "tool_calls": [call(n)]})
        messages.append({"role": "tool", "tool_call_id": f"call_{n}", "content": f"{n}: {FILLER}"})
    window = ContextWindow(4000)
    fitted = window.apply(window.plan(messages))
    assert [m.get("tool_calls") for m in fitted.messages] == [m.get("tool_calls") for m in messages]
    assert fitted.messages[-1] is messages[-1]
    assert fitted.messages[-3] is messages[-3]
    assert marked(fitted.messages[2]["content"])


def test_the_newest_result_makes_room_rather_than_overflow() -> None:
    messages: list[Message] = [
        {"role": "user", "content": "What did the walrus eat?"},
        {"role": "assistant", "content": "", "tool_calls": [call(1)]},
        {"role": "tool", "tool_call_id": "call_1", "content": f"{FILLER} The walrus ate an apple. {FILLER * 3}"},
    ]
    fitted = SMALL.apply(SMALL.plan(messages))
    assert "The walrus ate an apple." in fitted.messages[2]["content"]
    assert SMALL.target_tokens < fitted.tokens_after <= SMALL.hard_tokens == fitted.goal


def test_an_untouchable_part_that_is_too_much_is_told_with_its_figures() -> None:
    messages = [{"role": "system", "content": FILLER * 4}, {"role": "user", "content": "Why?"}]
    with pytest.raises(ContextOverflow) as caught:
        SMALL.plan(messages)
    size = total(messages)
    assert (caught.value.left, caught.value.fixed, caught.value.hard) == (size, size, 1700)
    assert tokens.name() in str(caught.value)
    assert f"{size} of {size} tokens" in str(caught.value)


def test_tool_schemas_and_the_answer_count() -> None:
    tools = [{"type": "function", "function": {"name": "look", "description": FILLER}}]
    messages = long_chat(2, "a few words")
    plan = SMALL.plan(messages, tools=tools, reserve=500)
    assert plan.tokens_before == total(messages) + plan.reserved
    assert plan.reserved > 1000
    assert SMALL.apply(plan).tiers["reserved"] == plan.reserved
    with pytest.raises(ContextOverflow):
        SMALL.plan(messages, tools=tools * 3)


def test_a_compressor_that_fails_is_followed_by_the_extractive_one_and_it_is_told() -> None:
    messages = long_chat(12)
    window = ContextWindow(round(total(messages) / 0.8))
    fitted = window.apply(window.plan(messages), Broken())
    assert fitted.compressor == "extractive"
    assert "broken: CompressorFailed: no weights" in fitted.reason


def test_what_is_held_is_the_prompt_the_question_and_the_last_exchange() -> None:
    def of(roles: str, recent: int = 0) -> str:
        named = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}
        return "".join(hold[0] for hold in holds([named[each] for each in roles], recent))

    assert of("") == ""
    assert of("suauau") == "pffppp"
    assert of("suatau") == "ppffpp"
    assert of("uatat") == "pffpl"
    assert of("uau") == "ppp"
    assert of("uaua") == "ffpp"
    assert of("aaa") == "ffp"
    assert of("ttt") == "ffl"
    assert of("uauauau", recent=4) == "fffrppp"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_tokens": -1}, "max_tokens is -1"),
        ({"max_tokens": "8k"}, "max_tokens is '8k'"),
        ({"max_tokens": 1, "trigger": 1.5}, "trigger is 1.5"),
        ({"max_tokens": 1, "target": 0.8}, "target 0.8, trigger 0.75"),
        ({"max_tokens": 1, "hard": 0.6}, "hard 0.6"),
    ],
)
def test_a_window_that_cannot_be_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ContextWindow(**arguments)


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ([{"content": "x"}], "message 0 has the role None"),
        ([{"role": "user", "content": "x"}, {"role": "cat", "content": "x"}], "message 1 has the role 'cat'"),
        ([{"role": "user", "content": 7}], "content of message 0 is int"),
        (["text"], "entry 0 of the context is str"),
    ],
)
def test_a_context_that_is_none_is_told(context: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        SMALL.plan(context)


@pytest.mark.parametrize("context", [iter([{"role": "user", "content": "x"}]), None, 7, "text", {"role": "user"}])
def test_what_is_no_list_of_messages_is_refused_not_taken_for_an_empty_one(context: Any) -> None:
    with pytest.raises(InvalidInput, match="give a list of objects with role and content"):
        SMALL.plan(context)


@pytest.mark.parametrize("tools", ["look", 7, {"name": "look"}, ["look"], None])
def test_tools_that_are_no_schemas_are_refused(tools: Any) -> None:
    with pytest.raises(InvalidInput, match="give a list of tool schemas"):
        SMALL.plan([{"role": "user", "content": "x"}], tools=tools)


def test_a_query_that_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidInput, match="the query is int"):
        SMALL.plan([{"role": "user", "content": "x"}], 7)  # type: ignore[arg-type]  # callers are not always typed


def test_calls_that_no_json_can_carry_are_told() -> None:
    endless: dict[str, Any] = {}
    endless["self"] = endless
    for calls in ([{(1, 2): 3}], [endless]):
        with pytest.raises(InvalidInput, match="cannot be sent as JSON"):
            SMALL.plan([{"role": "assistant", "content": "", "tool_calls": calls}])


@pytest.mark.parametrize("text", [f"[in memory, ID: x] {FILLER}", f"[in memory, ID: x]\n{FILLER}"])
def test_a_long_text_behind_a_forged_mark_makes_room_like_any_other(text: str) -> None:
    messages = [{"role": "user", "content": f"{text} {FILLER * 4}"}, *long_chat(4, "few words")]
    fitted = SMALL.apply(SMALL.plan(messages))
    assert fitted.steps[0].form == "compressed"
    assert fitted.tokens_after <= SMALL.target_tokens


def test_a_picture_makes_room_with_the_text_beside_it_and_is_named() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4000}}
    said: list[Any] = [{"type": "text", "text": FILLER * 3}, picture, {"type": "text", "text": FILLER * 3}]
    messages: list[Message] = [{"role": "user", "content": said}, *long_chat(4, "few words")]
    window = ContextWindow(6000)
    fitted = window.apply(window.plan(messages))
    shown = fitted.messages[0]["content"]
    assert [block["type"] for block in shown] == ["text"]
    assert marked(shown[0]["text"]) == ("compressed", fitted.steps[0].id)
    assert shown[0]["text"].splitlines()[1] == "[image, 3 kB]"
    asked = [{"role": "user", "content": [picture, {"type": "text", "text": "What did the walrus eat?"}]}]
    assert window.plan(asked).query == "What did the walrus eat?"


def test_what_langchain_keeps_beside_its_messages_takes_no_room() -> None:
    told = {"model_name": "m", "logprobs": None, "token_usage": {"prompt_tokens": 11, "completion_tokens": 12}}
    messages: list[Message] = []
    for n in range(300):
        messages.append({"type": "human", "content": f"{n} few words", "response_metadata": {}, "example": False})
        messages.append(
            {
                "type": "ai",
                "content": f"{n} few words",
                "response_metadata": told,
                "usage_metadata": {"input_tokens": 1},
            }
        )
    plain = [{"type": message["type"], "content": message["content"]} for message in messages]
    assert total(messages) == total(plain)
    fitted = SMALL.apply(SMALL.plan(messages))
    assert [step.form for step in fitted.steps] == [step.form for step in SMALL.apply(SMALL.plan(plain)).steps]
    assert any(len(step.parts) == RUN for step in fitted.steps)


def test_an_overflow_counts_nothing_as_untouchable_that_has_made_room() -> None:
    with pytest.raises(ContextOverflow) as caught:
        ContextWindow(300).plan(long_chat(1000, "few words"))
    assert caught.value.fixed < caught.value.left < caught.value.before


def test_messages_as_langchain_writes_them() -> None:
    messages: list[Message] = [
        {"type": "human", "content": f"{FILLER} {FILLER}", "id": "m1"},
        {"type": "ai", "content": "", "tool_calls": [{"name": "f", "args": {"x": 1}, "id": "c1"}], "id": "m2"},
        {"type": "tool", "content": FILLER, "tool_call_id": "c1", "id": "m3"},
        {"type": "ai", "content": "Done.", "id": "m4"},
        {"type": "human", "content": "And now?", "id": "m5"},
    ]
    fitted = SMALL.apply(SMALL.plan(messages * 2, recent=0))
    assert fitted.messages[0]["id"] == "m1"
    assert marked(fitted.messages[0]["content"]) == (fitted.steps[0].form, "m1")
    assert [m.get("tool_calls") for m in fitted.messages] == [m.get("tool_calls") for m in messages * 2]
