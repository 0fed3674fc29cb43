import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from memoryops.mcp_server import demo, demo_documents
from memoryops.mcp_server.cli.main import main
from memoryops.memory.service import MemoryOps

COMMAND = [sys.executable, "-P", "-m", "memoryops.mcp_server.cli.main", "demo"]


def test_the_demo_does_the_main_job_and_leaves_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "MEMORYOPS_DATA_DIR": "/nowhere/at/all"}
    child = subprocess.run(COMMAND, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert child.returncode == 0, child.stdout + child.stderr
    assert child.stderr == ""
    assert "✗" not in child.stdout
    for said in (*demo_documents.QUESTIONS, "byte", "exactly one has it", "may not answer itself", "mcpServers"):
        assert said in child.stdout, said
    assert list(tmp_path.iterdir()) == []


def test_a_document_that_is_not_found_fails_the_demo(
    converse: Callable[..., Any], ops: MemoryOps, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = {ops.add("the ferry leaves at six").id: "right.md", ops.add("tickets cost money").id: "wrong.md"}

    async def search(client: Client) -> bool:
        show = demo.Show()
        await demo.search(show, client, ids, {"when does the ferry leave": "wrong.md"})
        return show.good

    assert not converse(search)
    printed = capsys.readouterr().out
    assert "✗ when does the ferry leave (expected wrong.md)" in printed
    assert "right.md" in printed


def test_a_folder_that_is_named_is_kept(tmp_path: Path) -> None:
    with demo.data_folder(str(tmp_path)) as folder:
        assert folder == tmp_path
    assert tmp_path.exists()
    with demo.data_folder(None) as folder:
        (folder / "file").touch()
    assert not folder.exists()


def test_other_documents_are_asked_for_by_their_first_lines(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("\n# Fähren\n\nText.", encoding="utf-8")
    (tmp_path / "b.jsonl").write_text('{"speaker": "Ops", "content": "Hello there."}\n', encoding="utf-8")
    documents = demo_documents.load(tmp_path)
    assert demo_documents.questions(documents) == {"# Fähren": "a.md", "Hello there.": "b.jsonl"}
    (turn,) = documents[1].entries
    assert (turn["kind"], turn["thread"], turn["speaker"]) == ("message", "b", "Ops")


def test_without_documents_it_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--documents", str(tmp_path / "none")]) == 1
    assert "name a folder of text files with --documents" in capsys.readouterr().err


def test_a_folder_with_memories_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "documents.sqlite").touch()
    assert main(["demo", "--data-dir", str(tmp_path)]) == 1
    assert "holds a memory already" in capsys.readouterr().err
