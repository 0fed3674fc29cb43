"""The tools on memories. Plain functions: the SDK runs each call in a worker thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import anyio.from_thread
from mcp.server.mcpserver import Context
from pydantic import Field, WithJsonSchema

from ...memory.errors import InvalidInput
from ..runtime import Runtime
from .memory_results import (
    AddedMemory,
    AddResult,
    CompressResult,
    ContextResult,
    ExportResult,
    ForgottenMemories,
    NewMemory,
    RetrievedMemory,
    SearchHit,
    SearchResult,
    StateResult,
    UpdatedMemory,
)
from .results import MOST_FINDINGS, commonest, few, fitting, head, small

if TYPE_CHECKING:
    from ...memory.models import Added, Found, Hit, Item

DEFAULT_TOKENS = 4000
MAX_TOKENS = 50_000
MOST_IDS = 100
"""How many ids one reply names."""
HIT_TOKENS = 150
"""What a hit may take beside its content, on average."""

# Defaults that the schemas show; nobody changes them.
_NO_ITEMS: list[NewMemory] = []
_NO_TAGS: list[str] = []
_NO_FIELDS: dict[str, Any] = {}

Where = Annotated[dict[str, Any], Field(description="as in memory_search")]
Budget = Annotated[int, Field(ge=1, le=MAX_TOKENS)]


class MemoryTools:
    """The tools on memories, over one memory."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def memory_add(
        self,
        ctx: Context[Any, Any],
        content: str = "",
        items: Annotated[
            list[NewMemory],
            Field(description="many: objects with these fields, or those given beside"),
            WithJsonSchema({"type": "array", "items": {"type": "object"}}),  # spelled out, it is a third of the schema
        ] = _NO_ITEMS,
        content_type: Annotated[str, Field(description="note, markdown, code, chat, log, diff…")] = "note",
        kind: Annotated[Literal["item", "message"], Field(description="message: a chat turn")] = "item",
        priority: Annotated[int, Field(ge=1, le=10, description="1-10; 10 stays longest")] = 5,
        tags: list[str] = _NO_TAGS,
        metadata: dict[str, Any] = _NO_FIELDS,
        thread: Annotated[str | None, Field(description="conversation")] = None,
        speaker: str | None = None,
        created_at: Annotated[str | None, Field(description="ISO 8601")] = None,
        ttl: Annotated[float | None, Field(description="seconds")] = None,
        idempotency_key: Annotated[str | None, Field(description="makes a retry safe")] = None,
    ) -> AddResult:
        """Remember something beyond this conversation: a decision, fact, preference, finding, document, code, chat
        turn. Durable and searchable at once; exact duplicates are recognised."""
        if bool(content) == bool(items):
            raise InvalidInput("give either content or items, not both and not neither")
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
        }
        if content:
            added = [self.runtime.ops().add(content, **shared, idempotency_key=idempotency_key)]
        else:
            entries = [{**shared, **each.model_dump(exclude_unset=True)} for each in items]
            added = self._add_many(entries, idempotency_key, ctx)
        if len(added) <= MOST_IDS:
            return AddResult(results=[_added(each) for each in added], note=_add_note(added))
        plain = sum(each.action == "added" for each in added)
        named = [each for each in added if each.action != "added" or each.findings]
        shown = [_added(each) for each in named[:MOST_IDS]]
        return AddResult(results=shown, added=plain, note=_many_note(added, plain, named))

    def _add_many(self, entries: list[dict[str, Any]], key: str | None, ctx: Context[Any, Any]) -> list[Added]:
        for number, entry in enumerate(entries):
            if key is not None and entry.get("idempotency_key") is None:
                entry["idempotency_key"] = f"{key}/{number}"

        def report(done: int, total: int) -> None:
            anyio.from_thread.check_cancelled()  # a call that was cancelled ends here; what is stored stays
            anyio.from_thread.run(ctx.report_progress, done, total, f"{done} of {total} stored")

        return self.runtime.ops().add_many(entries, progress=report)

    def memory_search(
        self,
        ctx: Context[Any, Any],
        query: Annotated[str, Field(description="a plain question")],
        limit: Annotated[int, Field(ge=1, le=100)] = 8,
        tags: Annotated[list[str], Field(description="any of these")] = _NO_TAGS,
        thread: str | None = None,
        where: Annotated[
            dict[str, Any],
            Field(
                description='{"content_type": "code", "metadata.lang": ["py", "js"], '
                '"created_at": {"gte": "2026-05-01"}}'
            ),
        ] = _NO_FIELDS,
        max_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS)] = DEFAULT_TOKENS,
        cursor: Annotated[str | None, Field(description="next_cursor of the page before")] = None,
    ) -> SearchResult:
        """Search memory by meaning and keyword, best first. Do this before answering anything that earlier work,
        decisions or preferences may bear on."""
        from ...compressors import tokens
        from ...memory.conditions import parse
        from ...stores.filters import all_of

        named = {name: value for name, value in (("tags", tags), ("thread", thread)) if value}
        condition = all_of(parse(named), parse(where))
        cold = not self.runtime.opened
        if cold:
            anyio.from_thread.run(ctx.report_progress, 0, 2, "opening the memory")
        ops = self.runtime.ops()
        if cold:
            anyio.from_thread.run(ctx.report_progress, 1, 2, "searching; the first search loads the model")

        def fetch(most: int) -> Found:
            return ops.search(query, most, condition, max_tokens, cursor)

        hits, next_cursor = fitting(fetch, lambda page: page.hits, _hit, limit, max_tokens + HIT_TOKENS * limit)
        if cold:
            anyio.from_thread.run(ctx.report_progress, 2, 2, "found")
        return SearchResult(
            hits=hits,
            tokens=sum(tokens.count(hit.content) for hit in hits),
            truncated=next_cursor is not None,
            next_cursor=next_cursor,
        )

    def memory_retrieve(
        self,
        id: str,
        form: Literal["full", "compressed", "hint"] = "full",
        offset: Annotated[int, Field(ge=0, description="next_offset of the page before")] = 0,
        max_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS)] = DEFAULT_TOKENS,
    ) -> RetrievedMemory:
        """Read a memory byte-exact by id; long ones in pages, to be joined."""
        return _page(self.runtime.ops().retrieve(id, form), offset, max_tokens)

    def memory_update(
        self,
        id: str,
        content: str | None = None,
        content_type: str | None = None,
        priority: Annotated[int | None, Field(ge=1, le=10)] = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        thread: str | None = None,
        speaker: str | None = None,
        ttl: float | None = None,
        expected_rev: Annotated[int | None, Field(description="rev you read")] = None,
    ) -> UpdatedMemory:
        """Correct a memory: what is given replaces what is there."""
        given = {
            "content": content,
            "content_type": content_type,
            "priority": priority,
            "tags": tags,
            "metadata": metadata,
            "thread": thread,
            "speaker": speaker,
            "ttl": ttl,
        }
        patch = {name: value for name, value in given.items() if value is not None}
        item = self.runtime.ops().update(id, patch, expected_rev)
        return UpdatedMemory(id=item.id, rev=item.rev, status=item.status, updated_at=item.updated_at)

    def memory_forget(
        self,
        ids: list[str] = _NO_TAGS,
        where: Where = _NO_FIELDS,
        hard: Annotated[bool, Field(description="erase every byte from the disk")] = False,
    ) -> ForgottenMemories:
        """Delete memories for good, and what was derived from them, by ids or where."""
        gone = self.runtime.ops().forget(ids or None, where=where or None, hard=hard)
        total = len(gone.ids) + len(gone.derived)
        long = max(len(gone.ids), len(gone.derived), len(gone.missing)) > MOST_IDS
        return ForgottenMemories(
            ids=list(gone.ids[:MOST_IDS]),
            derived=list(gone.derived[:MOST_IDS]),
            missing=list(gone.missing[:MOST_IDS]),
            note=f"{total} are gone, {len(gone.missing)} were not there; the first {MOST_IDS} of each are named"
            if long
            else "",
        )

    def memory_context(
        self,
        purpose: Annotated[str, Field(description="task or question")],
        budget_tokens: Budget = DEFAULT_TOKENS,
        thread: Annotated[str | None, Field(description="include its latest turns")] = None,
        where: Where = _NO_FIELDS,
    ) -> ContextResult:
        """What memory holds for a purpose, as one block within a budget: texts whole, compressed or hints with ids;
        open tasks. For the start of work."""
        found = self.runtime.ops().context(purpose, budget_tokens, where=where or None, thread=thread)
        forms: dict[str, list[str]] = {"full": [], "compressed": [], "hint": []}
        for entry in found.entries:
            forms["compressed" if entry.form == "summary" else entry.form].append(entry.id)
        return ContextResult(
            text=found.text,
            tokens=found.tokens,
            full=forms["full"],
            compressed=forms["compressed"],
            hints=forms["hint"],
            left_out=found.left_out,
            compressor=found.compressor,
            reason=found.reason,
        )

    def memory_compress(
        self,
        text: str = "",
        ids: Annotated[list[str], Field(description="memories, instead of text")] = _NO_TAGS,
        query: Annotated[str, Field(description="what must survive")] = "",
        budget_tokens: Budget = 1000,
        content_type: str = "note",
    ) -> CompressResult:
        """Shorten a text or memories to the sentences that matter for query; the original is kept."""
        if bool(text) == bool(ids):
            raise InvalidInput("give either text or ids, not both and not neither")
        kept = self.runtime.ops().compress(
            text=text or None, ids=ids or None, query=query, budget_tokens=budget_tokens, content_type=content_type
        )
        return CompressResult(
            text=kept.text,
            tokens_before=kept.tokens_before,
            tokens_after=kept.tokens_after,
            ids=[each.id for each in kept.items if each.id is not None],
            left_out=[each.id for each in kept.items if each.id is not None and each.form == "left_out"],
            compressor=kept.compressor,
            reason=kept.reason,
        )

    def memory_state(self) -> StateResult:
        """Counts, tokens, utilisation, savings, open tasks, questions."""
        values = self.runtime.ops().state().as_json()
        values["by_content_type"], note = commonest(values["by_content_type"], "content types")
        values["usd"] = {name: usd for name in ("cost", "saved") if (usd := values.pop(f"{name}_usd")) is not None}
        del values["context_tokens"]
        return StateResult(**values, note=note)

    def memory_export(
        self,
        cursor: str | None = None,
        limit: Annotated[int, Field(ge=1, le=1000)] = 100,
        max_tokens: Annotated[int, Field(ge=100, le=MAX_TOKENS)] = 10_000,
    ) -> ExportResult:
        """All of your memory in pages; as JSON lines they are what `memoryops import` reads."""
        page = self.runtime.ops().export_page(limit=limit, max_tokens=max_tokens, cursor=cursor)
        records = [dict(record) for record in page.records]
        return ExportResult(records=records, next_cursor=page.next_cursor, left_out=list(page.left_out))


