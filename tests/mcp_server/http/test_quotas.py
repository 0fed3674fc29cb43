"""Limits: what a key, a workspace and everybody may have; with a real Redis where `MEMORYOPS_TEST_REDIS_SERVER` names
its program."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from memoryops.mcp_server.http.access import Access
from memoryops.mcp_server.http.caller import Caller
from memoryops.mcp_server.http.quotas import AWAY_SECONDS, Allowances, Quotas
from memoryops.memory.errors import InvalidInput
from memoryops.memory.keys import Key
from memoryops.memory.rates import Rate, rate
from memoryops.memory.scope import Scope
from memoryops.memory.settings import Settings

from .test_access import ask

PROGRAM = os.environ.get("MEMORYOPS_TEST_REDIS_SERVER", "redis-server")


def caller(key: str | None = None, workspace: str = "w", **own: Any) -> Caller:
    known = None
    if own and key is not None:
        known = Key(key, f"mo_{key}", "", "agent", workspace, None, None, "active", "2026-01-01T00:00:00+00:00", **own)
    return Caller(Scope(workspace), key, own=known)


def admitted(quotas: Quotas, who: Caller, times: int = 10) -> int:
    """How many of so many requests are let in."""

    async def send() -> int:
        return sum([await quotas.admit(who) is None for _ in range(times)])

    return anyio.run(send)


def spend(quotas: Quotas, who: Caller, tokens: int) -> None:
    anyio.run(quotas.spend, who, tokens)


def test_without_limits_everything_is_let_in() -> None:
    assert admitted(Quotas(), caller(), 500) == 500


def test_each_key_has_its_own_requests() -> None:
    quotas = Quotas(Allowances(key_requests=Rate(3, 60)))
    assert [admitted(quotas, caller(key)) for key in ("a", "b", None, "a")] == [3, 3, 3, 0]


def test_keys_of_a_workspace_share_its_limit_and_all_share_one() -> None:
    quotas = Quotas(Allowances(workspace_requests=Rate(5, 60), everybody=Rate(8, 60)))
    assert admitted(quotas, caller("a")) + admitted(quotas, caller("b")) == 5
    assert admitted(quotas, caller("c", workspace="other")) == 3


def test_a_key_may_have_more_or_less_than_the_others() -> None:
    quotas = Quotas(Allowances(key_requests=Rate(3, 60), key_tokens=Rate(100, 60)))
    assert admitted(quotas, caller("more", requests_per_minute=7)) == 7
    assert admitted(quotas, caller("less", requests_per_minute=1)) == 1
    spender = caller("spender", tokens_per_day=10)
    spend(quotas, spender, 11)
    assert admitted(quotas, spender) == 0


def test_tokens_are_counted_whole_however_many_they_were() -> None:
    quotas = Quotas(Allowances(key_tokens=Rate(100, 60)))
    who = caller("a")
    spend(quotas, who, 99)
    assert admitted(quotas, who, 1) == 1
    spend(quotas, who, 500)
    refused = anyio.run(quotas.admit, who)
    assert refused is not None
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert admitted(quotas, caller("b"), 1) == 1
    spend(quotas, who, -5)


def test_a_window_passes() -> None:
    quotas = Quotas(Allowances(key_requests=Rate(2, 1), key_tokens=Rate(5, 1)))
    who = caller("a")
    spend(quotas, who, 6)
    assert admitted(quotas, who) == 0
    time.sleep(2.1)
    assert admitted(quotas, who) == 2


def test_who_is_over_a_limit_is_told_when_to_come_again() -> None:
    access = Access("t" * 43, quotas=Quotas(Allowances(key_requests=Rate(1, 60))))
    assert ask(access=access).reached
    answer = ask(access=access)
    assert (answer.status, answer.reached) == (429, False)
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.problem["kind"] == "limited"
    assert "1 requests of 60 seconds" in answer.problem["detail"]
    assert ask(path="/health", access=access).reached
    assert ask(authorization="Bearer wrong", access=access).status == 401


def test_the_settings_say_how_much() -> None:
    environ = {
        "RATE_LIMIT_REQUESTS": "100",
        "RATE_LIMIT_WINDOW": "30",
        "RATE_LIMIT_TPM": "5000",
        "MEMORY_TENANT_RATE_LIMIT": "120/minute",
        "MEMORY_GLOBAL_RATE_LIMIT": "200 per 2 minutes",
        "MEMORYOPS_TOKEN_QUOTA": "1000000/day",
    }
    allowed = Allowances.of(Settings.from_env(environ))
    assert allowed == Allowances(
        Rate(100, 30), Rate(5000, 60), Rate(10**6, 86_400), Rate(120, 60), None, Rate(200, 120)
    )


@pytest.mark.parametrize("text", ["", "fast", "0/minute", "10/0 second", "-1/day", "1.5/day", "10", "10/fortnight"])
def test_a_wrong_rate_is_told(text: str) -> None:
    with pytest.raises(InvalidInput, match="LIMIT is"):
        rate(text, "LIMIT")


def test_a_redis_that_is_none_is_told() -> None:
    with pytest.raises(InvalidInput, match="MEMORYOPS_REDIS_URL"):
        Quotas(redis_url="http://user:secret@localhost")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_where_no_redis_answers_each_server_counts_for_itself() -> None:
    quotas = Quotas(Allowances(key_requests=Rate(3, 60)), f"redis://127.0.0.1:{_free_port()}/0")
    started = time.monotonic()
    assert admitted(quotas, caller("a")) == 3
    assert time.monotonic() - started < 5


@contextmanager
def redis_at(port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Redis that listens on *port*."""
    command = [PROGRAM, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    if shutil.which(PROGRAM) is None:
        pytest.skip("there is no redis-server here (Debian: apt install redis-server; MEMORYOPS_TEST_REDIS_SERVER)")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _await(process, port)
            yield process
        finally:
            process.kill()


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, f"{PROGRAM} ended with status {process.returncode}"
        time.sleep(0.05)
    raise AssertionError(f"{PROGRAM} does not listen")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = _free_port()
    with redis_at(port, tmp_path) as process:
        yield process, f"redis://127.0.0.1:{port}/0"


def test_two_servers_share_a_redis_until_it_dies(redis: tuple[subprocess.Popen[bytes], str], caplog: Any) -> None:
    process, url = redis
    allowed = Allowances(key_requests=Rate(6, 600), key_tokens=Rate(50, 600))
    one, two = Quotas(allowed, url), Quotas(allowed, url)
    who, spender = caller("a"), caller("b")
    assert admitted(one, who, 4) + admitted(two, who, 4) == 6
    spend(one, spender, 60)
    assert admitted(two, spender, 1) == 0
    assert not caplog.records
    process.kill()
    process.wait()
    assert admitted(one, who) == 6, "it counts for itself now"
    assert "Redis does not answer" in caplog.text


def test_two_replicas_while_their_redis_dies_and_comes_back(
    redis: tuple[subprocess.Popen[bytes], str], serve: Callable[..., Any], tmp_path: Path
) -> None:
    """Requests go on throughout: none fails, none waits long, and what is counted together is so again."""
    process, url = redis
    settings = {"MEMORYOPS_REDIS_URL": url, "API_KEYS": "a,b,c,d", "MEMORYOPS_RATE_LIMIT_REQUESTS": "6"}
    slowest = 0.0
    with (
        serve(**settings, MEMORYOPS_RATE_LIMIT_WINDOW="600") as one,
        serve(**settings, MEMORYOPS_RATE_LIMIT_WINDOW="600") as two,
    ):

        def statuses(key: str, times: int = 10) -> list[int]:
            """Of so many requests, sent to the two in turn."""
            nonlocal slowest
            found = []
            for number in range(times):
                began = time.monotonic()
                reply = httpx2.get(f"{(one, two)[number % 2].base}/v1/state", headers={"X-API-Key": key}, timeout=60)
                slowest = max(slowest, time.monotonic() - began)
                found.append(reply.status_code)
            return found

        assert statuses("a") == [200] * 6 + [429] * 4
        before = statuses("b", 4)
        process.kill()
        process.wait()
        assert before + statuses("b") == [200] * 14, "each has six of its own now"
        assert statuses("c", 14) == [200] * 12 + [429] * 2
        with redis_at(int(url.rpartition(":")[2].partition("/")[0]), tmp_path):
            time.sleep(AWAY_SECONDS + 0.2)
            assert statuses("d") == [200] * 6 + [429] * 4
        assert "Redis does not answer" in one.said
    assert slowest < 5
