"""Memory around an OpenAI client: `wrap` gives one that recalls before each chat and remembers after it.

It stands where the client hands its requests to httpx, so that every way to ask (`create`, `parse`, `stream`, raw and
streaming responses, `with_options`) has memory, and nothing of the client is changed or looked into.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypedDict, TypeVar, Unpack, cast

import anyio
import httpx2

from .around import Around, Degraded, Policy, Stage, Steps
from .chat import Chat, answer_of, chat_of
from .senders import Async, Sync

C = TypeVar("C")
T = TypeVar("T")
PATH = "/chat/completions"
SWITCH, THREAD = "x-memory", "x-thread-id"
"""Headers of a call, as the gateway knows them; they do not go to the model's provider."""
OFF = ("off", "false", "0")
LONGEST = 16 * 1024 * 1024
"""Bytes of a reply; of a longer one nothing is remembered."""


class WrapOptions(TypedDict, total=False):
    """What `wrap` takes, as `around.Policy` says."""

    user: str | None
    thread: str | None
    budget_tokens: int
    memories: int
    patience: float
    remember: bool
    on_degraded: Callable[[Degraded], object] | None


def wrapped(client: C, sender: Sync | Async, **options: Unpack[WrapOptions]) -> C:
    """A client like *client*, with the memory behind *sender*. Raises `TypeError` for what is no client of OpenAI's."""
    around = Around(Policy(**options))
    http = getattr(client, "_client", None)
    if isinstance(http, httpx2.Client) and isinstance(sender, Sync):
        own: object = _Http(http, around, sender)
    elif isinstance(http, httpx2.AsyncClient) and isinstance(sender, Async):
        own = _AsyncHttp(http, around, sender)
    elif isinstance(http, httpx2.Client | httpx2.AsyncClient):
        raise TypeError("a blocking client wants MemoryOpsClient.wrap, an asynchronous one AsyncMemoryOpsClient.wrap")
    else:
        raise TypeError(
            f"{type(client).__module__}.{type(client).__qualname__} cannot be wrapped: give an openai.OpenAI or "
            "openai.AsyncOpenAI of a release that speaks through httpx2 (`pip install -U openai`)"
        )
    return cast(C, client.copy(http_client=own))  # type: ignore[attr-defined]  # openai is no dependency of ours


def is_async(client: object) -> bool:
    """Whether *client* speaks through an httpx client that awaits."""
    return isinstance(getattr(client, "_client", None), httpx2.AsyncClient)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A chat that memory takes part in."""

    chat: Chat
    user: str
    thread: str | None


def _is_chat(request: httpx2.Request) -> bool:
    return request.method == "POST" and request.url.path.endswith(PATH)


def _asked(request: httpx2.Request, policy: Policy) -> _Asked | None:
    """The chat in *request*, if it is one and memory is wanted in it."""
    if not _is_chat(request):
        return None
    try:
        chat = chat_of(request.content)
    except httpx2.RequestNotRead:  # a body that is written while it is sent
        return None
    user = (chat.user if chat is not None else None) or policy.user
    if chat is None or user is None or request.headers.get(SWITCH, "").lower() in OFF:
        return None
    return _Asked(chat, user, request.headers.get(THREAD) or policy.thread)


def _sent(request: httpx2.Request, content: bytes | None) -> httpx2.Request:
    """*request* with another body, if there is one, and a chat's without the headers that are ours."""
    if content is None and not ({SWITCH, THREAD} & request.headers.keys() and _is_chat(request)):
        return request
    headers = [(name, value) for name, value in request.headers.multi_items() if name not in (SWITCH, THREAD)]
    if content is None:
        return httpx2.Request(
            request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
        )
    headers = [(name, value) for name, value in headers if name not in ("content-length", "transfer-encoding")]
    return httpx2.Request(request.method, request.url, headers=headers, content=content, extensions=request.extensions)


def _answer(headers: httpx2.Headers, raw: bytes) -> str | None:
    """The answer in the *raw* bytes of a reply; None where it did not come to its end."""
    coding = {name: headers[name] for name in ("content-encoding",) if name in headers}
    try:
        plain = httpx2.Response(200, headers=coding, content=raw).content
    except httpx2.DecodingError:
        return None
    return answer_of(plain, headers.get("content-type", ""))


