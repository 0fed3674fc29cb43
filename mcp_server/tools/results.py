"""What the tools give back: typed, so that each has an output schema; lean, so that it costs few tokens."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer


class Result(BaseModel):
    """A result whose fields at their default are not sent."""

    model_config = ConfigDict(extra="forbid")

    @model_serializer(mode="wrap")
    def _lean(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        defaults = {
            name: field.get_default(call_default_factory=True)
            for name, field in type(self).model_fields.items()
            if not field.is_required()
        }
        values: dict[str, Any] = handler(self)
        return {name: value for name, value in values.items() if name not in defaults or value != defaults[name]}


class NewMemory(BaseModel):
    """One of several texts to store; the fields are those of `memory_add` itself."""

    model_config = ConfigDict(extra="forbid")

    content: str
    content_type: str = "note"
    kind: Literal["item", "message"] = "item"
    priority: int = Field(5, ge=1, le=10)
    tags: list[str] = []
    metadata: dict[str, Any] = {}
    thread: str | None = None
    speaker: str | None = None
    created_at: str | None = None
    ttl: float | None = None
    idempotency_key: str | None = None


class AddedMemory(Result):
    id: str
    action: Literal["added", "duplicate", "quarantined"]
    embedding: Literal["none", "pending", "ready", "failed"] = Field(
        "ready", description="pending: found by keyword now, by meaning in a moment"
    )
    findings: list[str] = Field([], description="why screening flagged it")


class AddResult(Result):
    results: list[AddedMemory] = Field(description="in the order given")
    note: str = ""


class SearchHit(Result):
    id: str
    content: str = Field(description="the best passage")
    score: float
    created_at: str
    whole: bool = Field(description="false: there is more; memory_retrieve with this id and offset")
    start: int = Field(0, description="the passage's offset in the whole, in characters")
    kind: Literal["item", "message"] = "item"
    content_type: str = "note"
    priority: int = 5
    tags: list[str] = []
    metadata: dict[str, Any] = {}
    thread: str | None = None
    speaker: str | None = None
    agent: str | None = None
    flagged: bool = Field(False, description="screening found a secret or an injection pattern in it")
    left_out: list[str] = Field([], description="fields too long for this reply")


class SearchResult(Result):
    hits: list[SearchHit] = Field(description="best first")
    tokens: int = Field(description="of all content, approximate")
    truncated: bool
    next_cursor: str | None = Field(None, description="pass as cursor for what follows")


class RetrievedMemory(Result):
    id: str
    content: str = Field(description="byte-exact")
    offset: int = Field(0, description="where content begins, in characters")
    total_chars: int
    next_offset: int | None = Field(None, description="pass as offset to read on; absent at the end")
    note: str = Field("", description="what was left out")
    rev: int = Field(description="if it differs from an earlier page's, start again at 0")
    created_at: str
    updated_at: str
    expires_at: str | None = None
    tokens: int = Field(description="of the whole, approximate")
    kind: Literal["item", "message"] = "item"
    content_type: str = "note"
    status: Literal["active", "quarantined"] = "active"
    embedding: Literal["none", "pending", "ready", "failed"] = "ready"
    priority: int = 5
    tags: list[str] = []
    metadata: dict[str, Any] = {}
    thread: str | None = None
    speaker: str | None = None
    agent: str | None = None
    derived_from: list[str] = []
    findings: list[str] = []
