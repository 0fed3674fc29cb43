"""The examples for other languages, where their tools are."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ..mcp_server.http.conftest import Served

EXAMPLES = Path(__file__).parents[2] / "examples"
SAID = {
    "http_client.mjs": ["once: true", "found: The lighthouse is painted in May.", "for a prompt: true", "not_found"],
    "http_client.go": ["once: true", "found: The red buoy is off its place", "refused: there is no memory 'nobody'"],
}
RUN = {".mjs": ["node"], ".go": ["go", "run"]}


# go compiles its standard library first, which takes longer than all other tests of the client
@pytest.mark.parametrize("name", ["http_client.mjs", pytest.param("http_client.go", marks=pytest.mark.extra)])
def test_example(service: Served, tmp_path: Path, name: str) -> None:
    program, *arguments = RUN[Path(name).suffix]
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not here")
    settings = {"MEMORYOPS_URL": service.base, "MEMORYOPS_API_KEY": service.token}
    ran = subprocess.run(
        [found, *arguments, str(EXAMPLES / name)],
        env={**os.environ, **settings, "GOCACHE": str(tmp_path), "GOFLAGS": "-mod=mod"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    for each in SAID[name]:
        assert each in ran.stdout
