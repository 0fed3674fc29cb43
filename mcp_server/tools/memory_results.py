"""What the memory tools give back, and the form of several texts to store."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .results import Result

EmbeddingState = Literal["none", "pending", "ready", "failed"]
Kind = Literal["item", "message"]


class NewMemory(BaseModel):
    """One of several texts to store; the fields are those of `memory_add` itself."""

    model_config = ConfigDict(extra="forbid")

    content: str
    content_type: str = "note"
    kind: Kind = "item"
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
    embedding: EmbeddingState = "ready"
    findings: list[str] = []


class AddResult(Result):
    results: list[AddedMemory]
    added: int | None = Field(default=None, description="of over 100; results: the others")
    note: str = ""


class SearchHit(Result):
    id: str
    content: str
    score: float
    created_at: str
    whole: bool = Field(description="else memory_retrieve has it")
    start: int = Field(0, description="offset in the whole")
    kind: Kind = "item"
    content_type: str = "note"
    priority: int = 5
    tags: list[str] = []
    metadata: dict[str, Any] = {}
    thread: str | None = None
    speaker: str | None = None
    agent: str | None = None
    flagged: bool = Field(False, description="secret or injection suspected")
    left_out: list[str] = []


class SearchResult(Result):
    hits: list[SearchHit]
    tokens: int
    truncated: bool
    next_cursor: str | None = None


class RetrievedMemory(Result):
    id: str
    content: str
    offset: int = 0
    total_chars: int
    next_offset: int | None = None
    note: str = ""
    rev: int
    created_at: str
    updated_at: str
    expires_at: str | None = None
    tokens: int
    kind: Kind = "item"
    content_type: str = "note"
    status: Literal["active", "quarantined"] = "active"
    embedding: EmbeddingState = "ready"
    priority: int = 5
    tags: list[str] = []
    metadata: dict[str, Any] = {}
    thread: str | None = None
    speaker: str | None = None
    agent: str | None = None
    derived_from: list[str] = []
    findings: list[str] = []


class UpdatedMemory(Result):
    id: str
    rev: int
    status: Literal["active", "quarantined"]
    updated_at: str


class ForgottenMemories(Result):
    ids: list[str]
    derived: list[str] = []
    missing: list[str] = []
    note: str = ""


class ContextResult(Result):
    text: str
    tokens: int
    full: list[str] = []
    compressed: list[str] = []
    hints: list[str] = []
    left_out: int = 0
    compressor: str = ""
    reason: str = ""


class CompressResult(Result):
    text: str
    tokens_before: int
    tokens_after: int
    ids: list[str] = Field(description="of the originals")
    left_out: list[str] = []
    compressor: str
    reason: str = ""


class StateResult(Result):
    workspace: str
    items: int
    messages: int
    passages: int
    quarantined: int
    by_content_type: dict[str, int] = {}
    tokens: int
    counter: str
    window: int
    context_utilization_percentage: float
    tiers: dict[str, dict[str, int]] = {}
    saved_tokens: int = 0
    model: str | None = None
    usd: dict[str, float] = {}
    embedding: EmbeddingState
    tasks: dict[str, int] = {}
    hil: dict[str, int] = {}
    agents: int
    encoder: str
    store: str
    note: str = ""


class ExportResult(Result):
    records: list[dict[str, Any]]
    next_cursor: str | None = None
    left_out: list[str] = Field([], description="too long for a page; by type: memory_retrieve, task_list, hil_list")
