"""Finding over REST: search, recall, working sets, compression, fitting a conversation to a window."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AliasChoices, Field, model_validator

from ...memory.compress import Compressed
from ...memory.context import WorkingSet
from ...memory.errors import InvalidInput
from ...memory.fitting import Fitted
from ...memory.models import Found
from .items import Where
from .operation import Body, Call, Name, Operation, Query, Text, Within, thread_field

Tokens = Annotated[int, Field(ge=1, le=10_000_000)]
Question = Annotated[str, Field(min_length=1, max_length=20_000)]
MAX_TOKENS = 50_000
DEFAULT_TOKENS = 4000


class SearchBody(Within, Body):
    query: Question
    limit: Annotated[int, Field(ge=1, le=100)] = 8
    where: Where | None = None
    thread: str | None = thread_field("only of this conversation")
    max_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS, description="of all hits together")] = DEFAULT_TOKENS
    cursor: str | None = None
    explain: Annotated[bool, Field(description="give the parts of each score")] = False
    rerank: Annotated[bool | None, Field(description="let the retrieval head have a say; as configured")] = None


class SearchQuery(Within, Query):
    query: Annotated[Question, Field(validation_alias=AliasChoices("query", "q"), description="also called q")]
    limit: Annotated[
        int, Field(ge=1, le=100, validation_alias=AliasChoices("limit", "top_k"), description="also called top_k")
    ] = 8
    thread: str | None = thread_field("only of this conversation")
    max_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS)] = DEFAULT_TOKENS
    cursor: str | None = None
    explain: bool = False


class ContextBody(Within, Body):
    purpose: Annotated[
        str,
        Field(
            min_length=1, max_length=80_000, validation_alias=AliasChoices("purpose", "query"),
            description="task or question; also called query",
        ),
    ]  # fmt: skip
    budget_tokens: Annotated[
        int | None,
        Field(
            ge=1, le=10_000_000, validation_alias=AliasChoices("budget_tokens", "token_budget"),
            description="most tokens of the text; also called token_budget",
        ),
    ] = None  # fmt: skip
    thread: str | None = thread_field("the conversation whose latest turns come along")
    where: Where | None = None
    limit: Annotated[int | None, Field(ge=1, description="most memories")] = None
    turns: Annotated[int, Field(ge=0, le=100)] = 10
    tasks: bool = True


class RecallBody(Within, Body):
    """With `purpose`: a working set, as /v1/workingset gives. With `query`: hits, as /v1/search gives."""

    purpose: Annotated[str | None, Field(min_length=1, max_length=80_000)] = None
    query: Question | None = None
    token_budget: Tokens | None = None
    thread: str | None = thread_field()
    limit: Annotated[int, Field(ge=1, le=100)] = 8
    current_view_only: Annotated[bool, Field(description="every memory is current; taken for old clients")] = True

    @model_validator(mode="after")
    def _one_of_both(self) -> RecallBody:
        if (self.purpose is None) == (self.query is None):
            raise ValueError("give either purpose or query")
        return self


class CompressBody(Within, Body):
    """Either text or ids."""

    text: Text | None = None
    ids: Annotated[list[Name] | None, Field(min_length=1, max_length=1000)] = None
    query: Annotated[str, Field(max_length=80_000, description="what must survive")] = ""
    budget_tokens: Tokens | None = None
    content_type: Name = "note"
    keep: Annotated[bool, Field(description="store a text, so that its id brings the original back")] = True


class FitBody(Within, Body):
    """A conversation in OpenAI's form."""

    messages: Annotated[list[dict[str, Any]], Field(min_length=1)]
    query: Question | None = None
    model: Name | None = None
    max_tokens: Tokens | None = None
    tools: list[dict[str, Any]] = []
    reserve: Annotated[int, Field(ge=0, description="tokens kept free for the answer")] = 0
    thread: str | None = thread_field()
    recent: Annotated[int, Field(ge=1, le=1000)] = 4


def search(call: Call) -> Found:
    return _search(call, call.body, call.body.where, call.body.rerank)


def search_by_query(call: Call) -> Found:
    return _search(call, call.query, None, None)


def _search(call: Call, asked: Any, where: dict[str, Any] | None, rerank: bool | None) -> Found:
    return call.ops.search(
        asked.query,
        asked.limit,
        _where(where, asked.thread),
        asked.max_tokens,
        asked.cursor,
        asked.explain,
        rerank,
    )


def _where(where: dict[str, Any] | None, thread: str | None) -> dict[str, Any] | None:
    if thread is None:
        return where
    if where and where.get("thread", thread) != thread:
        raise InvalidInput("thread and the thread in where differ; give one of them")
    return {**(where or {}), "thread": thread}


def context(call: Call) -> WorkingSet:
    body = call.body
    return call.ops.context(
        body.purpose,
        body.budget_tokens,
        where=body.where,
        thread=body.thread,
        limit=body.limit,
        turns=body.turns,
        tasks=body.tasks,
    )


def recall(call: Call) -> Found | WorkingSet:
    body = call.body
    if body.purpose is not None:
        return call.ops.context(body.purpose, body.token_budget, thread=body.thread)
    budget = min(body.token_budget or DEFAULT_TOKENS, MAX_TOKENS)
    return call.ops.search(body.query, body.limit, _where(None, body.thread), budget)


def compress(call: Call) -> Compressed:
    body = call.body
    return call.ops.compress(
        text=body.text,
        ids=body.ids,
        query=body.query,
        budget_tokens=body.budget_tokens,
        content_type=body.content_type,
        keep=body.keep,
    )


def fit(call: Call) -> Fitted:
    body = call.body
    return call.ops.fit(
        body.messages,
        body.query,
        model=body.model,
        max_tokens=body.max_tokens,
        tools=body.tools,
        reserve=body.reserve,
        thread=body.thread,
        recent=body.recent,
    )


OPERATIONS = (
    Operation(
        "memory_search", "POST", "/v1/search", search, "Search by meaning and keyword, best first", Found, ("search",),
        body=SearchBody, example={"query": "which database did we choose", "limit": 5},
        aliases=("/memory-manager/items/search",),
    ),
    Operation(
        "memory_search_get", "GET", "/v1/search", search_by_query, "Search by meaning and keyword, best first", Found,
        ("search",), query=SearchQuery, aliases=("/v1/memory/search",),
    ),
    Operation(
        "recall", "POST", "/v1/recall", recall, "A working set for a purpose, or hits for a query",
        Found | WorkingSet, ("context", "search"), body=RecallBody, slow=True,
        example={"purpose": "fix the rounding of refunds", "token_budget": 4000},
    ),
    Operation(
        "memory_context", "POST", "/v1/workingset", context,
        "What to have in view for a purpose, within a budget of tokens", WorkingSet, ("context",), body=ContextBody,
        slow=True, example={"purpose": "fix the rounding of refunds", "budget_tokens": 2000},
    ),
    Operation(
        "memory_compress", "POST", "/v1/compress", compress,
        "The parts of a text or of memories that are worth their tokens", Compressed, ("compress",),
        body=CompressBody, slow=True, example={"text": "…", "query": "why was it late", "budget_tokens": 500},
    ),
    Operation(
        "memory_fit", "POST", "/v1/fit", fit, "A conversation as it fits the model's window", Fitted, ("fit",),
        body=FitBody, slow=True, example={"messages": [{"role": "user", "content": "Hello"}], "model": "gpt-4o-mini"},
    ),
)  # fmt: skip
