"""The gateway fails open: whatever happens to the memory, the request goes as it came, the answer comes byte for byte,
and its head says that memory was `degraded`, within a fixed time."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.responses import Response

from memoryops.mcp_server.http.keyring import LONGEST
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.memory.settings import Settings
from memoryops.stores.embedded import rendezvous
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.embedded.folder import Folder

from ..http.conftest import SLACK, Served, serving
from .upstream import Seen, Upstream

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals to the owner")
CHAT = "/v1/chat/completions"
PATIENCE = 0.5
SAID = (
    b'{"id" : "1",  "choices":[{"index":0,"message":{"role":"assistant","content":"caf\\u00e9"},\n'
    b'"finish_reason":"stop"}]}'
)


def sent(**more: Any) -> bytes:
    """A request with blanks of its own."""
    body = {"model": "gpt-4o-mini", "user": "anna", "messages": [{"role": "user", "content": "Where is it?"}], **more}
    return json.dumps(body, indent=1, separators=(" ,", " : ")).encode()


@contextmanager
def gateway(folder: Path, upstream: Upstream, **settings: str) -> Iterator[Served]:
    upstream.script = lambda seen: Response(SAID, 200, media_type="application/json")
    more = {"UPSTREAM_BASE": upstream.url, "MEMORYOPS_GATEWAY_PATIENCE": str(PATIENCE), **settings}
    with serving(folder, **more) as server, server.http() as http:
        while http.post(CHAT, content=sent(), headers=JSON).headers["x-memory-status"] != "ok":
            time.sleep(0.1)  # a memory that is being opened is not ready in time
        upstream.seen.clear()
        yield server


JSON = {"content-type": "application/json"}
TELL = "The {n}th measurement was taken at noon, and it came to {n} degrees in the northern hall. " * 30
TALK = [{"role": ("user", "assistant")[n % 2], "content": TELL.format(n=n)} for n in range(12)]
LONG = sent(model="gpt-4", messages=[*TALK, {"role": "user", "content": "And now?"}])
"""More than 75 % of its model's window."""


def asked(server: Served, body: bytes, **headers: str) -> httpx2.Response:
    """The reply to *body*, which is the upstream's and came in time."""
    with server.http() as http:
        began = time.monotonic()
        reply = http.post(CHAT, content=body, headers={**JSON, **headers})
        took = time.monotonic() - began
    assert (reply.status_code, reply.content) == (200, SAID)
    assert took < PATIENCE + SLACK
    return reply


def degraded(server: Served, upstream: Upstream, body: bytes, **headers: str) -> str:
    """The reason why memory took no part in *body*, which went upstream as it came."""
    reply = asked(server, body, **headers)
    assert reply.headers["x-memory-status"] == "degraded"
    assert upstream.seen[-1].raw == body
    return reply.headers["x-memory-reason"]


def until_ok(server: Served, body: bytes) -> None:
    """Memory takes part again."""
    deadline = time.monotonic() + 30
    while asked(server, body).headers["x-memory-status"] != "ok":
        assert time.monotonic() < deadline
        time.sleep(0.2)


def owner_of(folder: Path) -> int:
    pointer = rendezvous.find(Folder(folder))
    assert pointer is not None
    return pointer.pid


def test_an_owner_that_is_killed_midway(folder: Path, upstream: Upstream) -> None:
    with gateway(folder, upstream) as server:
        stop = threading.Event()
        statuses: list[str] = []

        def ask_on() -> None:
            while not stop.is_set():
                statuses.append(asked(server, sent()).headers["x-memory-status"])

        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask_on) for _ in range(4)]
            for _ in range(3):
                time.sleep(0.3)
                os.kill(owner_of(folder), signal.SIGKILL)
            time.sleep(0.5)
            stop.set()
            for each in asking:
                each.result()
        assert set(statuses) <= {"ok", "degraded"}
        until_ok(server, sent())


