"""Opening a memory for a block of code, synchronous or not: what `from_conn_string` gives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

from ..memory.scope import Scope
from ..memory.service import MemoryOps

T = TypeVar("T")


class Opening(Generic[T]):
    """What *make* makes of a memory that is open within `with` or `async with`.

    *conn_string*: a data folder, or the URL of a Qdrant server. Raises as `MemoryOps.open` does, on entry.
    """

    def __init__(self, conn_string: str, scope: Scope | None, make: Callable[[MemoryOps], T]) -> None:
        self._conn_string, self._scope, self._make = conn_string, scope, make

    def __enter__(self) -> T:
        on_server = self._conn_string.startswith(("http://", "https://"))
        folder, url = (None, self._conn_string) if on_server else (self._conn_string, None)
        self._ops = MemoryOps.open(folder, url, self._scope)
        return self._make(self._ops)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ops.close()

    async def __aenter__(self) -> T:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)