_ARCHIVED = "archived: searches find it with where {'state': 'archived'}; a change, or a person, brings it back"


def _added(added: Added) -> AddedMemory:
    findings = list(added.findings[:MOST_FINDINGS])
    return AddedMemory(id=added.id, action=added.action, embedding=added.embedding, findings=findings)


def _many_note(added: list[Added], plain: int, named: list[Added]) -> str:
    duplicates = sum(each.action == "duplicate" for each in added)
    parts = [f"{plain} of {len(added)} were added"]
    parts += [f"{duplicates} were there already"] if duplicates else []
    parts += [f"{len(named)} were not plainly added; the first {MOST_IDS} are named"] if len(named) > MOST_IDS else []
    return "; ".join([*parts, *filter(None, [_add_note(added)])])


def _add_note(added: list[Added]) -> str:
    kept_back = sum(each.action == "quarantined" for each in added)
    if kept_back:
        return f"{kept_back} went into quarantine: no search finds them until a person releases them"
    if any(each.findings for each in added):
        return "screening flagged some of it (see findings); it was stored as it came"
    return ""


def _hit(hit: Hit) -> SearchHit:
    left_out: list[str] = []
    metadata = small(hit.metadata, left_out)
    tags = few(hit.tags, left_out, "tags")
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
        tags=tags,
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
    content = head(item.content[offset:], max_tokens)
    end = offset + len(content)
    left_out: list[str] = []
    metadata = small(item.metadata, left_out, max_tokens)
    tags = few(item.tags, left_out, "tags", max_tokens)
    derived_from = few(item.derived_from, left_out, "derived_from", max_tokens)
    notes = [f"characters {end} to {total} follow; call again with offset={end}"] if end < total else []
    notes += [_ARCHIVED] if item.tier == "archived" else []
    notes += [f"{name} is longer than max_tokens and was left out; a larger max_tokens gives it" for name in left_out]
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
        tags=tags,
        metadata=metadata,
        thread=item.thread,
        speaker=item.speaker,
        agent=item.agent,
        derived_from=derived_from,
        findings=list(item.findings[:MOST_FINDINGS]),
    )
