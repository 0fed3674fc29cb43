"""The examples run as they stand."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from memoryops.stores.embedded.client import stop_owner

EXAMPLES = Path(__file__).parents[1] / "examples"

SAID = {
    "quickstart.py": ["We chose SQLite", "task: done", "a person says: no", "1 document and 1 message"],
    "mcp_client.py": ["tools: memory_add", "added: added, added", "found: The signing key", "read: 47 characters"],
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
    environment = {**os.environ, "MEMORYOPS_DATA_DIR": str(folder), "MEMORYOPS_WORKSPACE": name}
    child = subprocess.run(
        [sys.executable, "-P", str(EXAMPLES / name)],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert child.returncode == 0, child.stderr
    for said in SAID[name]:
        assert said in child.stdout
