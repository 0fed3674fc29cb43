"""What `langgraph.json` names is there, and the model is the one that is configured."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel

from memoryops.graphs import ScriptedChatModel, chat_model, served
from memoryops.memory.settings import Settings
from tests.compressors.chat_server import running, saying

ROOT = Path(__file__).parents[3]


def test_langgraph_json_names_what_is_there(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORYOPS_DATA_DIR", str(data_dir))
    monkeypatch.setenv("MEMORYOPS_IN_PROCESS", "true")
    named = json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))
    module, name = named["graphs"]["memory_agent"].split(":")
    agent: Any = asyncio.run(getattr(import_module(module), name)())
    out = agent.invoke({"messages": [("user", "Is anybody there?")]})
    assert "recalled 0 memories" in out["messages"][-1].text
    home, saver = named["checkpointer"]["path"].rsplit(".", 1)  # a name of the module itself: the server looks there

    async def opened() -> str:
        async with import_module(home).__dict__[saver]() as made:
            return type(made).__name__

    served._memory().close()
    served._agent.cache_clear()
    served._memory.cache_clear()
    assert asyncio.run(opened()) == "QdrantSaver"


def test_a_model_behind_an_endpoint() -> None:
    def answers(messages: list[Any]) -> str:
        return "by the script"

    with running() as server:
        server.script = lambda body: saying(f"{body['model']} read {body['messages'][-1]['content']!r}")
        model: BaseChatModel = chat_model(answers, settings=Settings(llm_base_url=server.url, llm_model="small"))
        assert model.invoke("hello").text == "small read 'hello'"
        assert server.headers[0]["authorization"] == "Bearer none"
    scripted = chat_model(answers, max_tokens=50, settings=Settings())
    assert isinstance(scripted, ScriptedChatModel)
    assert scripted.invoke("hello").text == "by the script"
