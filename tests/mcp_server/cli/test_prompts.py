"""`memoryops context` and `memoryops compress`."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]

LOG = "".join(f"step {n}: all is well\n" for n in range(300)) + "step 300: the disk of kos is full\n"


def test_a_context_is_printed_for_a_prompt_and_its_figures_beside_it(cli: Cli) -> None:
    cli("add", "The ferry to Kos leaves at nine.")
    cli("tasks", "create", "Book the ferry")
    ran = cli("context", "when", "does", "the", "ferry", "leave", "--budget", "500")
    assert ran.status == 0
    assert "leaves at nine" in ran.out
    assert "Book the ferry" in ran.out
    assert "of 500 tokens" in ran.err
    assert "Book the ferry" not in cli("context", "ferry", "--no-tasks").out
    told = cli("--json", "context", "ferry", "--budget", "400").json
    assert told["tokens"] <= 400
    assert {section["name"] for section in told["sections"]} >= {"memories"}


def test_a_file_is_compressed_and_its_original_kept(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.write_text(LOG, encoding="utf-8")
    ran = cli("compress", str(path), "--query", "which disk is full", "--budget", "40")
    assert "the disk of kos is full" in ran.out
    assert "by qr_head" in ran.err
    id = ran.err.split("memoryops show ")[1].strip()
    assert cli("show", id).out == LOG
    again = cli("--json", "compress", "--ids", id, "--query", "which disk is full", "--budget", "60").json
    assert again["tokens_after"] <= 60 < again["tokens_before"]


def test_standard_input_is_compressed_without_being_kept(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(LOG.encode()), encoding="utf-8"))
    told = cli("--json", "compress", "--query", "disk", "--budget", "40", "--no-keep").json
    assert told["items"][0]["id"] is None
    assert cli("--json", "state").json["items"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compress", "a.log", "--ids", "x"), "either a file or --ids"),
        (("compress", "no/such.log"), "no/such.log"),
        (("compress", "--ids", "nobody"), "there is no memory 'nobody'"),
        (("context", "x", "--budget", "0"), "budget"),
        (("context", " "), "purpose is empty"),
    ],
)
def test_a_wrong_call_is_explained(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    ran = cli(*arguments)
    assert ran.status == 1
    assert said in ran.err


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is nothing here that never ends")
@pytest.mark.parametrize("command", [["add", "--file", "/dev/zero"], ["compress", "/dev/zero"]])
def test_a_source_without_end_is_refused_once_it_is_too_long(cli: Cli, command: list[str]) -> None:
    ran = cli(*command)
    assert (ran.status, "/dev/zero has more than 10485760 bytes" in ran.err) == (1, True)


def test_standard_input_that_is_too_long_is_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a" * (10 * 1024 * 1024 + 1))))
    ran = cli("compress")
    assert (ran.status, "standard input has more than 10485760 bytes" in ran.err) == (1, True)