@contextmanager
def hung(folder: Path) -> Iterator[None]:
    """The owner is there and says nothing."""
    owner = owner_of(folder)
    os.kill(owner, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(owner, signal.SIGCONT)


def test_an_owner_that_hangs(folder: Path, upstream: Upstream) -> None:
    with gateway(folder, upstream) as server:
        with hung(folder), ThreadPoolExecutor(12) as pool:  # more than there are threads for it
            reasons = list(pool.map(lambda _: degraded(server, upstream, sent()), range(24)))
        assert set(reasons) == {"timeout"}
        until_ok(server, sent())


def test_a_key_of_a_store_that_hangs(folder: Path, upstream: Upstream) -> None:
    """A key that was just used opens on, after a second more; of another one nobody knows whose it is."""
    with gateway(folder, upstream) as server:
        settings = Settings(data_dir=folder, encoder="hashing:64")
        with MemoryOps.open(settings=settings, scope=Scope(role="admin")) as ops:
            known, other = ops.keys.create().secret, ops.keys.create().secret
        asked(server, sent(), authorization=f"Bearer {known}")

        def ask(_: int) -> str:
            return degraded(server, upstream, sent(), authorization=f"Bearer {known}")

        with hung(folder), ThreadPoolExecutor(12) as pool:
            assert set(pool.map(ask, range(12))) == {"timeout"}
            began = time.monotonic()
            refused = httpx2.get(f"{server.base}/v1/models", headers={"X-API-Key": other}, timeout=60)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
            assert time.monotonic() - began < LONGEST + SLACK


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MB."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m,mode=700", "tmpfs", str(tmp_path)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small tmpfs needs root on Linux")
    try:
        yield tmp_path
    finally:
        stop_owner(tmp_path / "data")
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_disk_that_is_full(small_disk: Path, upstream: Upstream) -> None:
    """What is known is recalled on; that nothing more is kept, is said."""
    with gateway(small_disk / "data", upstream) as server:
        filler = small_disk / "filler"
        with filler.open("wb") as file, pytest.raises(OSError, match="space"):
            while True:
                file.write(b"x" * 1_000_000)
                file.flush()
        assert degraded(server, upstream, LONG) in ("full", "timeout")
        deadline = time.monotonic() + 20
        while asked(server, sent()).headers.get("x-memory-reason") != "full":
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert asked(server, sent()).headers["x-memory-status"] == "degraded"
        filler.unlink()
        until_ok(server, sent(messages=[{"role": "user", "content": "There is room again"}]))


def test_a_compressor_that_hangs(folder: Path, upstream: Upstream) -> None:
    """A model that is asked for a summary and does not answer."""

    def script(seen: Seen) -> Any:
        if seen.headers.get("authorization") == "Bearer for-summaries":
            return upstream.endless(b" ")
        return Response(SAID, 200, media_type="application/json")

    settings = {
        "MEMORYOPS_COMPRESSORS": "llm,extractive",
        "MEMORYOPS_LLM_MODEL": "m",
        "MEMORYOPS_LLM_BASE_URL": upstream.url,
        "MEMORYOPS_LLM_API_KEY": "for-summaries",
        "MEMORYOPS_LLM_TIMEOUT": "1",
    }
    with gateway(folder, upstream, **settings) as server:
        upstream.script = script
        assert degraded(server, upstream, LONG) == "timeout"
        deadline = time.monotonic() + 30
        while asked(server, LONG).headers["x-compressor"] == "none":
            assert time.monotonic() < deadline
            time.sleep(0.3)


def test_a_screening_that_takes_long(folder: Path, upstream: Upstream) -> None:
    """A text of megabytes is looked through for secrets beside the requests, which go on meanwhile."""
    words = " ".join(f"word{n} is {n * n}," for n in range(30_000))
    large = sent(messages=[{"role": "user", "content": words}])
    with gateway(folder, upstream) as server:
        asked(server, large)
        for _ in range(10):
            asked(server, sent())
