"""Memory around OpenAI's own client: recalled, put in, remembered once, and never in the way."""

from __future__ import annotations

import copy
import json
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import openai
import pytest
from starlette.responses import Response

from memoryops.client import AsyncMemoryOpsClient, Degraded, MemoryOpsClient, wrap
from memoryops.client.chat import FOOT, HEAD
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps

from ..mcp_server.gateway.upstream import DONE, Upstream, completion, event
from ..mcp_server.http.conftest import SLACK, Served, serving

MODEL = "gpt-4o-mini"
PATIENCE = 20.0
"""Seconds; machines that run tests are busy."""


def ask(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    return f"user of {request.node.name}"[:200]


@pytest.fixture
def plain(scripted: Upstream) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=scripted.url, api_key="sk-upstream", max_retries=0) as opened:
        yield opened


@pytest.fixture
def degraded() -> list[Degraded]:
    """What on_degraded was told."""
    return []


@pytest.fixture
def wrapped(client: MemoryOpsClient, plain: openai.OpenAI, degraded: list[Degraded]) -> openai.OpenAI:
    return client.wrap(plain, patience=PATIENCE, on_degraded=degraded.append)


@pytest.fixture
def held(service: Served, user: str) -> Callable[[], list[tuple[str, str]]]:
    """What the memory of this test's user holds: who said it, and what."""

    def messages() -> list[tuple[str, str]]:
        with MemoryOps.open(service.folder, scope=Scope(user=user)) as ops:
            points = sorted(ops.items.scan(), key=lambda each: (each.payload["created_at"], each.seq))
            return [(each.payload["speaker"], each.text or "") for each in points]

    return messages


def test_what_a_user_said_is_recalled_in_the_next_conversation(
    wrapped: openai.OpenAI, scripted: Upstream, user: str, held: Callable[[], Any], degraded: list[Degraded]
) -> None:
    scripted.script = lambda seen: completion("Noted.")
    wrapped.chat.completions.create(model=MODEL, user=user, messages=ask("I live in Austin, Texas now."))
    assert set(held()) == {("user", "I live in Austin, Texas now."), ("assistant", "Noted.")}
    conversation = [{"role": "system", "content": "Be brief."}, *ask("Where do I live?")]
    before = copy.deepcopy(conversation)
    reply = wrapped.chat.completions.create(model=MODEL, user=user, messages=conversation)
    assert reply.choices[0].message.content == "Noted."
    assert conversation == before
    sent = scripted.seen[-1].json
    assert {name: sent[name] for name in ("model", "user")} == {"model": MODEL, "user": user}
    system, question = scripted.seen[-1].texts
    assert system == "Be brief."
    assert question.startswith(HEAD)
    assert question.count(HEAD) == 1
    assert "I live in Austin, Texas now." in question
    assert question.endswith(f"{FOOT}\n\nWhere do I live?")
    assert scripted.seen[-1].headers["authorization"] == "Bearer sk-upstream"
    assert not [text for _, text in held() if HEAD in text]
    assert not degraded


def test_a_growing_conversation_is_kept_once_and_not_recalled_to_itself(
    wrapped: openai.OpenAI, plain: openai.OpenAI, client: MemoryOpsClient, scripted: Upstream, user: str,
    held: Callable[[], Any],
) -> None:  # fmt: skip
    conversation: list[Any] = []
    for text in ("My cat is called Tom", "What is my cat called?", "And what else?"):
        conversation += ask(text)
        reply = wrapped.chat.completions.create(model=MODEL, user=user, messages=conversation)
        assert not [text for text in scripted.seen[-1].texts if HEAD in text]
        conversation.append({"role": "assistant", "content": reply.choices[0].message.content})
    assert len(held()) == 6
    other = client.wrap(plain, patience=PATIENCE)  # another process, which has to learn what is known
    scripted.script = lambda seen: completion("It sleeps.")
    other.chat.completions.create(model=MODEL, user=user, messages=[*conversation, *ask("What is my cat doing?")])
    assert not [text for text in scripted.seen[-1].texts if HEAD in text]
    other.chat.completions.create(model=MODEL, user=user, messages=[*conversation, *ask("What is my cat doing?")])
    assert len(held()) == 8


def test_a_block_is_never_kept(wrapped: openai.OpenAI, scripted: Upstream, user: str, held: Callable[[], Any]) -> None:
    wrapped.chat.completions.create(model=MODEL, user=user, messages=ask("The code word is xylophone"))
    reply = wrapped.chat.completions.create(model=MODEL, user=user, messages=ask("Which code word?"))
    assert HEAD in str(reply.choices[0].message.content)  # this model repeats what it was told
    assert ("assistant", "You said: \n\nWhich code word?") in held()
    assert not [text for _, text in held() if HEAD in text or FOOT in text]


