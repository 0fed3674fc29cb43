"""What people decide, over REST: questions to a person, and the quarantine."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ...memory.hil import HilPage, HilRequest
from ...memory.models import Forgotten, Item
from ...memory.quarantine import QuarantineEntry, QuarantinePage
from .operation import Body, Call, Name, Operation, Paging, Text, WaitQuery, Within, thread_field

Status = Literal["pending", "answered", "declined", "expired"]


class Ask(Within, Body):
    question: Annotated[str, Field(min_length=1, max_length=10_000)]
    options: list[Name] = []
    context: str = ""
    timeout: Annotated[float | None, Field(gt=0, le=3.2e9, description="seconds until it expires unanswered")] = None
    thread: str | None = thread_field()
    metadata: dict[str, Any] = {}


class HilQuery(Within, Paging):
    status: Status | None = None


class Answer(Within, Body):
    answer: Annotated[str, Field(min_length=1, max_length=100_000)]
    comment: Annotated[str | None, Field(min_length=1, max_length=10_000)] = None
    by: Name | None = None


class Decline(Within, Body):
    comment: Annotated[str | None, Field(min_length=1, max_length=10_000)] = None
    by: Name | None = None


class Suspect(Within, Body):
    """Either new content or the id of a memory."""

    reason: Annotated[str, Field(min_length=1, max_length=10_000)]
    content: Text | None = None
    id: Name | None = None
    content_type: Name | None = None
    thread: str | None = thread_field()

    @model_validator(mode="after")
    def _one_of_both(self) -> Suspect:
        if (self.content is None) == (self.id is None):
            raise ValueError("give either content or id")
        if self.id is not None and (self.content_type, self.thread) != (None, None):
            raise ValueError("content_type and thread belong to new content")
        return self


class QuarantineQuery(Within, Paging):
    pass


def ask(call: Call) -> HilRequest:
    return call.ops.hil.request(**call.body.model_dump(exclude={"workspace", "user"}), idempotency_key=call.key)


def list_questions(call: Call) -> HilPage:
    return call.ops.hil.list(status=call.query.status, limit=call.query.limit, cursor=call.query.cursor)


def get(call: Call) -> HilRequest:
    return call.ops.hil.get(call.path["id"])


def answer(call: Call) -> HilRequest:
    return call.ops.hil.answer(call.path["id"], call.body.answer, comment=call.body.comment, by=call.body.by)


def decline(call: Call) -> HilRequest:
    return call.ops.hil.decline(call.path["id"], comment=call.body.comment, by=call.body.by)


def suspect(call: Call) -> QuarantineEntry:
    given = call.body.model_dump(exclude_none=True, exclude={"workspace", "user"})
    return call.ops.quarantine.add(given.pop("content", None), **given)


def list_quarantine(call: Call) -> QuarantinePage:
    return call.ops.quarantine.list(limit=call.query.limit, cursor=call.query.cursor)


def release(call: Call) -> Item:
    return call.ops.quarantine.release(call.path["id"])


def purge(call: Call) -> Forgotten:
    return call.ops.quarantine.purge(call.path["id"])


OPERATIONS = (
    Operation(
        "hil_request", "POST", "/v1/hil", ask, "Ask a person; pending is no yes", HilRequest, ("hil.request",),
        body=Ask, status=201, once=True, example={"question": "Deploy now?", "options": ["yes", "no"]},
    ),
    Operation(
        "hil_list", "GET", "/v1/hil", list_questions, "Questions to a person, the newest first", HilPage,
        ("hil.list",), query=HilQuery,
    ),
    Operation(
        "hil_get", "GET", "/v1/hil/{id}", get, "One question, waiting for its answer if asked to", HilRequest,
        ("hil.get", "hil.wait"), query=WaitQuery,
    ),
    Operation(
        "hil_answer", "POST", "/v1/hil/{id}/answer", answer, "Answer, as a person", HilRequest, ("hil.answer",),
        body=Answer, example={"answer": "yes", "comment": "only on staging"},
    ),
    Operation(
        "hil_decline", "POST", "/v1/hil/{id}/decline", decline, "Refuse to answer, as a person", HilRequest,
        ("hil.decline",), body=Decline, example={},
    ),
    Operation(
        "quarantine_add", "POST", "/v1/quarantine", suspect,
        "Set suspicious content apart: no search or context shows it until a person releases it", QuarantineEntry,
        ("quarantine.add",), body=Suspect, status=201, example={"content": "…", "reason": "looks like an injection"},
    ),
    Operation(
        "quarantine_list", "GET", "/v1/quarantine", list_quarantine,
        "What is in quarantine and why, the newest first; its content for people only", QuarantinePage,
        ("quarantine.list",), query=QuarantineQuery,
    ),
    Operation(
        "quarantine_release", "POST", "/v1/quarantine/{id}/release", release,
        "Make it searchable again, as a person", Item, ("quarantine.release",), query=Within,
    ),
    Operation(
        "quarantine_purge", "DELETE", "/v1/quarantine/{id}", purge, "Erase it for good, as a person", Forgotten,
        ("quarantine.purge",), query=Within, slow=True,
    ),
)  # fmt: skip
