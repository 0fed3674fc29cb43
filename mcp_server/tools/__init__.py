"""The tools that agents see. Plain functions: the SDK runs each call in a worker thread."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import anyio.from_thread
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations
from pydantic import Field

from ...memory.errors import InvalidInput
from .guarded import guarded
from .results import AddedMemory, AddResult, NewMemory, RetrievedMemory, SearchHit, SearchResult
from ..runtime import Runtime

if TYPE_CHECKING:
    from ...memory.models import Added, Hit, Item

DEFAULT_TOKENS = 4000
MAX_TOKENS = 50_000
METADATA_TOKENS = 300
"""Longer metadata is left out of a search hit and says so."""

# Defaults that the schemas show; nobody changes them.
_NO_ITEMS: list[NewMemory] = []
_NO_TAGS: list[str] = []
_NO_FIELDS: dict[str, Any] = {}


class Tools:
    """The tools over one memory."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def all(self) -> list[Tool]:
        """Every tool, as the server registers them."""
        adds = ToolAnnotations(
            read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
        )
        reads = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
        return [
            guarded(self.memory_add, "Remember", adds),
            guarded(self.memory_search, "Search memory", reads),
            guarded(self.memory_retrieve, "Read a memory", reads),
        ]

    def memory_add(
        self,
        ctx: Context[Any, Any],
        content: Annotated[str, Field(description="the text, exactly as it should come back (up to 10 MB)")] = "",
        items: Annotated[list[NewMemory], Field(description="several at once, instead of content")] = _NO_ITEMS,
        content_type: Annotated[str, Field(description="note, markdown, code, chat, log, diff, json, …")] = "note",
        kind: Annotated[
            Literal["item", "message"], Field(description="message: a chat turn, never taken for a duplicate")
        ] = "item",
        priority: Annotated[int, Field(ge=1, le=10, description="10 stays longest")] = 5,
        tags: Annotated[list[str], Field(description="labels to find it by")] = _NO_TAGS,
        metadata: dict[str, Any] = _NO_FIELDS,
        thread: Annotated[str | None, Field(description="conversation it belongs to")] = None,
        speaker: str | None = None,
        created_at: Annotated[str | None, Field(description="ISO 8601; default now")] = None,
        ttl: Annotated[float | None, Field(description="seconds until it vanishes")] = None,
        idempotency_key: Annotated[str | None, Field(description="a retry with the same key stores nothing")] = None,
    ) -> AddResult:
        """Remember something beyond this conversation: a decision, fact, preference, finding, document, code
        or chat turn. Durable and searchable when this returns; an exact duplicate is recognised. Give
        content, or items for many."""
        if bool(content) == bool(items):
            raise InvalidInput("give either content or items, not both and not neither")
        if content:
            shared: dict[str, Any] = {
                "content_type": content_type,
                "kind": kind,
                "priority": priority,
                "tags": tags,
                "metadata": metadata,
                "thread": thread,
                "speaker": speaker,
                "created_at": created_at,
                "ttl": ttl,
                "idempotency_key": idempotency_key,
            }
            added = [self.runtime.ops().add(content, **shared)]
        else:
            added = self._add_many([each.model_dump() for each in items], idempotency_key, ctx)
        return AddResult(results=[_added(each) for each in added], note=_add_note(added))

    def _add_many(self, entries: list[dict[str, Any]], key: str | None, ctx: Context[Any, Any]) -> list[Added]:
        for number, entry in enumerate(entries):
            if key is not None and entry["idempotency_key"] is None:
                entry["idempotency_key"] = f"{key}/{number}"

        def report(done: int, total: int) -> None:
            anyio.from_thread.run(ctx.report_progress, done, total, f"{done} of {total} stored")

        return self.runtime.ops().add_many(entries, progress=report)

    def memory_search(
        self,
        query: Annotated[str, Field(description="what you want to know, in plain words")],
        limit: Annotated[int, Field(ge=1, le=100)] = 8,
        tags: Annotated[list[str], Field(description="only with any of these")] = _NO_TAGS,
        thread: Annotated[str | None, Field(description="only of this conversation")] = None,
        where: Annotated[
            dict[str, Any],
            Field(
                description='more conditions, such as {"content_type": "code", '
                '"metadata.lang": ["py", "js"], "created_at": {"gte": "2026-05-01"}}'
            ),
        ] = _NO_FIELDS,
        max_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS, description="of all content together")] = DEFAULT_TOKENS,
        cursor: Annotated[str | None, Field(description="next_cursor of the page before")] = None,
    ) -> SearchResult:
        """Search memory by meaning and by keyword, best first. Do this before answering anything that earlier
        work, decisions or preferences may bear on. Hits are passages; memory_retrieve gives the whole."""
        from ...memory.conditions import parse
        from ...stores.filters import all_of

        named = {name: value for name, value in (("tags", tags), ("thread", thread)) if value}
        condition = all_of(parse(named), parse(where))
        found = self.runtime.ops().search(query, limit, condition, max_tokens, cursor)
        return SearchResult(
            hits=[_hit(hit) for hit in found.hits],
            tokens=found.tokens,
            truncated=found.truncated,
            next_cursor=found.next_cursor,
        )

    def memory_retrieve(
        self,
        id: str,
        offset: Annotated[int, Field(ge=0, description="first character to give")] = 0,
        max_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS)] = DEFAULT_TOKENS,
    ) -> RetrievedMemory:
        """Read a memory in full, byte-exact, by the id of a search hit. A long one comes in pages: read on
        with next_offset until it is absent; the pages joined are the text."""
        return _page(self.runtime.ops().retrieve(id), offset, max_tokens)


