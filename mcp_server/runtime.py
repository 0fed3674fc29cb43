"""The one memory of this process, opened when it is first needed and shared by all connections.

Over HTTP several callers share it, each within the scope of its key: whoever lets a call in says which (`acting`),
and what the call does, in whatever task or thread, sees the memory from that scope.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..memory.scope import Scope
    from ..memory.service import MemoryOps

MOST_SCOPES = 256
"""How many callers' views of the memory are kept for their next calls."""
_SCOPE: ContextVar[Scope | None] = ContextVar("memoryops_scope", default=None)


@contextmanager
def acting(scope: Scope | None) -> Iterator[None]:
    """What is called inside acts within *scope*; None: within that of the memory itself."""
    token = _SCOPE.set(scope)
    try:
        yield
    finally:
        _SCOPE.reset(token)


def scope_now() -> Scope | None:
    """The scope of the call that this runs in; None: that of the memory itself."""
    return _SCOPE.get()


class Runtime:
    """Holds the façade that *open* gives. Safe to use from several threads.

    An error of *open* goes to the caller who needed it; the next call tries again.
    """

    def __init__(self, open: Callable[[], MemoryOps]) -> None:
        self._open = open
        self._ops: MemoryOps | None = None
        self._views: OrderedDict[Scope, MemoryOps] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def opened(self) -> bool:
        """Whether the memory is open already, so that a call need not wait for that."""
        return self._ops is not None

    def ops(self) -> MemoryOps:
        """The memory as this call may see it, opened now if it is not yet. Raises what opening raises."""
        scope = scope_now()
        with self._lock:
            if self._ops is None:
                self._ops = self._open()
            return self._ops if scope in (None, self._ops.scope) else self._view(self._ops, scope)

    def _view(self, ops: MemoryOps, scope: Scope | None) -> MemoryOps:
        assert scope is not None
        if scope not in self._views:
            self._views[scope] = ops.with_scope(scope)
            if len(self._views) > MOST_SCOPES:
                _, oldest = self._views.popitem(last=False)
                oldest.close()
        self._views.move_to_end(scope)
        return self._views[scope]

    def close(self) -> None:
        """Let go of the memory if it was opened."""
        with self._lock:
            ops, self._ops = self._ops, None
            views, self._views = list(self._views.values()), OrderedDict()
        for view in views:
            view.close()
        if ops is not None:
            ops.close()