def stream_of(client: openai.OpenAI, user: str, text: str) -> str:
    stream = client.chat.completions.create(model=MODEL, user=user, stream=True, messages=ask(text))
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def helper_of(client: openai.OpenAI, user: str, text: str) -> str:
    with client.chat.completions.stream(model=MODEL, user=user, messages=ask(text)) as stream:
        return str(stream.get_final_completion().choices[0].message.content)


def parsed_of(client: openai.OpenAI, user: str, text: str) -> str:
    return str(client.chat.completions.parse(model=MODEL, user=user, messages=ask(text)).choices[0].message.content)


def raw_of(client: openai.OpenAI, user: str, text: str) -> str:
    raw = client.chat.completions.with_raw_response.create(model=MODEL, user=user, messages=ask(text))
    return str(raw.parse().choices[0].message.content)


def raw_stream_of(client: openai.OpenAI, user: str, text: str) -> str:
    create = client.chat.completions.with_streaming_response.create
    with create(model=MODEL, user=user, messages=ask(text)) as response:
        return str(json.loads(response.read())["choices"][0]["message"]["content"])


def with_options_of(client: openai.OpenAI, user: str, text: str) -> str:
    seen = client.with_options(timeout=30).with_options(max_retries=1)
    return str(seen.chat.completions.create(model=MODEL, user=user, messages=ask(text)).choices[0].message.content)


@pytest.mark.parametrize(
    "way",
    [stream_of, helper_of, parsed_of, raw_of, raw_stream_of, with_options_of],
    ids=lambda each: str(each.__name__),
)
def test_every_way_to_ask_has_memory(
    wrapped: openai.OpenAI, scripted: Upstream, user: str, held: Callable[[], Any], way: Callable[..., str]
) -> None:
    assert way(wrapped, user, "The ferry leaves at nine") == "You said: The ferry leaves at nine"
    assert set(held()) == {("user", "The ferry leaves at nine"), ("assistant", "You said: The ferry leaves at nine")}
    assert way(wrapped, user, "When does the ferry leave?").endswith("When does the ferry leave?")
    assert "The ferry leaves at nine" in scripted.seen[-1].texts[-1]
    assert len(held()) == 4


def test_a_stream_comes_as_it_comes_and_is_kept_when_it_has_ended(
    wrapped: openai.OpenAI, scripted: Upstream, user: str, held: Callable[[], Any]
) -> None:
    scripted.script = lambda seen: Upstream.streamed(["one", "two", "three"], pause=0.3)
    stream = wrapped.chat.completions.create(model=MODEL, user=user, stream=True, messages=ask("Count"))
    times = [time.monotonic() for chunk in stream if chunk.choices[0].delta.content]
    assert times[-1] - times[0] > 0.4
    assert ("assistant", "one two three") in held()
    scripted.script = lambda seen: scripted.endless(event({"content": "on and on"}))
    left = wrapped.chat.completions.create(model=MODEL, user=user, stream=True, messages=ask("Go on"))
    next(left)
    left.close()
    assert scripted.left.wait(10)
    assert len(held()) == 2


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_coded_stream_is_read(
    wrapped: openai.OpenAI, scripted: Upstream, user: str, held: Callable[[], Any], coding: str
) -> None:
    import zlib

    packer = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
    data = packer.compress(event({"content": "packed"}) + event({}, "stop") + DONE) + packer.flush()
    scripted.script = lambda seen: Response(
        data, headers={"content-encoding": coding, "content-type": "text/event-stream"}
    )
    assert stream_of(wrapped, user, "Hello") == "packed"
    assert ("assistant", "packed") in held()


