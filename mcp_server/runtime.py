"""The one memory of this process, opened when it is first needed and shared by all connections."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..memory.service import MemoryOps


class Runtime:
    """Holds the façade that *open* gives. Safe to use from several threads.

    An error of *open* goes to the caller who needed it; the next call tries again.
    """

    def __init__(self, open: Callable[[], MemoryOps]) -> None:
        self._open = open
        self._ops: MemoryOps | None = None
        self._lock = threading.Lock()

    @property
    def opened(self) -> bool:
        """Whether the memory is open already, so that a call need not wait for that."""
        return self._ops is not None

    def ops(self) -> MemoryOps:
        """The memory, opened now if it is not yet. Raises what opening raises."""
        with self._lock:
            if self._ops is None:
                self._ops = self._open()
            return self._ops

    def close(self) -> None:
        """Let go of the memory if it was opened."""
        with self._lock:
            ops, self._ops = self._ops, None
        if ops is not None:
            ops.close()
