"""What docs/sdk.md and the README show runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from memoryops.client import MemoryOpsClient
from memoryops.client.around import Policy
from memoryops.client.retries import Retries
from memoryops.stores.embedded.ending import stop_owner

from ..mcp_server.gateway.upstream import Upstream
from ..mcp_server.http.conftest import Served

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sdk.md").read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def environment(service: Served, scripted: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user has: a service that is found, and a language model."""
    monkeypatch.setenv("MEMORYOPS_URL", service.base)
    monkeypatch.setenv("MEMORYOPS_API_KEY", service.token)
    monkeypatch.setenv("OPENAI_BASE_URL", scripted.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")


def run(code: str, **names: Any) -> dict[str, Any]:
    exec(compile(code, "page", "exec"), names)  # noqa: S102 - our own pages
    for name in ("client", "memory"):
        if name in names:
            names[name].close()
    return names


@pytest.mark.usefixtures("environment")
def test_the_readme_runs(client: MemoryOpsClient, capsys: pytest.CaptureFixture[str]) -> None:
    client.add("We ship on Friday.")
    (code,) = [each for each in blocks((ROOT / "README.md").read_text(encoding="utf-8")) if "MemoryOpsClient" in each]
    run(code)
    assert capsys.readouterr().out


@pytest.mark.usefixtures("environment")
def test_the_page_runs(
    client: MemoryOpsClient, scripted: Upstream, data_dir: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    first, listing, around, manager = blocks(PAGE)
    run(first)
    assert "We chose SQLite for the documents." in capsys.readouterr().out
    client.tasks.create("Read the page", priority=10)
    run(listing, MemoryOpsClient=MemoryOpsClient)  # as the block before it imports it
    assert "10 Read the page" in capsys.readouterr().out
    run(around)
    assert scripted.seen[-1].json["user"] == "user-123"
    assert scripted.seen[-1].texts[-1].endswith("Where do I live?")
    monkeypatch.chdir(data_dir)
    names = run(manager, frontend_code="def login(): ...")
    names["manager"].close()
    stop_owner(data_dir / "memories")
    assert names["full_frontend"] == "def login(): ..."


def test_its_figures_are_those_of_the_code() -> None:
    policy, retries = Policy(), Retries()
    for figure in (
        f"`budget_tokens` ({policy.budget_tokens:,})",
        f"`memories` ({policy.memories})",
        f"`patience` ({policy.patience:g})",
        f"up to {retries.longest_wait:g} seconds",
    ):
        assert figure in PAGE, figure
    assert retries.most == 2
    assert "twice at most" in PAGE
