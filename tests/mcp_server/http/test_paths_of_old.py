"""Lines for curl: those of docs/rest.md, and those that services like this one are known by, unchanged but for host
and key."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memoryops.stores.embedded.ending import stop_owner

from .conftest import Served, serving

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))
    try:
        with serving(
            folder, MEMORY_API_KEYS="your-api-key,cmg_your_api_key_here,admin=boss", MEMORYOPS_WORKSPACE="my-app"
        ) as server:
            yield server
    finally:
        stop_owner(folder)
        shutil.rmtree(folder, ignore_errors=True)


def curl(served: Served, line: str) -> Any:
    """What the shell *line* prints, as JSON; `localhost:8000` is the server."""
    command = line.replace("localhost:8000", f"127.0.0.1:{served.port}").replace("curl ", "curl -sS --fail-with-body ")
    ran = subprocess.run(["sh", "-c", command], check=False, capture_output=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(ran.stdout)


def test_the_lines_of_our_own_page_work(served: Served) -> None:
    page = (Path(__file__).parents[3] / "docs" / "rest.md").read_text(encoding="utf-8")
    lines = [part for part in page.split("\n\n") if part.startswith("    curl ")]
    assert len(lines) == 3
    for line in lines:
        answer = curl(served, f"KEY=your-api-key; {line.replace('127.0.0.1:8765', 'localhost:8000')}")
        assert "id" in answer or "hits" in answer or "text" in answer


def test_messages_are_stored_and_found(served: Served) -> None:
    stored = curl(
        served,
        """curl -X POST http://localhost:8000/v1/messages \\
  -H "x-api-key: your-api-key" \\
  -H "Content-Type: application/json" \\
  -d '{
    "tenant_id": "my-app",
    "conversation_id": "user-123",
    "role": "user",
    "content": "I need help with Python"
  }'""",
    )
    found = curl(
        served,
        """curl "http://localhost:8000/v1/memory/search?tenant_id=my-app&query=Python&top_k=5" \\
  -H "x-api-key: your-api-key" """,
    )
    assert [hit["id"] for hit in found["hits"]] == [stored["id"]]
    read = curl(served, f"curl http://localhost:8000/v1/messages/{stored['id']} -H 'x-api-key: your-api-key'")
    assert (read["speaker"], read["thread"]) == ("user", "user-123")


def test_users_ingest_and_recall_without_naming_a_content_type(served: Served) -> None:
    user = curl(served, "curl -X POST http://localhost:8000/v1/users -H 'X-API-Key: boss' -d '{}'")
    key, name = user["api_key"], user["id"]
    session = curl(
        served,
        f"""curl -X POST http://localhost:8000/v1/sessions \\
  -H "X-API-Key: {key}" \\
  -d '{{ "user_id": "{name}" }}'""",
    )
    curl(
        served,
        f"""curl -X POST http://localhost:8000/v1/ingest \\
  -H "X-API-Key: {key}" \\
  -d '{{
    "user_id": "{name}",
    "session_id": "{session["id"]}",
    "role": "user",
    "content": "I live in Austin now and love hiking."
  }}'""",
    )
    recalled = curl(
        served,
        f"""curl -X POST http://localhost:8000/v1/recall \\
  -H "X-API-Key: {key}" \\
  -d '{{
    "user_id": "{name}",
    "query": "where do I live?",
    "current_view_only": true
  }}'""",
    )
    assert "Austin" in recalled["hits"][0]["content"]


def test_materials_working_sets_and_feedback(served: Served) -> None:
    def post(path: str, body: dict[str, Any]) -> Any:
        head = 'curl -H "Authorization: Bearer cmg_your_api_key_here" -X POST'
        return curl(served, f"{head} http://localhost:8000{path} -d '{json.dumps(body)}'")

    materials = {
        "chat": "User: How do I implement authentication?\nAssistant: You can use JWT tokens with FastAPI...",
        "diffs": "@@ -1,5 +1,7 @@\n+from fastapi import Depends\n+from fastapi.security import HTTPBearer",
        "logs": "2025-01-20 10:30:00 ERROR: Authentication failed for user@example.com",
    }
    stored = post("/v1/ingest", {"thread_id": "session-123", "materials": materials})
    purpose = {"thread_id": "session-123", "purpose": "Help user implement secure authentication"}
    assert "JWT" in post("/v1/recall", {**purpose, "token_budget": 4000})["text"]
    assert post("/v1/workingset", {**purpose, "token_budget": 8000})["tokens"] <= 8000
    id = stored["logs"][0]["id"]
    raw = f'curl -s -H "Authorization: Bearer cmg_your_api_key_here" http://127.0.0.1:{served.port}/v1/expand/{id}/raw'
    assert subprocess.check_output(["sh", "-c", raw]).decode() == materials["logs"]
    said = {"item_id": id, "feedback_type": "helpful", "value": 1.0, "comment": "This helped resolve the issue"}
    assert post("/v1/feedback", said)["importance_after"] == 0.6


def test_a_memory_manager(served: Served) -> None:
    def call(path: str, body: dict[str, Any] | None = None) -> Any:
        data = f" -d '{json.dumps(body)}'" if body is not None else ""
        return curl(served, f"curl -H 'X-API-Key: your-api-key' http://localhost:8000/memory-manager/{path}{data}")

    id = call("items/add", {"content": "React code of the login page", "content_type": "frontend", "priority": 8})["id"]
    assert call("items/retrieve", {"item_id": id, "decompress": True})["content"] == "React code of the login page"
    assert call("items/retrieve", {"item_id": id, "decompress": False})["form"] == "compressed"
    assert call("items/search", {"query": "login page", "limit": 5})["hits"][0]["id"] == id
    task = call("tasks/create", {"title": "Review it", "priority": 8})["id"]
    assert call("tasks/update", {"task_id": task, "priority": 9})["priority"] == 9
    assert call("tasks")["tasks"][0]["id"] == task
    call("agents/create", {"name": "reviewer", "capabilities": ["review"]})
    assert call("agents")["agents"][0]["name"] == "reviewer"
    assert call("state")["workspace"] == "my-app"
    assert call("state/export")["records"]
