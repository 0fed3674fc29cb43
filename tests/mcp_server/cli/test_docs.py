import pytest

from memoryops.mcp_server.cli import docs
from memoryops.mcp_server.cli.commands import build_parser


def test_the_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs.main(["--check"]) == 0, capsys.readouterr().err


def test_the_page_has_every_command_with_an_example() -> None:
    page = docs.page()
    for name, command in docs._commands(build_parser()):
        groups = list(docs._commands(command))
        for heading in [f"### memoryops {name} {each}" for each, _ in groups] or [f"## memoryops {name}"]:
            about = page.partition(heading + "\n")[2].partition("\n## ")[0].partition("\n### ")[0]
            assert "\n    " in about, heading
