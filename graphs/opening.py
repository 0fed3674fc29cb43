"""`from_conn_string`: a memory opened for as long as a `with` or an `async with` lasts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Generic, TypeVar

from ..memory.errors import InvalidInput
from ..memory.scope import Scope
from ..memory.service import MemoryOps

T = TypeVar("T")


class Opening(Generic[T]):
    """Opens the memory at *conn_string* on entering and gives what *make* makes of it; on leaving, closes both.

    *conn_string*: the path of a data folder, or the URL of a Qdrant server. *close* lets go of what was made.
    """

    def __init__(
        self,
        conn_string: str,
        scope: Scope | None,
        make: Callable[[MemoryOps], T],
        close: Callable[[T], None] = lambda made: None,
    ) -> None:
        if conn_string == ":memory:":
            raise InvalidInput("':memory:' is no folder; for a memory in memory open MemoryOps(InMemoryStore())")
        self._conn_string, self._scope, self._make, self._close = conn_string, scope, make, close
        self._open = ExitStack()

    def __enter__(self) -> T:
        served = self._conn_string.startswith(("http://", "https://"))
        with ExitStack() as stack:
            ops = MemoryOps.open(
                data_dir=None if served else self._conn_string,
                qdrant_url=self._conn_string if served else None,
                scope=self._scope,
            )
            stack.callback(ops.close)
            made = self._make(ops)
            stack.callback(self._close, made)
            self._open = stack.pop_all()
        return made

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    async def __aenter__(self) -> T:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)
