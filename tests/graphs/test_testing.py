"""The scripted model behaves towards LangChain as a real one does."""

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool

from memoryops.graphs import ScriptedChatModel
from memoryops.graphs.testing import WindowExceeded, call


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"sun in {city}"


def test_lines_in_order_and_then_an_error() -> None:
    model = ScriptedChatModel(script=["one", "two"])
    assert [model.invoke("a").content, model.invoke("b").content] == ["one", "two"]
    with pytest.raises(IndexError, match="2 lines"):
        model.invoke("c")
    assert [seen[0].content for seen in model.seen] == ["a", "b", "c"]
    assert "content='b'" not in repr(model)  # which LangChain makes with each call


def test_a_function_answers_what_it_is_sent() -> None:
    model = ScriptedChatModel(script=lambda messages: f"{len(messages)} messages")
    assert model.invoke([HumanMessage("a"), AIMessage("b"), HumanMessage("c")]).content == "3 messages"


def test_bound_tools_share_script_and_record_and_count() -> None:
    model = ScriptedChatModel(script=[call("weather", city="Oslo"), "sunny"])
    bound = model.bind_tools([weather])
    answer = bound.invoke("How is Oslo?")
    assert [(each["name"], each["args"]) for each in answer.tool_calls] == [("weather", {"city": "Oslo"})]
    assert model.invoke("And now?").content == "sunny"
    assert len(model.seen) == 2


def test_streamed_words_add_up_with_calls() -> None:
    spoken = AIMessage("let me see", tool_calls=call("weather", city="Oslo").tool_calls)
    chunks = list(ScriptedChatModel(script=[spoken]).stream("How is Oslo?"))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.content == "let me see"
    assert len(chunks) >= 3
    assert whole.tool_calls == spoken.tool_calls


def test_above_the_window_it_refuses() -> None:
    model = ScriptedChatModel(script=["fine"], max_tokens=50)
    with pytest.raises(WindowExceeded, match="50"):
        model.invoke("word " * 200)
    assert model.invoke("short").content == "fine"
