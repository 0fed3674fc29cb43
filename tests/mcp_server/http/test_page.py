"""The command of docs/http.md, as it stands there."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "http.md").read_text(encoding="utf-8")
Served = Any


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_the_curl_line_works(served: Served) -> None:
    (block,) = [part for part in PAGE.split("\n\n") if part.startswith("    curl ")]
    command = block.replace("http://127.0.0.1:8765", served.base)
    command = command.replace("~/.local/share/memoryops", str(served.folder))
    ran = subprocess.run(["sh", "-c", command], capture_output=True, check=True, timeout=60)
    assert json.loads(ran.stdout)["result"]["structuredContent"]["hits"] == []


def test_its_figures_are_those_of_the_code() -> None:
    from memoryops.mcp_server.http.access import BODY_LIMIT, BODY_PATIENCE
    from memoryops.mcp_server.http.serve import GRACE
    from memoryops.memory.settings import Settings

    assert f"a body over {BODY_LIMIT >> 20} MiB" in PAGE
    assert f"client_max_body_size {BODY_LIMIT >> 20}m" in PAGE
    assert f"{BODY_PATIENCE:.0f} seconds without a byte" in PAGE
    assert f"calls in flight have {GRACE:.0f} seconds" in PAGE
    assert f"http://{Settings().http_host}:{Settings().http_port}`" in PAGE
