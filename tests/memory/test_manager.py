"""`LLMMemoryManager`: the example of the programs that have one runs, and the window is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from memoryops import LLMMemoryManager, MemoryOps
from memoryops.memory.errors import InvalidInput, Quarantined
from memoryops.stores.embedded.ending import stop_owner

EXAMPLE = """
from memoryops import LLMMemoryManager

# Initialize
manager = LLMMemoryManager(
    data_dir=data_dir,
    model_name="gpt-4o-mini",
    openai_api_key="sk-...",
    memory_approach="external_llm"
)

# Add large content (auto-compresses when needed)
frontend_id = manager.add_memory_item(
    content=huge_frontend_code,  # 50k tokens
    content_type="frontend",
    priority=8
)

backend_id = manager.add_memory_item(
    content=huge_backend_code,   # 40k tokens
    content_type="backend",
    priority=8
)

# Check memory state
state = manager.get_memory_state()
print(f"Context: {state['context_utilization_percentage']:.1f}% used")

# Semantic search
results = manager.search_memory_semantic(
    query="JWT authentication validation",
    limit=5
)

# Retrieve full content when needed
full_frontend = manager.retrieve_memory_item(frontend_id)

# Create tasks
task_id = manager.create_task(
    title="Fix auth bug",
    priority=9
)

# Export state for UI
state_json = manager.export_memory_state_json()
"""
"""Unchanged but for its import and its database."""


@pytest.fixture
def folder(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("MEMORYOPS_ENCODER", "hashing:64")
    yield data_dir
    stop_owner(data_dir)


def code(subject: str, functions: int) -> str:
    lines = [
        f"def {subject}_{n}(request):\n    '''Handles {subject} step {n} of the {subject} request.'''\n    return {n}\n"
        for n in range(functions)
    ]
    return "\n".join(lines)


def test_the_example_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frontend = code("render", 400)
    backend = f"{code('handle', 300)}\ndef validate_jwt(token):\n    '''JWT authentication: validation of a token.'''\n"
    names = {"data_dir": folder, "huge_frontend_code": frontend, "huge_backend_code": backend}
    exec(compile(EXAMPLE, "example", "exec"), names)  # noqa: S102 - the example above
    manager = names["manager"]
    assert isinstance(manager, LLMMemoryManager)
    with manager:
        assert capsys.readouterr().out.startswith("Context: ")
        assert names["full_frontend"] == frontend
        assert names["results"][0]["id"] == names["backend_id"]  # type: ignore[index]  # what the example made
        told = json.loads(str(names["state_json"]))
        assert told["state"]["tasks"] == {"open": 1}
        assert {record.get("content") for record in told["records"]} >= {frontend, backend}
        assert "sk-..." not in str(names["state_json"])


def test_a_full_window_compresses_the_lowest_priority_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORYOPS_WINDOW", "20000")
    with LLMMemoryManager(folder) as manager:
        texts = {priority: code(f"part{priority}", 100) for priority in (9, 2, 5)}
        ids = {priority: manager.add_memory_item(text, "code", priority) for priority, text in texts.items()}
        taken = manager.get_memory_state()["tokens"]
        assert taken < 0.75 * 20_000
        assert manager.get_memory_state()["tiers"]["compressed"]["items"] == 0
        monkeypatch.setenv("MEMORYOPS_WINDOW", str(int(taken * 1.2)))
        with LLMMemoryManager(folder) as smaller:
            ids[10] = smaller.add_memory_item("A short note", priority=10)
            state = smaller.get_memory_state()
            assert state["context_utilization_percentage"] <= 50
            tiers = {priority: smaller.ops.retrieve(id).tier for priority, id in ids.items()}
            assert tiers == {2: "compressed", 5: "compressed", 9: "full", 10: "full"}
            assert smaller.make_room() == 0
            for priority, text in texts.items():
                assert smaller.retrieve_memory_item(ids[priority]) == text
            assert len(smaller.retrieve_memory_item(ids[2], decompress=False)) < len(texts[2]) / 2
            assert "part9" in smaller.get_working_context("what does part9 do", 500)


def test_the_other_tools(folder: Path) -> None:
    with LLMMemoryManager(folder) as manager:
        thread = manager.quarantine_context("key: 1234-5678", "security_debug", "Contains API keys and tokens")
        (held,) = manager.ops.quarantine.list().entries
        assert manager.search_memory_semantic("1234-5678") == []
        with pytest.raises(Quarantined):
            manager.retrieve_memory_item(held.id)
        assert thread
        task = manager.create_task("Fix auth bug", 9)
        assert manager.update_task(task, status="done", result="fixed")["status"] == "done"
        assert [each["id"] for each in manager.get_tasks("done")] == [task]
        manager.create_agent("reviewer", ["review"])
        assert [each["name"] for each in manager.get_agents()] == ["reviewer"]
        question = manager.request_human_input("Deploy?", ["yes", "no"])
        assert manager.get_human_input(question)["status"] == "pending"
        assert manager.get_human_input(question, timeout=0.1)["answer"] is None
    with MemoryOps.open(folder) as ops:
        assert ops.tasks.get(task).result == "fixed"


def test_what_is_meant_for_another_database_is_told() -> None:
    with pytest.raises(InvalidInput, match=r"db_host, db_port: name a folder"):
        LLMMemoryManager(db_host="localhost", db_port=5432)
    with pytest.raises(InvalidInput, match="MEMORYOPS_COMPRESSORS"):
        LLMMemoryManager(memory_approach="slm")
