"""Conversations over REST: threads, sessions, and materials that are taken in."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AliasChoices, Field, model_validator

from ...memory.models import Added
from ...memory.threads import Begun, Ingested, MessagePage, ThreadList
from .operation import Body, Call, Limit, Name, Operation, Paging, Query, Text, Within, thread_field


class ThreadQuery(Within, Query):
    limit: Limit = 100


class MessagesQuery(Within, Paging):
    newest_first: bool = False


class SessionBody(Within, Body):
    """For whom, if not for the key's user."""


class Turn(Body):
    role: Name
    content: Text


class Materials(Body):
    """Each a text or a list of texts; a chat is a text of turns like "User: …", or a list of turns."""

    chat: str | list[str | Turn] = ""
    diffs: str | list[str] = ""
    logs: str | list[str] = ""


class IngestBody(Within, Body):
    """Either materials, or one message by its role and content."""

    materials: Materials | None = None
    content: Text | None = None
    speaker: Annotated[
        str | None,
        Field(validation_alias=AliasChoices("speaker", "role"), description="also called role", max_length=200),
    ] = None
    thread: str | None = thread_field()
    tags: list[Name] = []
    metadata: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_of_both(self) -> IngestBody:
        if (self.materials is None) == (self.content is None):
            raise ValueError("give either materials or content")
        if self.materials is not None and self.speaker is not None:
            raise ValueError("role belongs to content; the turns of a chat have their own")
        return self


def list_threads(call: Call) -> ThreadList:
    return call.ops.threads.list(limit=call.query.limit)


def messages(call: Call) -> MessagePage:
    query = call.query
    return call.ops.threads.messages(
        call.path["thread"], limit=query.limit, cursor=query.cursor, newest_first=query.newest_first
    )


def begin(call: Call) -> dict[str, str | None]:
    begun = call.ops.threads.begin()
    return {"id": begun.thread, "thread": begun.thread, "user": begun.user}


def ingest(call: Call) -> Ingested:
    body = call.body
    if body.materials is None:
        added: Added = call.ops.add(
            body.content,
            content_type="chat",
            kind="message",
            tags=body.tags,
            metadata=body.metadata,
            thread=body.thread,
            speaker=body.speaker,
            idempotency_key=call.key,
        )
        return Ingested(chat=[added])
    return call.ops.threads.ingest(
        body.materials.model_dump(exclude_unset=True),
        thread=body.thread,
        tags=body.tags,
        metadata=body.metadata,
        idempotency_key=call.key,
    )


OPERATIONS = (
    Operation(
        "thread_list", "GET", "/v1/threads", list_threads, "Conversations, those with the most memories first",
        ThreadList, ("threads.list",), query=ThreadQuery,
    ),
    Operation(
        "thread_history", "GET", "/v1/threads/{thread:path}", messages, "What was said in a conversation, in order",
        MessagePage, ("threads.messages",), query=MessagesQuery,
    ),
    Operation(
        "session_create", "POST", "/v1/sessions", begin,
        "A name for a new conversation; it begins with its first message", dict[str, str | None], ("threads.begin",),
        body=SessionBody, status=201, example={"user_id": "ann"},
    ),
    Operation(
        "ingest", "POST", "/v1/ingest", ingest, "Take in chat, diffs and logs, or one message", Ingested,
        ("threads.ingest", "add"), body=IngestBody, status=201, once=True, slow=True,
        example={"thread": "session-123", "materials": {"chat": "User: How?\nAssistant: So.", "logs": "ERROR: no"}},
    ),
)  # fmt: skip

__all__ = ["OPERATIONS", "Begun"]
