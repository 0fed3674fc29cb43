"""What was sent on streams that may break, for clients of the 2025 protocol that come back for the rest of it."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp_types import JSONRPCMessage

MOST_EVENTS = 2000
MOST_BYTES = 32 * 1024 * 1024
RETRY = 1000
"""Milliseconds after which a client whose stream broke is asked to come back."""


@dataclass(frozen=True, slots=True)
class _Kept:
    stream: str
    message: JSONRPCMessage | None
    size: int


class Events(EventStore):
    """The latest events of all streams, in memory: at most `MOST_EVENTS` and about `MOST_BYTES`, the oldest go first.

    Nobody guesses an event's id, so nobody resumes a stream that was not theirs.
    """

    def __init__(self, most_events: int = MOST_EVENTS, most_bytes: int = MOST_BYTES) -> None:
        self._most_events, self._most_bytes = most_events, most_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    async def store_event(self, stream_id: str, message: JSONRPCMessage | None) -> str:
        """Keep *message* (None: where a stream begins) and give its id."""
        id = secrets.token_hex(12)
        size = len(message.model_dump_json()) if message is not None else 0
        self._kept[id] = _Kept(stream_id, message, size)
        self._bytes += size
        while len(self._kept) > self._most_events or (self._bytes > self._most_bytes and len(self._kept) > 1):
            _, gone = self._kept.popitem(last=False)
            self._bytes -= gone.size
        return id

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        """Send what followed on the stream of *last_event_id*, and give that stream; None if it is not kept."""
        last = self._kept.get(last_event_id)
        if last is None:
            return None
        ids = list(self._kept)
        for id in ids[ids.index(last_event_id) + 1 :]:
            event = self._kept.get(id)
            if event is not None and event.stream == last.stream and event.message is not None:
                await send_callback(EventMessage(event.message, id))
        return last.stream
