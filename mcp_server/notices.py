"""What changed in the memory, whoever changed it, as MCP's resource-updated events.

For each workspace one thread of this process watches the store while anybody here listens: subscribed clients, and
tool calls that wait for a person. Nobody who waits holds a thread of their own.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mcp.server.subscriptions import ResourceUpdated, ServerEvent

from .errors import DOMAIN
from .runtime import Runtime, scope_now

if TYPE_CHECKING:
    from ..stores.ports import Event, PointStore

log = logging.getLogger(__name__)

WATCH_SECONDS = 20.0
RETRY_SECONDS = 1.0

ITEMS = "memory://items/"
TASKS = "memory://tasks/"
HIL = "memory://hil/"
PENDING = "memory://hil/pending"
STATE = "memory://state"

Listener = Callable[[ServerEvent], None]


class Notices:
    """The SDK's `SubscriptionBus` over the store's `watch`: who listens hears of the workspace they call within."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._watches: dict[str | None, _Watch] = {}
        self._lock = threading.Lock()
        self.ending = False
        """Set when the server stops: who waits for a person goes home."""

    async def publish(self, event: ServerEvent) -> None:
        """Hand *event* to everybody who listens."""
        self._deliver(event)
        await asyncio.sleep(0)

    def end(self) -> None:
        """The server stops: wake everybody who waits."""
        self.ending = True
        self._deliver(ResourceUpdated(PENDING))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call *listener*, on the event loop that this is called on, with what changes from now on."""
        return self._here().subscribe(listener)

    async def begun(self, within: float = 10.0) -> None:
        """Wait until the watch has begun, so that no later change is missed; *within* seconds at most."""
        await self._here().begun(within)

    def _here(self) -> _Watch:
        """The watch over the workspace of this call; None stands for the memory's own."""
        scope = scope_now()
        workspace = scope.workspace if scope is not None else None
        with self._lock:
            if workspace not in self._watches:
                self._watches[workspace] = _Watch(self.runtime, workspace)
            return self._watches[workspace]

    def _deliver(self, event: ServerEvent) -> None:
        with self._lock:
            watches = list(self._watches.values())
        for watch in watches:
            watch.deliver([event])


class _Watch:
    """Watches one workspace while anybody listens."""

    def __init__(self, runtime: Runtime, workspace: str | None) -> None:
        self.runtime, self.workspace = runtime, workspace
        self._listeners: dict[object, tuple[asyncio.AbstractEventLoop, Listener]] = {}
        self._watching = False
        self._since: int | None = None
        self._lock = threading.Lock()
        self._begun: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        token = object()
        with self._lock:
            self._listeners[token] = (asyncio.get_running_loop(), listener)
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="memoryops-watch", daemon=True).start()

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.pop(token, None)

        return unsubscribe

    async def begun(self, within: float) -> None:
        event = asyncio.Event()
        with self._lock:
            if self._since is not None:
                return
            self._begun.append((asyncio.get_running_loop(), event))
        try:
            await asyncio.wait_for(event.wait(), within)
        except TimeoutError:
            log.warning("the store cannot be watched yet; changes are told once it can")

    def deliver(self, events: Iterable[ServerEvent]) -> None:
        with self._lock:
            listeners = list(self._listeners.values())
        for event in events:
            for loop, listener in listeners:
                _on(loop, listener, event)

    def _watch(self) -> None:
        """What the thread does: it ends when nobody listens any more, and nothing else ends it."""
        failed = False
        while self._wanted():
            try:
                store, workspace = self._store()
                if self._since is None:
                    self._begin(store.info().last_seq)
                assert self._since is not None
                events = store.watch(workspace, self._since, timeout=WATCH_SECONDS)
            except Exception as error:
                if not failed:
                    defect = None if isinstance(error, DOMAIN) else error
                    log.warning("the store is not watched", exc_info=defect, extra={"error": type(error).__name__})
                failed = True
                threading.Event().wait(RETRY_SECONDS)
                continue
            failed = False
            if events:
                self._since = events[-1].seq
                self.deliver(_told(events))

    def _store(self) -> tuple[PointStore, str]:
        ops = self.runtime.ops()
        return ops.store, self.workspace or ops.scope.workspace

    def _wanted(self) -> bool:
        with self._lock:
            if not self._listeners:
                self._watching = False
                self._since = None
            return self._watching

    def _begin(self, seq: int) -> None:
        with self._lock:
            self._since = seq
            waiting, self._begun = self._begun, []
        for loop, event in waiting:
            _on(loop, event.set)


def _on(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: object) -> None:
    try:
        loop.call_soon_threadsafe(call, *arguments)
    except RuntimeError:  # that loop is closed, and whoever listened on it is gone
        log.debug("a listener's event loop is closed")


def _told(events: Iterable[Event]) -> list[ServerEvent]:
    """The resources that *events* changed, each once."""
    uris: dict[str, None] = {}
    for event in events:
        if event.collection != "records":
            continue
        if event.type == "item":
            uris[f"{ITEMS}{event.id}"] = None
        elif event.type == "task":
            uris[f"{TASKS}{event.id}"] = None
        elif event.type == "hil":
            uris[f"{HIL}{event.id}"] = None
            uris[PENDING] = None
        else:
            continue
        uris[STATE] = None
    return [ResourceUpdated(uri) for uri in uris]
