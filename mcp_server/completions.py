"""Completions: the ids and threads that fit what a person has typed so far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import anyio.to_thread
from mcp_types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from ..stores.filters import Eq, Filter, all_of
from .errors import DOMAIN
from .notices import HIL, ITEMS, TASKS
from .runtime import Runtime

if TYPE_CHECKING:
    from .protocol import MemoryServer

MOST = 100
"""The protocol's own limit."""
LOOKED_AT = 1000
"""The newest of each kind are completed, up to so many."""

KINDS = {ITEMS: "item", TASKS: "task", HIL: "hil"}


class Completions:
    """The completions over one memory."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def add_to(self, server: MemoryServer) -> None:
        """Register with *server*."""
        server.completion()(self.complete)  # type: ignore[no-untyped-call]  # the SDK gives it no types

    async def complete(
        self,
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        """What may stand for *argument*: ids of a template's kind, newest first; threads of a prompt. Else None."""
        kind = _kind(ref, argument.name)
        if kind is None:
            return None
        try:
            found = await anyio.to_thread.run_sync(self._values, kind)
        except DOMAIN:
            return Completion(values=[])  # whoever types is not helped by an error here; the read will tell
        typed = argument.value.casefold()
        fitting = [value for value in found if value.casefold().startswith(typed)]
        return Completion(values=fitting[:MOST], total=len(fitting), has_more=len(fitting) > MOST)

    def _values(self, kind: str) -> Iterable[str]:
        ops = self.runtime.ops()
        narrow = ops.scope.filter
        if kind == "thread":
            where = all_of(Eq("type", "item"), Eq("status", "active"), narrow)
            return list(ops.store.facet(ops.scope.workspace, "records", "thread", where, LOOKED_AT))
        shown: Filter | None = Eq("status", "active") if kind == "item" and ops.scope.role == "agent" else None
        page = ops.store.scroll(
            ops.scope.workspace,
            "records",
            where=all_of(Eq("type", kind), shown, narrow),
            order_by="created_at",
            descending=True,
            limit=LOOKED_AT,
        )
        return [point.id for point in page.points]


def _kind(ref: PromptReference | ResourceTemplateReference, argument: str) -> str | None:
    if isinstance(ref, PromptReference):
        return "thread" if argument == "thread" else None
    if argument != "id":
        return None
    return next((kind for start, kind in KINDS.items() if ref.uri.startswith(start)), None)