def test_tools_and_parts_stay_and_calls_are_no_answers(
    wrapped: openai.OpenAI, scripted: Upstream, user: str, held: Callable[[], Any]
) -> None:
    wrapped.chat.completions.create(model=MODEL, user=user, messages=ask("My dentist is Dr Lee"))
    tools: list[Any] = [{"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}]
    call = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": '{"a":  1}'}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    conversation: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "Who is my dentist?"}, image]}]
    scripted.script = lambda seen: completion(None, tool_calls=[call])
    wrapped.chat.completions.create(model=MODEL, user=user, messages=conversation, tools=tools)
    block, *rest = scripted.seen[-1].json["messages"][0]["content"]
    assert "Dr Lee" in block["text"]
    assert rest == conversation[0]["content"]
    assert scripted.seen[-1].json["tools"] == tools
    conversation += [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "12:00"},
    ]
    scripted.script = lambda seen: completion("Dr Lee.")
    wrapped.chat.completions.create(model=MODEL, user=user, messages=conversation, tools=tools)
    assert scripted.seen[-1].json["messages"][1:] == conversation[1:]
    assert [text for _, text in held()][2:] == ["Who is my dentist?", "Dr Lee."]


def test_nobody_named_means_no_memory_and_a_header_switches(
    wrapped: openai.OpenAI, client: MemoryOpsClient, plain: openai.OpenAI, scripted: Upstream, user: str,
    held: Callable[[], Any], degraded: list[Degraded],
) -> None:  # fmt: skip
    wrapped.chat.completions.create(model=MODEL, messages=ask("Hello"))
    off = {"x-memory": "off", "x-thread-id": "t"}
    wrapped.chat.completions.create(model=MODEL, user=user, messages=ask("Hello"), extra_headers=off)
    assert not {"x-memory", "x-thread-id"} & scripted.seen[-1].headers.keys()
    assert held() == []
    anna = client.wrap(plain, user=user, thread="t1", patience=PATIENCE)
    anna.chat.completions.create(model=MODEL, messages=ask("I play chess"))
    assert "user" not in scripted.seen[-1].json
    assert len(list(client.threads.messages.each("t1", user=user))) == 2
    reader = client.wrap(plain, user=user, remember=False, patience=PATIENCE)
    reader.chat.completions.create(model=MODEL, messages=ask("Do I play chess?"))
    assert "I play chess" in scripted.seen[-1].texts[-1]
    assert len(held()) == 2
    assert not degraded


def test_everything_else_passes_through(wrapped: openai.OpenAI, plain: openai.OpenAI, scripted: Upstream) -> None:
    assert isinstance(wrapped, openai.OpenAI)
    assert (wrapped.api_key, wrapped.base_url, wrapped.max_retries) == (plain.api_key, plain.base_url, 0)
    scripted.script = lambda seen: {
        "object": "list",
        "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "o"}],
    }
    assert [each.id for each in wrapped.models.list(extra_headers={"x-thread-id": "t"})] == ["m"]
    assert scripted.seen[-1].headers["x-thread-id"] == "t"
    scripted.script = lambda seen: Response(b'{"error": {"message": "no"}}', 400, media_type="application/json")
    with pytest.raises(openai.BadRequestError):
        wrapped.chat.completions.create(model=MODEL, user="u", messages=ask("Hello"))
    with pytest.raises(openai.BadRequestError):
        plain.chat.completions.create(model=MODEL, user="u", messages=ask("Hello"))
    assert scripted.seen[-1].raw == scripted.seen[-2].raw
    wrapped.close()
    assert plain.is_closed()


def test_a_client_is_wrapped_by_its_kind(client: MemoryOpsClient, service: Served) -> None:
    with pytest.raises(TypeError, match="pip install -U openai"):
        client.wrap(object())
    with pytest.raises(TypeError, match=r"AsyncMemoryOpsClient\.wrap"):
        client.wrap(openai.AsyncOpenAI(api_key="k"))
    own = httpx2.Client(headers={"x-own": "1"})
    azure = openai.AzureOpenAI(api_key="k", api_version="1", azure_endpoint="http://127.0.0.1:1", http_client=own)
    client.wrap(azure)
    assert len(own.event_hooks["request"]) == 1
    own.close()


@pytest.mark.parametrize("streaming", [False, True])
def test_without_a_service_the_answer_comes_and_it_is_said(
    plain: openai.OpenAI, user: str, streaming: bool, degraded: list[Degraded], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with wrap(plain, base_url=nobody, on_degraded=degraded.append) as wrapped, caplog.at_level(logging.WARNING):
        began = time.monotonic()
        if streaming:
            assert stream_of(wrapped, user, "a secret") == "You said: a secret"
        else:
            assert parsed_of(wrapped, user, "a secret") == "You said: a secret"
        assert time.monotonic() - began < 2 * 1 + SLACK
    assert [(each.stage, each.reason) for each in degraded] == [("recall", "unreachable"), ("remember", "unreachable")]
    assert "memory took no part in a call: recall, unreachable" in caplog.text
    assert "secret" not in caplog.text


def test_a_slow_service_is_given_up_in_time(plain: openai.OpenAI, user: str, degraded: list[Degraded]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the call and says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with wrap(plain, base_url=url, api_key="k", patience=0.3, on_degraded=degraded.append) as wrapped:
            began = time.monotonic()
            assert parsed_of(wrapped, user, "Hello") == "You said: Hello"
            assert time.monotonic() - began < 2 * 0.3 + SLACK
    assert [(each.stage, each.reason) for each in degraded] == [("recall", "timeout"), ("remember", "timeout")]


def test_a_service_that_drips_is_given_up_in_time(plain: openai.OpenAI, user: str, degraded: list[Degraded]) -> None:
    from starlette.responses import StreamingResponse

    from ..mcp_server.gateway.upstream import running

    async def drops() -> Any:
        for _ in range(40):
            yield b" "
            await anyio.sleep(0.1)

    with running() as slow:
        slow.script = lambda seen: StreamingResponse(drops(), media_type="application/json")
        url = slow.url.removesuffix("/v1")
        with wrap(plain, base_url=url, api_key="k", patience=0.4, on_degraded=degraded.append) as wrapped:
            began = time.monotonic()
            assert parsed_of(wrapped, user, "Hello") == "You said: Hello"
            assert time.monotonic() - began < 2 * 0.4 + SLACK
        time.sleep(0.5)
    assert [each.reason for each in degraded] == ["timeout", "timeout"]


def test_a_wrong_key_and_a_broken_callback_are_in_nobodys_way(
    service: Served, plain: openai.OpenAI, user: str, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(told: Degraded) -> None:
        raise RuntimeError(told.reason)

    with wrap(plain, base_url=service.base, api_key="wrong", patience=PATIENCE, on_degraded=broken) as wrapped:
        assert parsed_of(wrapped, user, "Hello") == "You said: Hello"
    assert "recall, unauthorized" in caplog.text
    assert "on_degraded failed" in caplog.text


def test_a_service_that_is_killed_midway_costs_memory_alone(
    data_dir: Path, plain: openai.OpenAI, scripted: Upstream, user: str, degraded: list[Degraded]
) -> None:
    from memoryops.stores.embedded.ending import stop_owner

    with serving(data_dir) as server, MemoryOpsClient(server.base, server.token) as client:
        wrapped = client.wrap(plain, patience=PATIENCE, on_degraded=degraded.append)
        assert parsed_of(wrapped, user, "I like tea")
        scripted.script = lambda seen: Upstream.streamed(["one", "two", "three"], pause=0.2)
        stream = wrapped.chat.completions.create(model=MODEL, user=user, stream=True, messages=ask("What do I like?"))
        assert "I like tea" in scripted.seen[-1].texts[-1]
        next(stream)
        server.process.kill()
        server.process.wait(30)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "one two three"
        assert [each.stage for each in degraded] == ["remember"]
        scripted.script = Upstream.obedient
        assert parsed_of(wrapped, user, "And now?") == "You said: And now?"
        assert [each.stage for each in degraded] == ["remember", "recall", "remember"]
    stop_owner(data_dir)


Way = Callable[[openai.AsyncOpenAI, str, str], Awaitable[str]]


async def created(client: openai.AsyncOpenAI, user: str, text: str) -> str:
    reply = await client.chat.completions.create(model=MODEL, user=user, messages=ask(text))
    return str(reply.choices[0].message.content)


async def streamed(client: openai.AsyncOpenAI, user: str, text: str) -> str:
    stream = await client.chat.completions.create(model=MODEL, user=user, stream=True, messages=ask(text))
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


async def helped(client: openai.AsyncOpenAI, user: str, text: str) -> str:
    async with client.chat.completions.stream(model=MODEL, user=user, messages=ask(text)) as stream:
        return str((await stream.get_final_completion()).choices[0].message.content)


@pytest.mark.parametrize("way", [created, streamed, helped], ids=lambda each: str(each.__name__))
def test_the_same_is_awaited(
    service: Served, scripted: Upstream, user: str, held: Callable[[], Any], degraded: list[Degraded], way: Way
) -> None:
    async def run() -> None:
        async with (
            AsyncMemoryOpsClient(service.base, service.token) as memory,
            openai.AsyncOpenAI(base_url=scripted.url, api_key="k", max_retries=0) as plain,
        ):
            wrapped = memory.wrap(plain, patience=PATIENCE, on_degraded=degraded.append)
            assert await way(wrapped, user, "I keep bees") == "You said: I keep bees"
            assert (await way(wrapped, user, "What do I keep?")).endswith("What do I keep?")
            assert "I keep bees" in scripted.seen[-1].texts[-1]
            with socket.create_server(("127.0.0.1", 0)) as silent:
                url = f"http://127.0.0.1:{silent.getsockname()[1]}"
                hasty = wrap(plain, base_url=url, api_key="k", patience=0.2, on_degraded=degraded.append)
                began = time.monotonic()
                assert await way(hasty, user, "Hello") == "You said: Hello"
                assert time.monotonic() - began < 2 * 0.2 + SLACK
                await hasty.close()

    anyio.run(run)
    assert len(held()) == 4
    assert [each.reason for each in degraded] == ["timeout", "timeout"]
