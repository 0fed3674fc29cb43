"""Resources: what a client may attach to a conversation, or subscribe to. JSON, but for an item's own text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import anyio.to_thread

from ..memory.errors import InvalidInput
from .errors import DOMAIN, refusal
from .notices import HIL, ITEMS, PENDING, STATE, TASKS
from .runtime import Runtime
from .tools.results import commonest, cut, few, head, small

if TYPE_CHECKING:
    from .protocol import MemoryServer

T = TypeVar("T")

JSON = "application/json"
MAX_TOKENS = 50_000
"""How long a memory one read gives whole, and how much of a longer one."""
FIELD_TOKENS = 8000
"""How long each field of a task or a request may be; the tools give more."""
MOST = 20
"""How many pending requests one read gives; hil_list has the rest."""
LIST_TOKENS = 300
"""How long each field of those may be."""
PENDING_TOKENS = 8000
"""How long they may be together."""


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

        def read() -> Any:
            values = self.runtime.ops().state().as_json()
            values["by_content_type"], note = commonest(values["by_content_type"], "content types")
            return {**values, "note": note} if note else values

        return await self._json(read)

    async def pending(self) -> str:
        """Questions to a person that are not yet answered, the newest first."""

        def read() -> Any:
            page = self.runtime.ops().hil.list(status="pending", limit=MOST)
            every = [_bounded(asdict(each), LIST_TOKENS, "hil_list with this id") for each in page.requests]
            requests = _within(every, PENDING_TOKENS)
            more = page.next_cursor is not None or len(requests) < len(every)
            note = {"note": "hil_list with status pending gives the rest"} if more else {}
            return {"requests": requests, "more": more, **note}

        return await self._json(read)

    async def item(self, id: str, offset: str = "0", max_tokens: str = "0") -> str:
        """The text of a memory, byte-exact. A long one has to be asked for in pages, so that none is cut unseen."""
        return await self._read(lambda: self._page(id, _whole(offset, "offset"), _whole(max_tokens, "max_tokens")))

    def _page(self, id: str, offset: int, max_tokens: int) -> str:
        item = self.runtime.ops().retrieve(id)
        if max_tokens == 0 and offset == 0 and item.tokens <= MAX_TOKENS:
            return item.content
        if max_tokens == 0:
            raise InvalidInput(
                f"{id} has {item.tokens} tokens, too many for one reply; read {ITEMS}{id}?offset=0&max_tokens=4000 "
                "and so on, or use memory_retrieve"
            )
        if offset >= len(item.content):
            raise InvalidInput(f"offset is {offset}, but {id} has {len(item.content)} characters")
        return head(item.content[offset:], min(max_tokens, MAX_TOKENS))

    async def task(self, id: str) -> str:
        """All about a task."""

        def read() -> Any:
            return _bounded(asdict(self.runtime.ops().tasks.get(id)), FIELD_TOKENS, "task_list with this id")

        return await self._json(read)

    async def request(self, id: str) -> str:
        """A question to a person and, once it has been given, the answer."""

        def read() -> Any:
            return _bounded(asdict(self.runtime.ops().hil.get(id)), FIELD_TOKENS, "hil_list with this id")

        return await self._json(read)

    async def _json(self, read: Callable[[], Any]) -> str:
        return json.dumps(await self._read(read), ensure_ascii=False)

    async def _read(self, read: Callable[[], T]) -> T:
        try:
            return await anyio.to_thread.run_sync(read)
        except DOMAIN as error:
            raise refusal(error) from error


def _whole(value: str, name: str) -> int:
    """*value* as a number from 0 up."""
    if not value.isdecimal() or len(value) > 12:
        raise InvalidInput(f"{name} is {value!r:.100}; give a whole number from 0 up")
    return int(value)


def _bounded(values: dict[str, Any], most: int, tool: str) -> dict[str, Any]:
    """*values* with no field of over *most* tokens; what was cut or left out is named, and the *tool* that has more."""
    left_out: list[str] = []
    shown = {name: _short(value, left_out, name, most) for name, value in values.items()}
    return {**shown, "left_out": left_out, "note": f"{tool} gives more"} if left_out else shown


def _short(value: Any, left_out: list[str], name: str, most: int) -> Any:
    if isinstance(value, str):
        return cut(value, left_out, name, most)
    if isinstance(value, Mapping):
        return small(value, left_out, most)
    return few(value, left_out, name, most) if isinstance(value, list | tuple) else value


def _within(entries: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """As many of *entries* as have *most* tokens together; one at least."""
    from ..compressors import tokens

    for number, entry in enumerate(entries):
        most -= tokens.count(json.dumps(entry, ensure_ascii=False))
        if most < 0 and number:
            return entries[:number]
    return entries
