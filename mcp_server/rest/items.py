"""Memories over REST: storing, reading, changing, forgetting them, and saying what they were worth."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, model_validator

from ...memory.errors import InvalidInput
from ...memory.feedback import FeedbackGiven, FeedbackPage
from ...memory.models import Added, Forgotten, Item
from .operation import Body, Call, Limit, Name, Operation, Paging, Query, Text, Within, thread_field

Priority = Annotated[int, Field(ge=1, le=10, description="10 stays longest")]
Where = Annotated[
    dict[str, Any],
    Field(description='conditions that must all hold, like {"tags": ["a", "b"], "created_at": {"gte": "2026-05-01"}}'),
]


class NewItem(Body):
    """The arguments of `ops.add`."""

    content: Text
    content_type: Name = "note"
    kind: Literal["item", "message"] = "item"
    priority: Priority = 5
    importance: Annotated[float | None, Field(ge=0, le=1)] = None
    tags: list[Name] = []
    metadata: dict[str, Any] = {}
    thread: str | None = thread_field()
    speaker: Name | None = None
    created_at: Annotated[str | None, Field(description="ISO 8601; now unless given")] = None
    ttl: Annotated[float | None, Field(gt=0, description="seconds until it vanishes")] = None
    derived_from: list[Name] = []
    idempotency_key: Name | None = None


class AddBody(NewItem, Within):
    pass


class AddManyBody(Within, Body):
    items: Annotated[list[NewItem], Field(min_length=1, max_length=1000)]


class Message(Within, Body):
    """A turn of a conversation. `role` and `speaker` are the same; `tenant_id` must be the key's workspace."""

    content: Text
    speaker: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("speaker", "role"),
            description="who said it; also called role",
            min_length=1,
            max_length=200,
        ),
    ] = None
    thread: str | None = thread_field()
    importance: Annotated[float | None, Field(ge=0, le=1)] = None
    priority: Priority = 5
    tags: list[Name] = []
    metadata: dict[str, Any] = {}
    created_at: Annotated[str | None, Field(description="ISO 8601; now unless given")] = None
    ttl: Annotated[float | None, Field(gt=0, description="seconds until it vanishes")] = None


class Patch(Within, Body):
    """What is given replaces what is there."""

    content: Text | None = None
    content_type: Name | None = None
    priority: Priority | None = None
    importance: Annotated[float | None, Field(ge=0, le=1)] = None
    tags: list[Name] | None = None
    metadata: dict[str, Any] | None = None
    speaker: Name | None = None
    thread: str | None = thread_field()
    ttl: Annotated[float | None, Field(gt=0)] = None
    expected_rev: Annotated[int | None, Field(ge=1, description="only if it is still at this revision")] = None


class Form(Within, Query):
    form: Annotated[Literal["full", "compressed", "hint"], Field(description="what stands for it")] = "full"


class Forget(Within, Body):
    """Either ids or where."""

    ids: Annotated[list[Name] | None, Field(min_length=1, max_length=1000)] = None
    where: Where | None = None
    hard: Annotated[bool, Field(description="erase every byte from the disk")] = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Forget:
        if (self.ids is None) == (self.where is None):
            raise ValueError("give either ids or where")
        return self


class RetrieveBody(Within, Body):
    """Which memory, and whether all of it."""

    item_id: Name
    decompress: Annotated[bool, Field(description="its whole content; else what stands for it, compressed")] = True


class Hard(Within, Query):
    hard: Annotated[bool, Field(description="erase every byte from the disk")] = False


class FeedbackBody(Within, Body):
    """What a memory was worth."""

    item_id: Name
    feedback_type: Literal["helpful", "unhelpful", "wrong", "outdated"]
    value: Annotated[float, Field(ge=0, le=1, description="how much so")] = 1.0
    comment: Annotated[str | None, Field(min_length=1, max_length=10_000)] = None


class FeedbackQuery(Within, Paging):
    item_id: Name


def add(call: Call) -> Added:
    return call.ops.add(**_given(call.body, call.key))


def add_many(call: Call) -> list[Added]:
    entries = [_given(each, None) for each in call.body.items]
    for number, entry in enumerate(entries):
        if call.key is not None and entry["idempotency_key"] is None:
            entry["idempotency_key"] = f"{call.key}/{number}"
    return call.ops.add_many(entries)


def add_message(call: Call) -> Added:
    values = call.body.model_dump(exclude={"workspace", "user"})
    return call.ops.add(**values, kind="message", content_type="chat", idempotency_key=call.key)


def retrieve(call: Call) -> Item:
    return call.ops.retrieve(call.path["id"], call.query.form)