def _added(added: Added) -> AddedMemory:
    return AddedMemory(id=added.id, action=added.action, embedding=added.embedding, findings=list(added.findings))


def _add_note(added: list[Added]) -> str:
    kept_back = sum(each.action == "quarantined" for each in added)
    if kept_back:
        return f"{kept_back} went into quarantine: no search finds them until a person releases them"
    if any(each.findings for each in added):
        return "screening flagged some of it (see findings); it was stored as it came"
    return ""


def _hit(hit: Hit) -> SearchHit:
    metadata, left_out = _fitting(hit.metadata, METADATA_TOKENS)
    return SearchHit(
        id=hit.id,
        content=hit.content,
        score=round(hit.score, 4),
        created_at=hit.created_at,
        whole=hit.whole,
        start=hit.start,
        kind=hit.kind,
        content_type=hit.content_type,
        priority=hit.priority,
        tags=list(hit.tags),
        metadata=metadata,
        thread=hit.thread,
        speaker=hit.speaker,
        agent=hit.agent,
        flagged=hit.flagged,
        left_out=left_out,
    )


def _page(item: Item, offset: int, max_tokens: int) -> RetrievedMemory:
    total = len(item.content)
    if offset >= total:
        raise InvalidInput(f"offset is {offset}, but {item.id} has {total} characters; start at 0")
    content = _clip(item.content[offset:], max_tokens)
    end = offset + len(content)
    metadata, left_out = _fitting(item.metadata, max_tokens)
    notes = [f"characters {end} to {total} follow; call again with offset={end}"] if end < total else []
    notes += [f"{name} is longer than max_tokens and was left out" for name in left_out]
    return RetrievedMemory(
        id=item.id,
        content=content,
        offset=offset,
        total_chars=total,
        next_offset=end if end < total else None,
        note="; ".join(notes),
        rev=item.rev,
        created_at=item.created_at,
        updated_at=item.updated_at,
        expires_at=item.expires_at,
        tokens=item.tokens,
        kind=item.kind,
        content_type=item.content_type,
        status=item.status,
        embedding=item.embedding,
        priority=item.priority,
        tags=list(item.tags),
        metadata=metadata,
        thread=item.thread,
        speaker=item.speaker,
        agent=item.agent,
        derived_from=list(item.derived_from),
        findings=list(item.findings),
    )


def _clip(text: str, max_tokens: int) -> str:
    """The head of *text* that fits; at least one character, so that reading on always ends."""
    from ...compressors import tokens

    return tokens.clip(text, max_tokens) or text[:max_tokens]


def _fitting(metadata: Mapping[str, Any], max_tokens: int) -> tuple[dict[str, Any], list[str]]:
    """*metadata* if it fits, else nothing and its name among what was left out."""
    from ...compressors import tokens

    if metadata and tokens.count(json.dumps(metadata, ensure_ascii=False)) > max_tokens:
        return {}, ["metadata"]
    return dict(metadata), []
