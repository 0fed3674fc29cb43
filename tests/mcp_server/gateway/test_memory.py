"""Memory behind the gateway: recalled, put in, remembered once, and never in the way."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.embedded.ending import stop_owner

from ..http.conftest import SLACK, Served, serving
from .upstream import Upstream, completion

CHAT = "/v1/chat/completions"
HEAD = "<memory_context>"


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """A user of this test alone."""
    return f"user of {request.node.name}"[:200]


@pytest.fixture
def client(gateway: Served) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.base}/v1", api_key=gateway.token, max_retries=0)


@pytest.fixture
def memory(gateway: Served, user: str) -> Callable[[], list[tuple[str, str]]]:
    """What the memory of this test's user holds: who said it, and what."""

    return lambda: messages(gateway.folder, user)


def messages(folder: Path, user: str) -> list[tuple[str, str]]:
    with MemoryOps.open(folder, scope=Scope(user=user)) as ops:
        points = sorted(ops.items.scan(), key=lambda each: each.payload["created_at"])
        return [(each.payload["speaker"], each.text or "") for each in points]


def until(held: Callable[[], Any], wanted: Any) -> None:
    """Wait for what happens after the reply."""
    deadline = time.monotonic() + 15
    while held() != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert held() == wanted


def ask(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def test_what_a_user_said_is_recalled_in_the_next_conversation(
    client: openai.OpenAI, upstream: Upstream, user: str, memory: Callable[[], Any]
) -> None:
    upstream.script = lambda seen: completion("Noted.")
    client.chat.completions.create(model="gpt-4o-mini", user=user, messages=ask("I live in Austin, Texas now."))
    until(memory, [("user", "I live in Austin, Texas now."), ("assistant", "Noted.")])
    raw = client.chat.completions.with_raw_response.create(
        model="gpt-4o-mini", user=user, messages=[{"role": "system", "content": "Be brief."}, *ask("Where do I live?")]
    )
    system, question = upstream.seen[-1].texts
    assert system == "Be brief."
    assert question.startswith(HEAD)
    assert question.count(HEAD) == 1
    assert "I live in Austin, Texas now." in question
    assert question.endswith("</memory_context>\n\nWhere do I live?")
    assert raw.headers["x-memory-status"] == "ok"
    assert int(raw.headers["x-memory-items"]) >= 1
    assert int(raw.headers["x-tokens-after"]) > int(raw.headers["x-tokens-before"])
    until(lambda: [text for _, text in memory() if HEAD in text], [])


def test_a_stream_is_remembered_after_its_last_chunk_and_once(
    client: openai.OpenAI, upstream: Upstream, user: str, memory: Callable[[], Any]
) -> None:
    for _ in range(2):
        stream = client.chat.completions.create(
            model="gpt-4o-mini", user=user, stream=True, messages=ask("My cat is called Tom")
        )
        said = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        assert said.endswith("My cat is called Tom")
    until(lambda: len(memory()) >= 2, True)
    time.sleep(0.5)
    assert memory()[0] == ("user", "My cat is called Tom")
    assert [text for _, text in memory()].count("My cat is called Tom") == 1


def test_another_user_and_nobody_see_nothing_of_it(client: openai.OpenAI, upstream: Upstream, user: str) -> None:
    client.chat.completions.create(model="gpt-4o-mini", user=user, messages=ask("The secret word is xylophone"))
    time.sleep(1)
    for other in ({"user": "somebody else"}, {}):
        client.chat.completions.create(model="gpt-4o-mini", messages=ask("What is the secret word?"), **other)  # type: ignore[call-overload]  # a dict of one
        assert "xylophone" not in str(upstream.seen[-1].texts)


@pytest.mark.parametrize("nobody", ["", 0, False, [], {}, "a\nb", "x" * 201])
def test_a_user_without_a_name_is_nobody_and_not_everybody(
    client: openai.OpenAI, upstream: Upstream, user: str, memory: Callable[[], Any], nobody: Any
) -> None:
    client.chat.completions.create(model="gpt-4o-mini", user=user, messages=ask("The secret word is marzipan"))
    until(lambda: len(memory()), 2)
    for switch in ({}, {"x-memory": "on"}):
        reply = client.chat.completions.with_raw_response.create(
            model="gpt-4o-mini", user=nobody, messages=ask("What is the secret word?"), extra_headers=switch
        )
        assert (reply.headers["x-memory-status"], reply.headers["x-memory-reason"]) == ("skipped", "invalid-user")
        assert upstream.seen[-1].texts == ["What is the secret word?"]


def test_a_thread_that_none_can_be_called_is_said_before_anything_is_lost(
    client: openai.OpenAI, upstream: Upstream, user: str, memory: Callable[[], Any]
) -> None:
    create = client.chat.completions.with_raw_response.create
    reply = create(model="gpt-4o-mini", user=user, messages=ask("One"), extra_headers={"x-thread-id": "x" * 201})
    assert (reply.headers["x-memory-status"], reply.headers["x-memory-reason"]) == ("skipped", "invalid-thread")
    reply = create(model="gpt-4o-mini", user=user, messages=ask("Two"), extra_headers={"x-thread-id": ""})
    assert reply.headers["x-memory-status"] == "ok"  # an empty header is none
    until(lambda: [text for _, text in memory()], ["Two", "You said: Two"])


def test_without_a_user_nothing_is_added_and_a_header_switches(
    client: openai.OpenAI, upstream: Upstream, user: str
) -> None:
    create = client.chat.completions.with_raw_response.create
    reply = create(model="gpt-4o-mini", messages=ask("Hello"))
    assert (reply.headers["x-memory-status"], reply.headers["x-memory-reason"]) == ("skipped", "no-user")
    reply = create(model="gpt-4o-mini", user=user, messages=ask("Hello"), extra_headers={"x-memory": "off"})
    assert (reply.headers["x-memory-status"], reply.headers["x-memory-reason"]) == ("skipped", "off")
    reply = create(model="gpt-4o-mini", messages=ask("Hello"), extra_headers={"x-memory": "on"})
    assert reply.headers["x-memory-status"] == "ok"


def test_the_prefix_stays_while_a_conversation_grows(client: openai.OpenAI, upstream: Upstream, user: str) -> None:
    conversation: list[Any] = [{"role": "system", "content": "Be brief."}]
    seen: list[list[Any]] = []
    for text in ("I like tea", "What do I like?", "And what else?"):
        conversation += ask(text)
        reply = client.chat.completions.create(model="gpt-4o-mini", user=user, messages=conversation)
        seen.append(upstream.seen[-1].texts)
        conversation.append({"role": "assistant", "content": reply.choices[0].message.content})
    for earlier, later in itertools.pairwise(seen):
        assert later[: len(earlier) - 1] == earlier[:-1]


def test_tools_and_calls_stay_and_the_block_stays_with_its_question(
    client: openai.OpenAI, upstream: Upstream, user: str
) -> None:
    tools: list[Any] = [{"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}]
    call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": '{"a":  1}'}}
    client.chat.completions.create(model="gpt-4o-mini", user=user, messages=ask("My dentist is Dr Lee"))
    time.sleep(1)
    upstream.script = lambda seen: completion(None, tool_calls=[call])
    conversation = ask("Who is my dentist?")
    client.chat.completions.create(model="gpt-4o-mini", user=user, messages=conversation, tools=tools)
    first = upstream.seen[-1].texts[0]
    assert "Dr Lee" in first
    conversation += [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "12:00"},
    ]
    client.chat.completions.create(model="gpt-4o-mini", user=user, messages=conversation, tools=tools)
    sent = upstream.seen[-1].json
    assert sent["messages"][0]["content"] == first
    assert sent["messages"][1:] == conversation[1:]
    assert sent["tools"] == tools


def test_a_long_conversation_is_shortened_within_the_window(
    gateway: Served, client: openai.OpenAI, upstream: Upstream, user: str
) -> None:
    tell = "The {n}th measurement was taken at noon, and it came to {n} degrees in the northern hall. " * 12
    conversation: list[Any] = [{"role": "system", "content": "Be exact."}]
    for n in range(40):
        conversation += [*ask(tell.format(n=n)), {"role": "assistant", "content": f"Measurement {n} is noted."}]
    conversation += ask("What came of measurement 3?")
    raw: Any = None
    for _ in range(60):  # it may be made while earlier requests go without it
        raw = client.chat.completions.with_raw_response.create(model="gpt-4", user=user, messages=conversation)
        if raw.headers["x-compressor"] != "none":
            break
        assert raw.headers["x-memory-status"] == "degraded"
        time.sleep(0.5)
    assert int(raw.headers["x-tokens-before"]) > 0.75 * 8192
    assert int(raw.headers["x-tokens-after"]) <= 0.85 * 8192
    assert int(raw.headers["x-tokens-saved"]) > 0
    sent = upstream.seen[-1].texts
    assert sent[0] == "Be exact."
    assert sent[-1].endswith("What came of measurement 3?")
    prefix = sent[:-1]
    conversation += [{"role": "assistant", "content": "3 degrees."}, *ask("And of 4?")]
    raw = client.chat.completions.with_raw_response.create(model="gpt-4", user=user, messages=conversation)
    assert raw.headers["x-compressor"] == "plan"
    assert upstream.seen[-1].texts[: len(prefix)] == prefix


def test_a_key_bound_to_a_user_answers_for_no_other(folder: Path, upstream: Upstream) -> None:
    settings = {"UPSTREAM_BASE": upstream.url, "MEMORYOPS_USER": "anna", "MEMORYOPS_GATEWAY_PATIENCE": "30"}
    with serving(folder, **settings) as server, server.http() as http:
        body = {"model": "gpt-4o-mini", "messages": ask("Hello"), "user": "ben"}
        reply = http.post(CHAT, json=body)
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "forbidden")
        assert not upstream.seen
        assert http.post(CHAT, json={**body, "user": "anna"}).headers["x-memory-status"] == "ok"


@pytest.mark.skipif(os.name != "posix", reason="ends the owner by its lock")
def test_an_answer_comes_though_memory_does_not(folder: Path, upstream: Upstream) -> None:
    with serving(folder, UPSTREAM_BASE=upstream.url, MEMORYOPS_GATEWAY_PATIENCE="0.3") as server, server.http() as http:
        body = {"model": "gpt-4o-mini", "messages": ask("Hello"), "user": "anna"}
        http.post(CHAT, json=body)
        until(lambda: len(messages(server.folder, "anna")), 2)  # what remembers would start the owner again
        stop_owner(server.folder)
        for each in server.folder.iterdir():  # nobody can open it any more
            if each.is_file() and not each.name.endswith(".token"):
                each.write_bytes(b"rubbish")
        began = time.monotonic()
        reply = http.post(CHAT, json=body)
        assert reply.status_code == 200
        assert reply.json()["choices"][0]["message"]["content"] == "You said: Hello"
        assert reply.headers["x-memory-status"] == "degraded"
        assert time.monotonic() - began < 0.3 + SLACK
