"""How a graph asks a person: a LangGraph interrupt and a durable request, of which the first to be answered counts.

The interrupt carries LangChain's `HITLRequest` and with it the id of the request; whoever resumes the graph answers as
a `HITLResponse`, and whoever sees the request, in an MCP client or on the command line, answers there. Either answer is
written to the request, which alone decides: so a graph that is resumed after somebody has answered elsewhere goes by
that answer, and `graph.invoke(None, config)` is enough to go on. Whoever may resume the graph counts as a person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from langchain.agents.middleware.human_in_the_loop import Decision, HITLRequest, HITLResponse
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphInterrupt
from langgraph.pregel import Pregel
from langgraph.types import interrupt
from pydantic import AfterValidator, TypeAdapter, ValidationError

from ..memory.drafts import fingerprint
from ..memory.errors import InvalidInput, KeyReused, Settled
from ..memory.hil import HilRequest
from ..memory.service import MemoryOps
from .context import Seen

REQUEST_ID = "hil_request_id"
"""Where the interrupt's value names the durable request."""
PLAIN = ("approve", "reject")
"""Decisions that a person can give in one word."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person decided, one decision for each action, and the durable request that says so."""

    decisions: Sequence[Decision]
    request: HilRequest


def ask(
    run: Seen,
    request: HITLRequest,
    question: str,
    *,
    options: Sequence[str] = (),
    context: str = "",
    timeout: float | None = None,
    name: str = "",
    alone: bool = False,
) -> Asked:
    """What a person decides about the actions of *request*; the graph pauses until one has.

    *question*, *options* and *context* are what the durable request shows. *timeout*: seconds until it expires; what
    nobody has approved by then is rejected. What *name* stands for is asked once in one task of a graph, however often
    that runs. *alone* refuses any other question there with `InvalidInput`: LangGraph tells answers apart by their
    order, and tools run side by side. A resume value that answers something else raises pydantic's `ValidationError`,
    and the graph stays paused. Raises `InvalidInput` where nothing could be resumed.
    """
    if not run.resumable:
        raise InvalidInput("nobody was asked: this graph cannot pause; compile it with checkpointer=QdrantSaver(ops)")
    key = f"langgraph:{fingerprint(run.thread or '', run.task or '', name)}"
    hil = run.ops.hil
    shown: dict[str, Any] = {"question": question, "options": list(options), "context": context}
    try:
        asked = hil.made(key) or hil.request(**shown, timeout=timeout, thread=run.thread, idempotency_key=key)
    except KeyReused:  # another tool of the same step was faster
        asked = None
    if asked is None or (alone and any(getattr(asked, each) != value for each, value in shown.items())):
        raise InvalidInput("a person is asked one question at a time, and another one is open; ask this one afterwards")
    answers = Annotated[HITLResponse, AfterValidator(lambda given: _checked(given, request, asked.options))]
    try:
        given: HITLResponse | None = interrupt({**request, REQUEST_ID: asked.id}, response_schema=answers)
    except (GraphInterrupt, ValidationError):  # LangGraph hands in a wrong resume value again and again
        asked = hil.get(asked.id)
        if asked.status == "pending":
            raise
        given = None
    if given is not None:
        asked = _settled(run.ops, asked, given["decisions"])
    return Asked(_decisions(asked, request), asked)


def _checked(given: HITLResponse, request: HITLRequest, options: Sequence[str] = ()) -> HITLResponse:
    """*given*, if it decides each action of *request* in a way that is allowed, with one of *options* where there are
    some to choose from."""
    actions, decisions = request["action_requests"], given["decisions"]
    if len(actions) != len(decisions):
        raise ValueError(f"{len(actions)} actions have {len(decisions)} decisions; give one for each, in order")
    allowed = {each["action_name"]: each["allowed_decisions"] for each in request["review_configs"]}
    for action, decision in zip(actions, decisions, strict=True):
        if decision["type"] not in allowed[action["name"]]:
            ways = ", ".join(allowed[action["name"]])
            raise ValueError(f"{decision['type']!r} is not allowed for {action['name']}; use one of {ways}")
        if decision["type"] == "respond" and not decision["message"].strip():
            raise ValueError("the answer is empty; give some text")
        if decision["type"] == "respond" and options and decision["message"] not in options:
            raise ValueError(f"the answer is {decision['message']!r:.100}; choose one of {', '.join(options)}")
    return given


def _settled(ops: MemoryOps, asked: HilRequest, decisions: Sequence[Decision]) -> HilRequest:
    """The request answered as *decisions* say, or as somebody else has answered it before."""
    person = ops.with_scope(replace(ops.scope, role="human"))
    by = ops.scope.user or "whoever resumed the graph"
    words = {each["type"] for each in decisions} if all(each == decisions[0] for each in decisions) else set()
    said: list[Mapping[str, Any]] = [{**each} for each in decisions]
    message = next((str(each["message"]) for each in said if each.get("message")), None)
    try:
        if words == {"respond"} and len(decisions) == 1:
            return person.hil.answer(asked.id, message or "", by=by)
        if words == {"reject"} and "reject" not in asked.options:
            return person.hil.decline(asked.id, comment=message, by=by)
        if len(words) == 1 and (word := words.pop()) in PLAIN and (not asked.options or word in asked.options):
            return person.hil.answer(asked.id, word, comment=message, by=by)
        return person.hil.answer(asked.id, json.dumps({"decisions": list(decisions)}, ensure_ascii=False), by=by)
    except Settled:
        return ops.hil.get(asked.id)


def _decisions(asked: HilRequest, request: HITLRequest) -> list[Decision]:
    """What the settled request *asked* decides about each action; nothing is approved that nobody has approved."""
    actions = request["action_requests"]
    allowed = [each["allowed_decisions"] for each in request["review_configs"]]
    if asked.status != "answered":
        why = "nobody answered in time" if asked.status == "expired" else asked.comment
        return [_rejection(why) for _ in actions]
    answer = asked.answer or ""
    if answer == "approve" and all("approve" in each for each in allowed):
        return [{"type": "approve"} for _ in actions]
    if answer == "reject" and all("reject" in each for each in allowed):
        return [_rejection(asked.comment) for _ in actions]
    if (found := _read(answer, request)) is not None:
        return found
    if len(actions) == 1 and "respond" in allowed[0]:
        return [{"type": "respond", "message": answer}]
    return [_rejection(f"the answer was: {answer}") for _ in actions]


def _rejection(why: str | None) -> Decision:
    return {"type": "reject", "message": why} if why else {"type": "reject"}


def _read(answer: str, request: HITLRequest) -> list[Decision] | None:
    """The decisions that *answer* states as JSON; None where it is no JSON, or answers something else."""
    try:
        stated = json.loads(answer)
        stated = stated if isinstance(stated, dict) and "decisions" in stated else {"decisions": [stated]}
        return list(_checked(TypeAdapter(HITLResponse).validate_python(stated), request)["decisions"])
    except (json.JSONDecodeError, ValidationError, ValueError, RecursionError):
        return None


def pending_request(graph: Pregel[Any, Any, Any, Any], config: RunnableConfig) -> str | None:
    """The id of the durable request that *graph*, paused in the thread of *config*, waits for; None if it does not.

    `ops.hil.wait(id)`, then `graph.invoke(None, config)`.
    """
    for paused in graph.get_state(config).interrupts:
        if isinstance(paused.value, dict) and REQUEST_ID in paused.value:
            return str(paused.value[REQUEST_ID])
    return None
