"""`memoryops heads detect`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from memoryops.compressors.qr_head.decoder import head_lists
from memoryops.mcp_server.cli.main import main

from ...compressors.qr_head.decoder.models import model, tokenizer

ROWS = (
    {"query": "red?", "documents": ["It is red.", "It is blue."], "gold": [0]},
    {"query": "blue?", "units": ["It is red.", "It is blue.", "It is old."], "evidence": [[1]]},
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(map(json.dumps, ROWS)))
    return file


def test_help_and_bad_arguments_need_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from memoryops.mcp_server.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )

    def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, "heads", "detect", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    shown = ran("--help")
    assert shown.returncode == 0
    assert "--method {mean,ndcg}" in shown.stdout
    needed = ("--model", "m", "--data", "none.jsonl", "--out", "o.json")
    missing = ran(*needed)
    assert missing.returncode == 1
    assert "none.jsonl cannot be read" in missing.stderr
    assert "--top is 0" in ran(*needed, "--top", "0").stderr
    (tmp_path / "none.jsonl").write_text(json.dumps(ROWS[0]))
    refused = ran(*needed)
    assert refused.returncode == 1
    assert "pip install 'memoryops[qrhead]'" in refused.stderr
    assert not (tmp_path / "o.json").exists()


@pytest.mark.extra
@pytest.mark.parametrize("method", ["mean", "ndcg"])
def test_a_list_is_written(method: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model("llama").save_pretrained(tmp_path / "model")
    tokenizer().save_pretrained(tmp_path / "model")
    out = tmp_path / "heads.json"
    arguments = ["--model", str(tmp_path / "model"), "--data", str(data), "--out", str(out), "--device", "cpu"]
    capsys.readouterr()
    assert main(["heads", "detect", *arguments, "--method", method, "--top", "5"]) == 0
    written = head_lists.read(out)
    assert len(written.heads) == len(written.scores) == 5
    assert (written.method, written.data) == (method, "2 questions of questions.jsonl")
    assert written.scores == tuple(sorted(written.scores, reverse=True))
    shown = capsys.readouterr().out.splitlines()
    assert shown[1].split()[0] == "{}-{}".format(*written.heads[0])
    assert shown[-1] == f"written to {out}"


@pytest.mark.extra
def test_a_model_that_is_not_there_is_told(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", str(tmp_path / "none"), "--data", str(data), "--out", str(tmp_path / "o.json")]
    assert main(["heads", "detect", *arguments]) == 1
    assert "cannot be loaded from this machine" in capsys.readouterr().err
