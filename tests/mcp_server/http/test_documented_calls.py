"""Every call that documents of services like this one show, against a real server: their curl lines, and their
`METHOD /path` lines with JSON below, unchanged but for host, keys and ids. `MEMORYOPS_TEST_SEEDS` names the folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from memoryops.stores.embedded.ending import stop_owner

from ..gateway.upstream import Seen, Upstream, running
from .conftest import Served, serving

FOLDER = os.environ.get("MEMORYOPS_TEST_SEEDS", "")
KEYS = ("YOUR_API_KEY", "your-api-key", "your-key", "cmg_your_api_key_here")
LATER = ("/v1/workers/", "/v1/admin/retention/", "/admin")
"""What is documented there and not here yet: nothing answers, and that is said."""
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
LINE = re.compile(r"^(GET|POST|DELETE) +(/\S+)[^\n{]*(?:\n(\{[^\n]*\}$|\{.*?^\}))?", re.MULTILINE | re.DOTALL)
BODIES = {
    "/memory-manager/tasks/create": {"title": "Review it", "priority": 8},
    "/memory-manager/tasks/update": {"task_id": "<TASK_ID>", "priority": 9},
    "/memory-manager/agents/create": {"name": "reviewer", "capabilities": ["review"]},
}
"""What is sent where a path is documented without its body."""

pytestmark = [
    pytest.mark.skipif(not FOLDER, reason="MEMORYOPS_TEST_SEEDS names no folder of documents with calls"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here"),
]


def curl_lines(text: str) -> Iterator[str]:
    """The commands that call a server of this kind, each whole: as many lines as its quotes need."""
    for block in BLOCK.findall(text):
        waiting = ""
        for line in block.splitlines():
            if waiting or line.startswith("curl "):
                waiting += line + "\n"
                if not line.endswith("\\") and _closed(waiting):
                    if "/v1/" in waiting:
                        yield waiting.strip()
                    waiting = ""


def _closed(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True


def listed_calls(text: str) -> Iterator[str]:
    """The same for calls that are written as a method, a path and perhaps a body."""
    for block in BLOCK.findall(text):
        for method, path, body in LINE.findall(block):
            body = body or (json.dumps(BODIES[path]) if path in BODIES else "")
            data = f" -d {shlex.quote(body)}" if body else ""
            yield f"curl -X {method} http://localhost:8000{path} -H 'Authorization: Bearer {KEYS[-1]}'{data}"


@dataclass
class Calls:
    """A server, and what its answers have said so far."""

    served: Served
    known: dict[str, str]

    def run(self, line: str) -> tuple[int, Any]:
        """The status and the answer of *line*."""
        command = re.sub(r"https?://(localhost:8000|<app-name>\.fly\.dev)", self.served.base, line)
        if "/v1/users" in line:
            command += " -H 'X-API-Key: boss'"  # here only an admin makes users
        for name, value in self.known.items():
            command = command.replace(name, value)
        command = command.replace("curl ", "curl -sS -w '\\n%{http_code}' ", 1)
        ran = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True, timeout=120)
        text, _, status = ran.stdout.rpartition("\n")
        try:
            answer = json.loads(text)
        except ValueError:
            answer = text
        self._learn(line, answer)
        return int(status), answer

    def _learn(self, line: str, answer: Any) -> None:
        if "/v1/users" in line:
            self.known |= {"<USER_ID>": answer["id"], "memori_...": answer["api_key"]}
        elif "/v1/sessions" in line:
            self.known["<SESSION_ID>"] = answer["id"]
        elif "items/add" in line:
            self.known["abc123"] = answer["id"]
        elif "tasks/create" in line:
            self.known["<TASK_ID>"] = answer["id"]
        elif "materials" in line:
            self.known["S123"] = answer["logs"][0]["id"]


@pytest.fixture(scope="module")
def calls() -> Iterator[Calls]:
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))

    def script(seen: Seen) -> Any:
        if seen.path.endswith("/models"):
            return {"object": "list", "data": [{"id": "openai/gpt-4", "object": "model"}]}
        if "/models/" in seen.path:
            return {"id": "openai/gpt-4", "object": "model"}
        if seen.path.endswith("/embeddings"):
            return {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "m"}
        return Upstream.obedient(seen)

    try:
        with running() as upstream:
            upstream.script = script
            settings = {"MEMORY_API_KEYS": ",".join([*KEYS, "admin=boss"]), "MEMORYOPS_WORKSPACE": "my-app"}
            with serving(folder, UPSTREAM_BASE=upstream.url, **settings) as server:
                yield Calls(server, {})
    finally:
        stop_owner(folder)
        shutil.rmtree(folder, ignore_errors=True)


def documented() -> list[str]:
    texts = [path.read_text(encoding="utf-8") for path in sorted(Path(FOLDER).iterdir())] if FOLDER else []
    return [line for text in texts for line in (*curl_lines(text), *listed_calls(text))]


def test_every_call_is_answered(calls: Calls) -> None:
    lines = documented()
    assert len(lines) > 30
    failed = []
    for line in lines:
        status, answer = calls.run(line)
        path = re.search(r"(?:8000|\.dev)(/[^\s\"'?]*)", line)
        assert path is not None, line
        later = path[1].startswith(LATER)
        if (status == 404) if later else (200 <= status < 300):
            continue
        failed.append(f"{status} {line}\n  {str(answer)[:300]}")
    assert not failed, "\n".join(failed)
