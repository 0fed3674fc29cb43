"""The command line as a process: how fast it starts, and how it behaves towards pipes and terminals."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps

COMMAND = [sys.executable, "-P", "-m", "memoryops.mcp_server.cli.main"]
HEAVY = {"anyio", "mcp", "msgpack", "numpy", "onnxruntime", "pydantic", "qdrant_edge", "rich", "sqlite3", "tokenizers"}


def test_help_imports_nothing_heavy() -> None:
    child = subprocess.run([COMMAND[0], "-X", "importtime", *COMMAND[1:], "--help"], capture_output=True, check=True)
    lines = child.stderr.decode().splitlines()
    assert HEAVY.isdisjoint(line.rpartition("|")[2].strip().partition(".")[0] for line in lines)


def test_help_is_instant() -> None:
    def seconds(*arguments: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - started

    took = min(seconds(*COMMAND[1:], "--help") for _ in range(5))
    bare = min(seconds("-c", "import argparse, dataclasses, json, typing") for _ in range(5))
    assert took - bare < 0.2


@pytest.mark.skipif(os.name != "posix", reason="pipes break otherwise there")
def test_a_reader_that_stops_early_is_no_error(shared_folder: Path) -> None:
    with MemoryOps.open(shared_folder, scope=Scope(workspace="pipe")) as ops:
        id = ops.add("a long line of text\n" * 100_000).id
    arguments = ["--data-dir", str(shared_folder), "--workspace", "pipe", "show", id]
    with subprocess.Popen([*COMMAND, *arguments], stdout=-1, stderr=-1) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.read(10)
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 141


def test_any_text_can_be_printed_in_any_encoding_without_colour(shared_folder: Path) -> None:
    with MemoryOps.open(shared_folder, scope=Scope(workspace="ascii")) as ops:
        ops.add("渡し船 leaves")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "TERM": "xterm-256color"}
    arguments = ["--data-dir", str(shared_folder), "--workspace", "ascii"]
    for command in (["search", "leaves"], ["--json", "search", "leaves"], ["state"]):
        child = subprocess.run([*COMMAND, *arguments, *command], env=environment, capture_output=True, check=True)
        assert b"\x1b" not in child.stdout
        assert child.stdout.isascii()
        assert child.stderr == b""


def test_a_warning_is_one_line_for_the_user(shared_folder: Path) -> None:
    environment = {**os.environ, "MEMORYOPS_MODEL": "acme-1"}
    arguments = [*COMMAND, "state", "--data-dir", str(shared_folder)]
    child = subprocess.run(arguments, env=environment, capture_output=True, check=True, text=True)
    assert child.stderr.startswith("memoryops: the model 'acme-1' is in no table")
    assert child.stderr.count("\n") == 1
