"""The code of docs/langgraph.md runs as it stands, and says what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage

from memoryops.graphs import ScriptedChatModel
from memoryops.graphs.testing import call
from memoryops.memory.errors import Forbidden
from memoryops.stores.embedded.ending import stop_owner

PAGE = Path(__file__).parents[2] / "docs" / "langgraph.md"


def knows(messages: list[BaseMessage]) -> str:
    return "Marigold." if any("called Marigold" in each.text for each in messages) else "I do not know."


def calls_once(messages: list[BaseMessage]) -> str | AIMessage:
    return call("open_gate", berth=7) if messages[-1].type == "human" else messages[-1].text


def test_the_page_runs(data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(data_dir)
    names: dict[str, Any] = {"model": ScriptedChatModel(script=knows), "caller": ScriptedChatModel(script=calls_once)}
    try:
        for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
            exec(compile(block, str(PAGE), "exec", dont_inherit=True), names)  # noqa: S102 - our own page
        assert names["answer"]["messages"][-1].text == "Marigold."
        assert "in quarantine, ID" in capsys.readouterr().out
        ops, graph = names["ops"], names["approved"]
        assert ops.hil.get(names["request"]).status == "answered"
        assert graph.get_state(names["chat"]).values["messages"][-1].text == "The gate of berth 7 is open."
        assert names["done"]["task"]["status"] == "done"
        assert len(names["tools"]) == 7
        with pytest.raises(Forbidden):
            names["bound"].scope.narrowed(user="bob")
        ops.close()
    finally:
        stop_owner(data_dir / "memory")
