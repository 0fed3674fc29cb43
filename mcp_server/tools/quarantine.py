"""The tools on the quarantine: agents put content in and see why it is there; only a person takes it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ...memory.errors import InvalidInput
from ..runtime import Runtime
from .results import MOST_FINDINGS, Result, cut, fitting

if TYPE_CHECKING:
    from ...memory.quarantine import QuarantineEntry, QuarantinePage


class Quarantined(Result):
    id: str
    reason: str
    findings: list[str] = []
    content_type: str = "note"
    tokens: int
    created_at: str
    agent: str | None = None
    thread: str | None = None
    content: str | None = None
    left_out: list[str] = []


class QuarantineAdded(Result):
    id: str
    findings: list[str] = []


class QuarantinedPage(Result):
    entries: list[Quarantined]
    next_cursor: str | None = None


class ReviewResult(Result):
    id: str
    action: Literal["released", "purged"]


class QuarantineTools:
    """The tools on the quarantine, over one memory."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def quarantine_add(
        self,
        reason: str,
        content: str | None = None,
        id: Annotated[str | None, Field(description="a memory, instead of content")] = None,
        content_type: str | None = None,
        thread: str | None = None,
    ) -> QuarantineAdded:
        """Set suspicious content apart: no search or context shows it until a person releases it."""
        given: dict[str, Any] = {"content_type": content_type, "thread": thread}
        fields = {name: value for name, value in given.items() if value is not None}
        if id is not None and fields:
            raise InvalidInput("content_type and thread belong to new content; the memory with that id has its own")
        entry = self.runtime.ops().quarantine.add(content, id=id, reason=reason, **fields)
        return QuarantineAdded(id=entry.id, findings=list(entry.findings[:MOST_FINDINGS]))

    def quarantine_list(
        self, limit: Annotated[int, Field(ge=1, le=100)] = 20, cursor: str | None = None
    ) -> QuarantinedPage:
        """What is in quarantine and why, newest first."""
        listed = self.runtime.ops().quarantine.list

        def fetch(most: int) -> QuarantinePage:
            return listed(limit=most, cursor=cursor)

        entries, next_cursor = fitting(fetch, lambda page: page.entries, _entry, limit)
        return QuarantinedPage(entries=entries, next_cursor=next_cursor)

    def quarantine_review(
        self, id: str, action: Annotated[Literal["release", "purge"], Field(description="purge erases it")]
    ) -> ReviewResult:
        """As the person decided: make quarantined content searchable again, or erase it for good."""
        quarantine = self.runtime.ops().quarantine
        if action == "release":
            quarantine.release(id)
            return ReviewResult(id=id, action="released")
        quarantine.purge(id)
        return ReviewResult(id=id, action="purged")


def _entry(entry: QuarantineEntry) -> Quarantined:
    left_out: list[str] = []
    return Quarantined(
        id=entry.id,
        reason=cut(entry.reason, left_out, "reason") or "",
        findings=list(entry.findings[:MOST_FINDINGS]),
        content_type=entry.content_type,
        tokens=entry.tokens,
        created_at=entry.created_at,
        agent=entry.agent,
        thread=entry.thread,
        content=cut(entry.content, left_out, "content"),
        left_out=left_out,
    )
