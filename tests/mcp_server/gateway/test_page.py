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
from .upstream import Upstream

PAGE = (Path(__file__).parents[3] / "docs" / "gateway.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_the_curl_line_works(gateway: Served) -> None:
    (block,) = [part for part in PAGE.split("\n\n") if part.startswith("    curl ")]
    command = block.replace("http://127.0.0.1:8765", gateway.base)
    command = command.replace("~/.local/share/memoryops", str(gateway.folder))
    ran = subprocess.run(["sh", "-c", command], capture_output=True, check=True, timeout=60)
    assert json.loads(ran.stdout)["choices"][0]["message"]["content"] == "You said: Tell me a joke about cats."


SEEDS = [
    """curl -s http://localhost:8000/v1/chat/completions \\
  -H "X-API-Key: YOUR_API_KEY" \\
  -H "Authorization: Bearer YOUR_OPENAI_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "model": "gpt-3.5-turbo",
    "messages": [{"role": "user", "content": "Tell me a joke about cats."}]
  }'""",
    """curl -H "X-API-Key: YOUR_API_KEY" -X POST http://localhost:8000/v1/chat/completions \
  -H "Content-Type: application/json" -d '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}'""",
    """curl -H "Authorization: Bearer YOUR_API_KEY" http://localhost:8000/v1/models""",
    """curl http://localhost:8000/v1/admin/health""",
]
"""As services like this one document their calls."""


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
@pytest.mark.parametrize("line", SEEDS)
def test_curl_lines_of_services_like_this_work(gateway: Served, upstream: Upstream, line: str) -> None:
    if "/models" in line:
        upstream.script = lambda seen: {"object": "list", "data": []}
    command = line.replace("http://localhost:8000", gateway.base).replace("YOUR_API_KEY", gateway.token)
    ran = subprocess.run(["sh", "-c", command], capture_output=True, check=True, timeout=60)
    assert {"choices", "data", "status"} & json.loads(ran.stdout).keys()
    if "YOUR_OPENAI_KEY" in line:
        assert upstream.seen[-1].headers["authorization"] == "Bearer YOUR_OPENAI_KEY"


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
