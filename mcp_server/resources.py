"""Resources: what a client may attach to a conversation, or subscribe to. JSON, but for an item's own text."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import anyio.to_thread

from ..memory.errors import InvalidInput
from .errors import DOMAIN, refusal
from .notices import HIL, ITEMS, PENDING, STATE, TASKS
from .runtime import Runtime

if TYPE_CHECKING:
    from .protocol import MemoryServer

T = TypeVar("T")

JSON = "application/json"
MAX_TOKENS = 50_000
"""How long a text one read gives."""
MOST = 100
"""How many pending requests one read gives."""


class Resources:
    """The resources over one memory."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def add_to(self, server: MemoryServer) -> None:
        """Register every resource and template with *server*."""
        add = server.resource
        add(STATE, title="State", description="Counts, tokens and utilisation of the memory", mime_type=JSON)(
            self.state
        )
        add(PENDING, title="Open questions", description="Questions to a person, not yet answered", mime_type=JSON)(
            self.pending
        )
        add(
            ITEMS + "{id}{?offset,max_tokens}",
            title="A memory",
            description="Its text, byte-exact; a long one in pages of max_tokens, from offset (characters) on",
            mime_type="text/plain",
        )(self.item)
        add(TASKS + "{id}", title="A task", mime_type=JSON)(self.task)
        add(HIL + "{id}", title="A question to a person", mime_type=JSON)(self.request)

    async def state(self) -> str:
        """Counts, tokens and utilisation of the memory."""
        return await self._json(lambda: self.runtime.ops().state().as_json())

    async def pending(self) -> str:
        """Questions to a person that are not yet answered, the newest first."""

        def read() -> Any:
            page = self.runtime.ops().hil.list(status="pending", limit=MOST)
            return {"requests": [asdict(each) for each in page.requests], "more": page.next_cursor is not None}

        return await self._json(read)

    async def item(self, id: str, offset: int = 0, max_tokens: int = 0) -> str:
        """The text of a memory, byte-exact. A long one has to be asked for in pages, so that none is cut unseen."""
        from ..compressors import tokens

        def read() -> str:
            item = self.runtime.ops().retrieve(id)
            if max_tokens <= 0 and offset <= 0 and item.tokens <= MAX_TOKENS:
                return item.content
            if max_tokens <= 0:
                raise InvalidInput(
                    f"{id} has {item.tokens} tokens, too many for one reply; read {ITEMS}{id}?offset=0&max_tokens=4000 "
                    "and so on, or use memory_retrieve"
                )
            if not 0 <= offset < len(item.content):
                raise InvalidInput(f"offset is {offset}, but {id} has {len(item.content)} characters")
            rest = item.content[offset:]
            return tokens.clip(rest, min(max_tokens, MAX_TOKENS)) or rest[:max_tokens]

        return await self._read(read)

    async def task(self, id: str) -> str:
        """All about a task."""
        return await self._json(lambda: asdict(self.runtime.ops().tasks.get(id)))

    async def request(self, id: str) -> str:
        """A question to a person and, once it has been given, the answer."""
        return await self._json(lambda: asdict(self.runtime.ops().hil.get(id)))

    async def _json(self, read: Callable[[], Any]) -> str:
        return json.dumps(await self._read(read), ensure_ascii=False)

    async def _read(self, read: Callable[[], T]) -> T:
        try:
            return await anyio.to_thread.run_sync(read)
        except DOMAIN as error:
            raise refusal(error) from error
