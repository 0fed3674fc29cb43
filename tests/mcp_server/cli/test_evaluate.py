"""`memoryops eval` on a real data folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Cli = Callable[..., Any]


def test_a_memory_is_measured_with_its_encoder_and_with_another(cli: Cli, tmp_path: Path) -> None:
    for text in ("The ferry to Kos leaves at nine.", "Mira prefers green tea.", "Backups are kept for ninety days."):
        cli("add", text)
    questions = tmp_path / "questions.jsonl"
    questions.write_text(json.dumps({"question": "when does the ferry leave", "contains": "at nine"}) + "\n")
    ran = cli("eval", str(questions), "--encoder", "hashing:64")
    assert ran.status == 0
    assert "MemoryOps" in ran.out
    assert "keywords alone" in ran.out
    assert "hashing" in ran.out
    first, second = cli("--json", "eval", "--encoder", "hashing:64").json
    assert (first["questions"], first["memories"]) == (3, 3)
    assert first["encoder"] != second["encoder"]
    assert first["quality"][0]["found_at"]["1"] == 1.0
    assert cli("--json", "state").json["items"] == 3


def test_what_cannot_be_measured_is_explained(cli: Cli, tmp_path: Path) -> None:
    assert "nothing is stored in this scope yet" in cli("eval").err
    assert "cannot read" in cli("eval", str(tmp_path / "nowhere")).err
    assert "give 1 to 1000" in cli("eval", "--sample", "0").err
