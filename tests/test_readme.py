"""The README's Python runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from memoryops import MemoryOps, Scope
from memoryops.graphs import ScriptedChatModel
from memoryops.memory.settings import default_folder
from memoryops.stores.embedded.ending import stop_owner

README = Path(__file__).parents[1] / "README.md"


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_the_first_example_finds_what_it_adds(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        exec(compile(blocks()[0], str(README), "exec"), {})  # noqa: S102 - our own README
    finally:
        stop_owner(default_folder())
    found, retrieved = capsys.readouterr().out.splitlines()
    assert found.startswith("The staging certificate expires on 3 May.")
    assert retrieved == "The staging certificate expires on 3 May."


def test_the_operations_do_what_is_said(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data_dir)
    try:
        with MemoryOps.open(data_dir / "memory") as ops:
            id = ops.add("something to change and forget").id
            names: dict[str, Any] = {"ops": ops, "Scope": Scope, "text": "some text", "id": id}
            names["log"] = "step one\nfailed: no disk\n"
            exec(compile(blocks()[1], str(README), "exec"), names)  # noqa: S102 - our own README
            names["messages"] = [{"role": "user", "content": f"{n} " * 4000} for n in range(30)]
            names["tools"] = [{"type": "function", "function": {"name": "look"}}]
            exec(compile(blocks()[2], str(README), "exec"), names)  # noqa: S102 - our own README
            names["model"] = ScriptedChatModel(script=["On Friday."])
            exec(compile(blocks()[3], str(README), "exec"), names)  # noqa: S102 - our own README
            assert len(names["model"].seen) == 1
            assert names["fitted"].utilization_after <= 50 < 75 < names["fitted"].utilization_before
            assert ops.retrieve(names["fitted"].replaced[0].id).content
            assert ops.hil.get(names["question"].id).answer == "no"
            assert ops.tasks.get(names["task"].id).status == "done"
            assert len(ops.quarantine.list().entries) == 1
            assert ops.state().agents == 1
    finally:
        stop_owner(data_dir / "memory")
