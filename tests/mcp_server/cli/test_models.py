"""`memoryops models`."""

from __future__ import annotations

import json

import pytest

from memoryops.mcp_server.cli.main import main


def test_the_forms_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--json"]) == 0
    assert "minilm" in json.loads(capsys.readouterr().out)


def test_the_shipped_encoder_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pull", "minilm", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dimension"] == 384


@pytest.mark.parametrize("spec", ["nonsense", "fastembed:nobody/knows-this"])
def test_an_unknown_encoder_is_refused(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pull", spec]) == 1
    assert spec.removeprefix("fastembed:") in capsys.readouterr().err