def retrieve_asked(call: Call) -> Item:
    return call.ops.retrieve(call.body.item_id, "full" if call.body.decompress else "compressed")


def raw(call: Call) -> str:
    return call.ops.retrieve(call.path["id"]).content


def update(call: Call) -> Item:
    patch = call.body.model_dump(exclude_none=True, exclude={"workspace", "user", "expected_rev"})
    return call.ops.update(call.path["id"], patch, call.body.expected_rev)


def forget_one(call: Call) -> Forgotten:
    return call.ops.forget(call.path["id"], hard=call.query.hard)


def forget(call: Call) -> Forgotten:
    return call.ops.forget(call.body.ids, where=call.body.where, hard=call.body.hard)


def restore(call: Call) -> Item:
    return call.ops.restore(call.path["id"])


def give_feedback(call: Call) -> FeedbackGiven:
    body = call.body
    return call.ops.feedback.give(body.item_id, body.feedback_type, body.value, body.comment)


def list_feedback(call: Call) -> FeedbackPage:
    return call.ops.feedback.list(call.query.item_id, limit=call.query.limit, cursor=call.query.cursor)


def _given(item: NewItem, key: str | None) -> dict[str, Any]:
    values = item.model_dump(exclude={"workspace", "user"})
    if key is not None and values["idempotency_key"] not in (None, key):
        raise InvalidInput("the header Idempotency-Key and the member idempotency_key differ; give one of them")
    return {**values, "idempotency_key": values["idempotency_key"] or key}


OPERATIONS = (
    Operation(
        "memory_add", "POST", "/v1/items", add, "Store a text; an exact duplicate is recognised", Added, ("add",),
        body=AddBody, status=201, once=True, example={"content": "We chose SQLite for the documents.", "tags": ["db"]},
        aliases=("/memory-manager/items/add",),
    ),
    Operation(
        "memory_add_many", "POST", "/v1/items/batch", add_many, "Store many texts; all are checked first",
        list[Added], ("add_many",), body=AddManyBody, status=201, once=True, slow=True,
        example={"items": [{"content": "The invoice job runs at 02:00 UTC."}]},
    ),
    Operation(
        "memory_retrieve", "GET", "/v1/items/{id}", retrieve, "A memory by id, its content byte-exact", Item,
        ("retrieve",), query=Form, aliases=("/v1/messages/{id}", "/v1/expand/{id}"),
    ),
    Operation(
        "memory_raw", "GET", "/v1/items/{id}/raw", raw, "The text of a memory and nothing else", str, ("retrieve",),
        query=Within, media="text/plain", aliases=("/v1/expand/{id}/raw",),
    ),
    Operation(
        "memory_update", "PATCH", "/v1/items/{id}", update, "Correct a memory", Item, ("update",), body=Patch,
        example={"priority": 8},
    ),
    Operation(
        "memory_delete", "DELETE", "/v1/items/{id}", forget_one, "Forget a memory and what was derived from it",
        Forgotten, ("forget",), query=Hard, slow=True,
    ),
    Operation(
        "memory_forget", "POST", "/v1/items/forget", forget, "Forget memories by ids or by a filter", Forgotten,
        ("forget",), body=Forget, slow=True, example={"where": {"tags": "draft"}},
    ),
    Operation(
        "memory_restore", "POST", "/v1/items/{id}/restore", restore,
        "Make an archived or compressed memory full again", Item, ("restore",), query=Within,
    ),
    Operation(
        "message_add", "POST", "/v1/messages", add_message, "Store a turn of a conversation", Added, ("add",),
        body=Message, status=201, once=True,
        example={"thread": "support-17", "speaker": "user", "content": "I need help with Python"},
    ),
    Operation(
        "feedback_give", "POST", "/v1/feedback", give_feedback,
        "Say what a memory was worth: moves its importance by a tenth at most", FeedbackGiven, ("feedback.give",),
        body=FeedbackBody, status=201, example={"item_id": "ID", "feedback_type": "helpful", "value": 1.0},
    ),
    Operation(
        "feedback_list", "GET", "/v1/feedback", list_feedback, "What was said of a memory, the newest first",
        FeedbackPage, ("feedback.list",), query=FeedbackQuery,
    ),
)  # fmt: skip

OTHERS = (
    Operation(
        "memory_retrieve_post", "POST", "/memory-manager/items/retrieve", retrieve_asked,
        "A memory by id, as services like this one ask for it", Item, ("retrieve",), body=RetrieveBody, tag="items",
        example={"item_id": "ID", "decompress": True},
    ),
)  # fmt: skip
"""The same as above, as other services name it."""

__all__ = ["OPERATIONS", "OTHERS", "Limit", "Where"]
