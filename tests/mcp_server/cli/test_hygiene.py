"""`memoryops hygiene`, `memoryops archive`, and the forms of `memoryops show`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Cli = Callable[..., Any]

LONG = " ".join(f"Sentence number {n} tells of the ferry to Kos and ends." for n in range(60))


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is due: settings count days, and fractions of them."""
    monkeypatch.setenv("MEMORYOPS_COMPRESS_DAYS", "0.0000001")
    monkeypatch.setenv("MEMORYOPS_ARCHIVE_DAYS", "0.0000001")


@pytest.mark.usefixtures("at_once")
def test_what_is_due_is_archived_listed_found_and_restored(cli: Cli) -> None:
    id = cli("--json", "add", LONG).json[0]["id"]
    assert "1 would be archived" in cli("hygiene", "--dry-run").out
    assert "Nothing is archived" in cli("archive", "list").out
    assert "0 compressed, 1 archived, 0 full again" in cli("hygiene").out
    assert "archived 1 (" in cli("state").out
    assert cli("search", "ferry").out.strip() == "Nothing found."
    assert id in cli("archive", "list").out
    assert id in cli("archive", "list", "ferry").out
    assert "Nothing archived has these words" in cli("archive", "list", "giraffe").out
    assert cli("--json", "archive", "list").json["entries"][0]["id"] == id
    assert "1 full again" in cli("archive", "restore", id).out
    assert id in cli("search", "ferry").out


def test_a_memory_is_shown_in_each_form(cli: Cli) -> None:
    id = cli("--json", "add", LONG).json[0]["id"]
    assert cli("show", id).out == LONG
    assert 0 < len(cli("show", id, "--form", "compressed").out) < len(LONG) / 3
    assert cli("show", id, "--form", "hint").out.endswith(f"(ID: {id})")


def test_nothing_is_due_at_first(cli: Cli) -> None:
    cli("add", LONG)
    assert cli("--json", "hygiene").json["compressed"] == []


def test_the_model_of_the_setting_gives_window_and_prices(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORYOPS_MODEL", "openai/gpt-4o")
    cli("add", LONG)
    told = cli("--json", "state").json
    assert (told["model"], told["window"]) == ("gpt-4o", 128_000)
    assert told["cost_usd"] == pytest.approx(told["context_tokens"] * 0.0025 / 1000, abs=1e-6)
    monkeypatch.setenv("MEMORYOPS_WINDOW", "5000")
    assert cli("--json", "state").json["window"] == 5000
    monkeypatch.setenv("MEMORYOPS_MODELS_FILE", "/no/such/file.json")
    ran = cli("state")
    assert ran.status == 1
    assert "MEMORYOPS_MODELS_FILE" in ran.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("hygiene", "--limit", "0"), "limit is 0"),
        (("archive", "restore", "nobody"), "there is no memory 'nobody'"),
        (("archive", "list", "--limit", "0"), "limit is 0"),
    ],
)
def test_a_wrong_call_is_explained(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    ran = cli(*arguments)
    assert ran.status == 1
    assert said in ran.err
