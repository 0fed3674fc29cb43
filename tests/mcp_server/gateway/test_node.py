"""OpenAI's own client for Node against the gateway. It is taken from NODE_PATH: `npm install --prefix FOLDER openai`,
and NODE_PATH=FOLDER/node_modules."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ..http.conftest import Served
from .upstream import Seen, Upstream

SCRIPT = Path(__file__).with_name("openai_client.cjs")
NODE = shutil.which("node")


def run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, **env}
    return subprocess.run(command, check=False, env=given, capture_output=True, text=True, timeout=60)


def test_openais_client_for_node_works_as_with_its_own_endpoint(gateway: Served, upstream: Upstream) -> None:
    if NODE is None or run(NODE, "-e", "require('openai')").returncode:
        pytest.skip("Node or its package openai is not here; CI installs both")

    def script(seen: Seen) -> Any:
        return upstream.endless() if seen.texts[-1] == "endless" else Upstream.obedient(seen)

    upstream.script = script
    done = run(NODE, str(SCRIPT), BASE=f"{gateway.base}/v1", KEY=gateway.token)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
    assert upstream.left.wait(5)  # who stops reading ends the upstream's work
