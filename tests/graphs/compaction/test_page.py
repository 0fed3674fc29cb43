"""The code of docs/langgraph-compaction.md runs as it stands, and says what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from memoryops.stores.embedded.ending import stop_owner
from tests.graphs.compaction.agents import chat_of, look, model

PAGE = Path(__file__).parents[3] / "docs" / "langgraph-compaction.md"


class Shown(TypedDict):
    llm_input_messages: list[AnyMessage]


def test_the_page_runs(data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(data_dir)
    chat, other = model(profile={"max_input_tokens": 4000}), model()

    def answer(state: Shown) -> dict[str, Any]:
        return {"messages": [other.invoke(state["llm_input_messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("model", answer)
    builder.add_edge(START, "compress")
    names: dict[str, Any] = {
        "model": chat,
        "tools": [look],
        "checkpointer": InMemorySaver(),
        "builder": builder,
        "inputs": {"messages": [*chat_of(10, 200), HumanMessage("What is nothing special?", id="q")]},
        "config": {"configurable": {"thread_id": "2"}},
    }
    try:
        for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
            exec(compile(block, str(PAGE), "exec", dont_inherit=True), names)  # noqa: S102 - our own page
        out = capsys.readouterr().out
        assert "'type': 'memoryops.compaction'" in out
        assert "'compressor': 'qr_head'" in out
        found = builder.compile().invoke({"messages": [HumanMessage("Hello.", id="q")]})
        assert [message.id for message in other.seen[-1]] == ["q"]
        assert [message.text for message in names["latest"].values["messages"]][-1] == "That is answered: q."
        assert found["messages"][-1].text == "That is answered: q."
        for number in range(3):
            said = names["chat"].invoke(HumanMessage("Hello.", id=f"f{number}"), {"configurable": {"thread_id": "3"}})
        assert (said.text, len(chat.seen[-1])) == ("That is answered: f2.", 5)
        names["ops"].close()
    finally:
        stop_owner(data_dir / "memory")


def test_the_event_has_the_fields_that_the_page_names() -> None:
    from memoryops.memory.compaction import Report

    named = set(re.findall(r'"(\w+)":', PAGE.read_text(encoding="utf-8").split("# {")[1].split("}")[0]))
    assert named == {"type", *Report.__dataclass_fields__}
