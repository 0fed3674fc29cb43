"""The two clients: where they connect to, and how they are closed."""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar, Unpack, cast

import httpx2

from .calls import S
from .operations import Operations
from .place import api_key as key_of
from .place import base_url as url_of
from .retries import Retries
from .senders import Async, Options, Sync
from .wrapping import WrapOptions, is_async, wrapped

C = TypeVar("C")


class _Client(Operations[S]):
    """What both clients share."""

    def with_options(self, *, timeout: float | None = None, max_retries: int | None = None) -> Self:
        """The same client with other options; closing it leaves this one open."""
        seen = type(self).__new__(type(self))
        sender = self._sender.with_options(_changed(self._sender.options, timeout, max_retries))
        Operations.__init__(seen, cast(S, sender))
        return seen

    def wrap(self, client: C, **options: Unpack[WrapOptions]) -> C:
        """A client like *client*, which recalls before each chat completion and remembers after it.

        *client*: an `openai.OpenAI`, or for the asynchronous client an `openai.AsyncOpenAI`.
        For calls that name a `user`, or for *user* where they name none; *thread* marks what is remembered. At most
        *budget_tokens* (1,000) of at most *memories* (12) are put in, at the head of the last question. Memory holds a
        call up for at most *patience* (1) seconds before, and again after it. It fails open: the call goes on without
        memory, the log has a warning, and *on_degraded* is called with a `Degraded`. *remember* False: recall alone.
        *client* itself stays as it is. Raises `TypeError` for another kind of client.
        """
        sender = self._sender.with_options(_within(self._sender.options, options.get("patience", 1.0)))
        return wrapped(client, sender, **options)


class MemoryOpsClient(_Client[Sync]):
    """A MemoryOps service over HTTP. Safe to use from several threads; close it, or use it in a `with`.

    *base_url*: `MEMORYOPS_URL`, or http://127.0.0.1:8765, unless given. *api_key*: `MEMORYOPS_API_KEY`, or for a server
    on this machine the token in its data folder, unless given; "" for none. *timeout*: seconds without a byte of an
    answer. *max_retries*: repetitions of a call that may be repeated, after errors that may pass. *http*: used in place
    of a client of its own, and left open. Raises `InvalidInput`; its methods raise as `memoryops.client.errors` says.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 60.0,
        max_retries: int = 2,
        http: httpx2.Client | None = None,
    ) -> None:
        super().__init__(Sync(_options(base_url, api_key, timeout, max_retries), http))

    def close(self) -> None:
        """Close the connections."""
        self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncMemoryOpsClient(_Client[Async]):
    """`MemoryOpsClient` for asyncio: every operation is awaited, `each` is iterated with `async for`."""

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 60.0,
        max_retries: int = 2,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        super().__init__(Async(_options(base_url, api_key, timeout, max_retries), http))

    async def close(self) -> None:
        """Close the connections."""
        await self._sender.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def wrap(client: C, *, base_url: str | None = None, api_key: str | None = None, **options: Unpack[WrapOptions]) -> C:
    """A client like *client*, an `openai.OpenAI` or `openai.AsyncOpenAI`, with the memory at *base_url* around it.

    As `MemoryOpsClient.wrap`, with a client of its own that is closed with it; *base_url* and *api_key* as there.
    """
    within = _within(_options(base_url, api_key, 60.0, 0), options.get("patience", 1.0))
    return wrapped(client, Async(within) if is_async(client) else Sync(within), **options)


def _options(base_url: str | None, api_key: str | None, timeout: float, max_retries: int) -> Options:
    url = url_of(base_url)
    return Options(url, key_of(api_key, url), timeout, Retries(max_retries))


def _changed(options: Options, timeout: float | None, max_retries: int | None) -> Options:
    if timeout is not None:
        options = replace(options, timeout=timeout)
    if max_retries is not None:
        options = replace(options, retries=replace(options.retries, most=max_retries))
    return options


def _within(options: Options, patience: float) -> Options:
    """*options* for calls that a language model waits for: no byte and no repetition is waited for longer."""
    return replace(options, timeout=patience, retries=Retries(1, longest_wait=patience))
