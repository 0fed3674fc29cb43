"""The command of docs/gateway.md, as it stands there, and its figures."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from memoryops.mcp_server.gateway.client import CONNECT_SECONDS
from memoryops.mcp_server.http.health import ALIVE, HOLDS, READY
from memoryops.memory.exchange import FLOOR
from memoryops.memory.settings import PROVIDERS, Settings

from ..http.conftest import Served

PAGE = (Path(__file__).parents[3] / "docs" / "gateway.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_the_curl_line_works(gateway: Served) -> None:
    (block,) = [part for part in PAGE.split("\n\n") if part.startswith("    curl ")]
    command = block.replace("http://127.0.0.1:8765", gateway.base)
    command = command.replace("~/.local/share/memoryops", str(gateway.folder))
    ran = subprocess.run(["sh", "-c", command], capture_output=True, check=True, timeout=60)
    assert json.loads(ran.stdout)["choices"][0]["message"]["content"] == "You said: Tell me a joke about cats."


def test_its_figures_are_those_of_the_code() -> None:
    settings = Settings()
    assert f"`MEMORYOPS_GATEWAY_BUDGET` tokens ({settings.gateway_budget:,})" in PAGE
    assert f"`MEMORYOPS_GATEWAY_PATIENCE` ({settings.gateway_patience:.0f} second)" in PAGE
    assert f"`MEMORYOPS_USAGE_DAYS` ({settings.usage_days:.0f})" in PAGE
    assert f"{CONNECT_SECONDS:.0f} seconds without a connection" in PAGE
    assert f"less than {FLOOR:.0%}".replace("%", " %") in PAGE
    assert f"at most every {HOLDS:.0f} seconds" in PAGE
    assert ", ".join(PROVIDERS) in PAGE
    for path in (*ALIVE, *READY):
        assert f"`{path}`" in PAGE
