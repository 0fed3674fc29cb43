"""The examples run as they stand."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memoryops.stores.embedded.ending import stop_owner
from tests.compressors.chat_server import running, saying

EXAMPLES = Path(__file__).parents[1] / "examples"

SAID = {
    "quickstart.py": ["We chose SQLite", "task: done", "a person says: no", "1 document and 1 message"],
    "mcp_client.py": ["tools: memory_add", "added: added, added", "found: The signing key", "read: 47 characters"],
    "approval.py": ['paused: open_gate({"berth": 7})', "berth 7 is open", "declined elsewhere: A person rejected"],
    "around_openai.py": [
        "I live in Austin, Texas now.\n</memory>",
        "took no part: recall, unreachable",
        "is gone?\n\n",
    ],
    "http_client.py": ["once: True", "found: The ferry", "on all pages: True", "not_found 404", "got it: 1 of 10"],
    "memory_manager.py": ["change DNS records", "every text whole: True", "compressed: {'items': "],
    "long_chat.py": ["answer: Ingrid has it.", "10 windows", "first message, as it was said: Ingrid has the key"],
    "shared_tasks.py": ["graph did 'Renew the mooring of berth 7'", "graph did 'Count the buoys'", "sees: graph"],
    "time_travel.py": ["back then: I see 3 days", "each as it was said"],
    "two_agents.py": ["done by: agent-", "lacks the right to change DNS records"],
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One data folder, in which each example has its own workspace."""
    path = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))
    yield path
    stop_owner(path)
    shutil.rmtree(path, ignore_errors=True)


def test_every_example_is_run_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SAID)


@pytest.mark.parametrize("name", SAID)
def test_example(name: str, folder: Path) -> None:
    said = run(name, folder)
    for each in SAID[name]:
        assert each in said


def test_an_example_with_a_model_behind_an_endpoint(folder: Path) -> None:
    with running() as server:
        server.script = lambda body: saying(f"{body['model']} took care of it")
        settings = {"MEMORYOPS_LLM_BASE_URL": server.url, "MEMORYOPS_LLM_MODEL": "small"}
        said = run("shared_tasks.py", folder, MEMORYOPS_WORKSPACE="with a model", **settings)
    assert said.count("small took care of it") == 3


@pytest.mark.parametrize("name", ["long_chat.py", "time_travel.py"])
def test_what_was_said_first_reaches_a_model_behind_an_endpoint(name: str, folder: Path) -> None:
    def answers(body: dict[str, Any]) -> tuple[int, object]:
        return saying("Ingrid has it." if "Ingrid" in str(body["messages"]) else "Noted.")

    with running() as server:
        server.script = answers
        settings = {"MEMORYOPS_LLM_BASE_URL": server.url, "MEMORYOPS_LLM_MODEL": "small"}
        said = run(name, folder, MEMORYOPS_WORKSPACE=f"{name} with a model", **settings)
    assert {"long_chat.py": "answer: Ingrid has it.", "time_travel.py": "back then: Noted."}[name] in said
    assert SAID[name][-1] in said


def test_an_approval_of_what_a_model_behind_an_endpoint_calls(folder: Path) -> None:
    def answers(body: dict[str, Any]) -> tuple[int, object]:
        said: Any = saying(body["messages"][-1]["content"])[1]
        if body["messages"][-1]["role"] == "user":
            (schema,) = body["tools"]
            call = {"name": schema["function"]["name"], "arguments": '{"berth": 7}'}
            said["choices"][0]["message"]["tool_calls"] = [{"id": "1", "type": "function", "function": call}]
        return 200, said

    with running() as server:
        server.script = answers
        said = run("approval.py", folder, MEMORYOPS_WORKSPACE="approval by a model", MEMORYOPS_LLM_BASE_URL=server.url)
    for each in SAID["approval.py"]:
        assert each in said


def run(name: str, folder: Path, **settings: str) -> str:
    """What the example *name* prints."""
    environment = {**os.environ, "MEMORYOPS_DATA_DIR": str(folder), "MEMORYOPS_WORKSPACE": name, **settings}
    child = subprocess.run(
        [sys.executable, "-P", str(EXAMPLES / name)],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return child.stdout
