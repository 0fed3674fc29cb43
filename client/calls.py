"""How an operation becomes a method: of a blocking client one that blocks, of an asynchronous one a coroutine.

One table (`operations.py`) serves both. A method has the signature of its request's function, for type checkers and
editors too; what it is bound to says whether its result is awaited.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from .request import Request
from .senders import Async, Sync

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound=Sync | Async)


class Page(Protocol):
    """A part of a list; *next_cursor* leads to the next one."""

    @property
    def next_cursor(self) -> str | None: ...


G = TypeVar("G", bound=Page)
E = TypeVar("E")


class Part(Generic[S]):
    """What has operations: a client, or a noun of one."""

    def __init__(self, sender: S) -> None:
        self._sender: S = sender


class Call(Generic[P, T]):
    """An operation as a method."""

    def __init__(self, build: Callable[P, Request[T]]) -> None:
        self.build = build

    @overload
    def __get__(self, owner: None, kind: type) -> Call[P, T]: ...
    @overload
    def __get__(self, owner: Part[Sync], kind: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, owner: Part[Async], kind: type) -> Callable[P, Coroutine[Any, Any, T]]: ...

    def __get__(self, owner: Part[Any] | None, kind: type) -> Any:
        if owner is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return owner._sender.send(self.build(*args, **kwargs))

        return update_wrapper(call, self.build)


class Listing(Generic[P, G, E]):
    """An operation whose result is one page of many: a method, and `each` for the entries of all pages."""

    def __init__(self, build: Callable[P, Request[G]], entries: Callable[[G], Sequence[E]]) -> None:
        self.build, self.entries = build, entries

    @overload
    def __get__(self, owner: None, kind: type) -> Listing[P, G, E]: ...
    @overload
    def __get__(self, owner: Part[Sync], kind: type) -> Pages[P, G, E]: ...
    @overload
    def __get__(self, owner: Part[Async], kind: type) -> AsyncPages[P, G, E]: ...

    def __get__(self, owner: Part[Any] | None, kind: type) -> Any:
        if owner is None:
            return self
        sender: Sync | Async = owner._sender
        pages = Pages(self, sender) if isinstance(sender, Sync) else AsyncPages(self, sender)
        return update_wrapper(pages, self.build)


class Pages(Generic[P, G, E]):
    """Called, it gives one page; `each` gives the entries of this and all pages behind it."""

    def __init__(self, listing: Listing[P, G, E], sender: Sync) -> None:
        self._listing, self._sender = listing, sender

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> G:
        return self._sender.send(self._listing.build(*args, **kwargs))

    def each(self, *args: P.args, **kwargs: P.kwargs) -> Iterator[E]:
        request = self._listing.build(*args, **kwargs)
        while True:
            page = self._sender.send(request)
            yield from self._listing.entries(page)
            if page.next_cursor is None:
                return
            request = request.at(page.next_cursor)


class AsyncPages(Generic[P, G, E]):
    """Called, it gives one page; `each` gives the entries of this and all pages behind it."""

    def __init__(self, listing: Listing[P, G, E], sender: Async) -> None:
        self._listing, self._sender = listing, sender

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, G]:
        return self._sender.send(self._listing.build(*args, **kwargs))

    async def each(self, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[E]:
        request = self._listing.build(*args, **kwargs)
        while True:
            page = await self._sender.send(request)
            for entry in self._listing.entries(page):
                yield entry
            if page.next_cursor is None:
                return
            request = request.at(page.next_cursor)