class _Watched:
    """What passes of a reply, until it is closed."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.size = 0
        self.open = True

    def saw(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size <= LONGEST:
            self.chunks.append(chunk)

    def ended(self) -> bytes | None:
        """All that passed, at the first call; None at any other, and where it was too much."""
        whole = b"".join(self.chunks) if self.open and self.size <= LONGEST else None
        self.open = False
        self.chunks = []
        return whole


class _Settings:
    """The settings of the *inner* client, which hold."""

    _inner: httpx2.Client | httpx2.AsyncClient

    def build_request(self, *args: Any, **kwargs: Any) -> httpx2.Request:
        return self._inner.build_request(*args, **kwargs)

    @property
    def event_hooks(self) -> Any:
        return self._inner.event_hooks  # AzureOpenAI adds one that keeps its key from redirects

    @event_hooks.setter
    def event_hooks(self, event_hooks: Any) -> None:
        self._inner.event_hooks = event_hooks

    @property
    def is_closed(self) -> bool:
        return self._inner.is_closed


class _Http(_Settings, httpx2.Client):
    """Sends through the client's own *inner*; memory stands before and behind."""

    _inner: httpx2.Client

    def __init__(self, inner: httpx2.Client, around: Around, sender: Sync) -> None:
        self._inner, self._around, self._sender = inner, around, sender
        super().__init__(timeout=inner.timeout, transport=_Unused(), trust_env=False)

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        asked = _asked(request, self._around.policy)
        if asked is None:
            return self._inner.send(_sent(request, None), **options)
        content = self._in_time("recall", self._around.recall(asked.chat, asked.user))
        response = self._inner.send(_sent(request, content), **options)
        if self._around.policy.remember and response.is_success:
            if options.get("stream"):
                stream = cast(httpx2.SyncByteStream, response.stream)
                response.stream = _Stream(stream, lambda raw: self._keep(asked, _answer(response.headers, raw)))
            else:
                self._keep(asked, answer_of(response.content, response.headers.get("content-type", "")))
        return response

    def _keep(self, asked: _Asked, answer: str | None) -> None:
        if answer is not None:
            self._in_time("remember", self._around.remember(asked.chat, asked.user, asked.thread, answer))

    def _in_time(self, stage: Stage, steps: Steps[T]) -> T | None:
        """What *steps* give; None where they fail or take too long, which is told."""
        try:
            return _within(self._around.policy.patience, lambda: self._run(steps))
        except Exception as error:  # whatever it is, the call goes on without memory
            self._around.tell(stage, error)
            return None

    def _run(self, steps: Steps[T]) -> T:
        try:
            request = next(steps)
            while True:
                request = steps.send(self._sender.send(request))
        except StopIteration as done:
            return cast(T, done.value)

    def close(self) -> None:
        super().close()
        self._sender.close()
        self._inner.close()


class _AsyncHttp(_Settings, httpx2.AsyncClient):
    """The same for a client that awaits."""

    _inner: httpx2.AsyncClient

    def __init__(self, inner: httpx2.AsyncClient, around: Around, sender: Async) -> None:
        self._inner, self._around, self._sender = inner, around, sender
        super().__init__(timeout=inner.timeout, transport=_Unused(), trust_env=False)

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        asked = _asked(request, self._around.policy)
        if asked is None:
            return await self._inner.send(_sent(request, None), **options)
        content = await self._in_time("recall", self._around.recall(asked.chat, asked.user))
        response = await self._inner.send(_sent(request, content), **options)
        if self._around.policy.remember and response.is_success:
            if options.get("stream"):
                stream = cast(httpx2.AsyncByteStream, response.stream)

                async def keep(raw: bytes) -> None:
                    await self._keep(asked, _answer(response.headers, raw))

                response.stream = _AsyncStream(stream, keep)
            else:
                await self._keep(asked, answer_of(response.content, response.headers.get("content-type", "")))
        return response

    async def _keep(self, asked: _Asked, answer: str | None) -> None:
        if answer is not None:
            await self._in_time("remember", self._around.remember(asked.chat, asked.user, asked.thread, answer))

    async def _in_time(self, stage: Stage, steps: Steps[T]) -> T | None:
        """What *steps* give; None where they fail or take too long, which is told."""
        try:
            with anyio.fail_after(self._around.policy.patience):
                return await self._run(steps)
        except Exception as error:  # whatever it is, the call goes on without memory
            self._around.tell(stage, error)
            return None

    async def _run(self, steps: Steps[T]) -> T:
        try:
            request = next(steps)
            while True:
                request = steps.send(await self._sender.send(request))
        except StopIteration as done:
            return cast(T, done.value)

    async def aclose(self) -> None:
        await super().aclose()
        await self._sender.close()
        await self._inner.aclose()


class _Unused(httpx2.BaseTransport, httpx2.AsyncBaseTransport):
    """Nothing is sent here: requests go through the inner client."""


class _Stream(httpx2.SyncByteStream):
    """A reply's bytes as they come; *end* has all of them when it is closed."""

    def __init__(self, inner: httpx2.SyncByteStream, end: Callable[[bytes], None]) -> None:
        self._inner, self._end, self._watched = inner, end, _Watched()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._inner:
            self._watched.saw(chunk)
            yield chunk

    def close(self) -> None:
        self._inner.close()
        whole = self._watched.ended()
        if whole is not None:
            self._end(whole)


class _AsyncStream(httpx2.AsyncByteStream):
    """The same for a client that awaits."""

    def __init__(self, inner: httpx2.AsyncByteStream, end: Callable[[bytes], Any]) -> None:
        self._inner, self._end, self._watched = inner, end, _Watched()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self._watched.saw(chunk)
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
        whole = self._watched.ended()
        if whole is not None:
            await self._end(whole)


def _within(seconds: float, call: Callable[[], T]) -> T:
    """What *call* gives. Raises `TimeoutError` after *seconds*; then a daemon thread goes on with it alone, until its
    own timeouts end it: httpx limits each wait for bytes, and nothing limits them all together."""
    done: queue.SimpleQueue[tuple[T | None, Exception | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((call(), None))
        except Exception as error:
            done.put((None, error))

    threading.Thread(target=run, name="memoryops-around", daemon=True).start()
    try:
        value, error = done.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"memory took longer than {seconds:g} s") from None
    if error is not None:
        raise error
    return cast(T, value)
