"""Asking a person: by the client's form in both protocol eras, by waiting, and what happens when nobody answers."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.client import ClientRequestContext
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, InputRequiredResult

from memoryops.mcp_server.face import Face
from memoryops.mcp_server.protocol import MemoryServer
from memoryops.mcp_server.runtime import Runtime
from memoryops.mcp_server.server import build_server
from memoryops.memory.hil import HilRequest
from memoryops.memory.service import MemoryOps

Connect = Callable[..., Client]
Result = Callable[..., dict[str, Any]]
PERSON = Face(human=True)


def person(ops: MemoryOps) -> MemoryOps:
    return ops.with_scope(replace(ops.scope, role="human"))


class Form:
    """A client's form: it is shown, and filled in as the test says."""

    def __init__(self, action: str = "accept", **content: Any) -> None:
        self.shown: list[Any] = []
        self.filled = ElicitResult(action=action, content=content or None)  # type: ignore[arg-type]  # one of three

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.shown.append(params)
        return self.filled


def ask(connect: Connect, era: str, form: Any, face: Face | None = None, **arguments: Any) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        async with connect(face, mode=era, elicitation_callback=form) as client:
            answer = await client.call_tool("hil_request", {"question": "Deploy now?", **arguments})
            assert not answer.is_error, answer.content
            assert answer.structured_content is not None
            return dict(answer.structured_content)

    return anyio.run(run)


def test_a_form_is_shown_and_the_answer_is_kept(connect: Connect, era: str, ops: MemoryOps) -> None:
    form = Form(answer="yes", comment="after lunch")
    told = ask(connect, era, form, options=["yes", "no"], context="Version 2.1, all tests green.")
    assert (told["status"], told["answer"], told["comment"]) == ("answered", "yes", "after lunch")
    (shown,) = form.shown
    assert "An agent asks: Deploy now?" in shown.message
    assert "Version 2.1" in shown.message
    assert shown.requested_schema["properties"]["answer"]["enum"] == ["yes", "no"]
    kept = ops.hil.get(told["id"])
    assert (kept.status, kept.answer) == ("answered", "yes")
    assert kept.answered_by is not None
    assert kept.answered_by.startswith("a form shown by the client ")
    assert len(ops.hil.list().requests) == 1


def test_a_person_who_declines_has_not_said_yes(connect: Connect, era: str) -> None:
    told = ask(connect, era, Form("decline"))
    assert told["status"] == "declined"
    assert "no yes" in told["note"]


@pytest.mark.parametrize(
    "form", [Form("cancel"), Form("accept"), Form("accept", answer="maybe"), Form("accept", answer="")]
)
def test_a_form_closed_or_filled_in_wrong_leaves_the_question_pending(connect: Connect, era: str, form: Form) -> None:
    told = ask(connect, era, form, options=["yes", "no"])
    assert told["status"] == "pending"
    assert "no yes" in told["note"]
    assert "was not taken" in told["note"] or "closed without an answer" in told["note"]


def test_forms_can_be_switched_off(connect: Connect, era: str) -> None:
    form = Form(answer="yes")
    assert ask(connect, era, form, Face(elicitation=False))["status"] == "pending"
    assert not form.shown


def test_without_a_form_the_answer_is_pending_at_once(connect: Connect, era: str, ops: MemoryOps) -> None:
    told = ask(connect, era, None, timeout=3600)
    assert told["status"] == "pending"
    assert "due_at" in told
    assert ops.hil.get(told["id"]).status == "pending"


def test_a_form_that_nobody_fills_in_ends_when_the_answer_comes_from_elsewhere(
    connect: Connect, ops: MemoryOps
) -> None:
    async def never(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        (request,) = ops.hil.list().requests
        await anyio.to_thread.run_sync(lambda: person(ops).hil.answer(request.id, "go"))
        await anyio.sleep_forever()
        raise AssertionError

    told = ask(connect, "legacy", never)
    assert (told["status"], told["answer"]) == ("answered", "go")


def test_a_form_that_nobody_fills_in_ends_when_the_question_expires(connect: Connect) -> None:
    async def never(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        await anyio.sleep_forever()
        raise AssertionError

    assert ask(connect, "legacy", never, timeout=0.5)["status"] == "expired"


def test_waiting_ends_with_the_answer(connect: Connect, era: str, ops: MemoryOps) -> None:
    def answer() -> HilRequest:
        while not (pending := ops.hil.list(status="pending").requests):
            time.sleep(0.01)
        return person(ops).hil.answer(pending[0].id, "blue")

    thread = threading.Thread(target=answer)
    thread.start()
    told = ask(connect, era, None, wait=45)
    thread.join()
    assert (told["status"], told["answer"]) == ("answered", "blue")


def test_forty_that_wait_hold_no_thread(connect: Connect, ops: MemoryOps) -> None:
    """The worker threads of the event loop are forty; were they held, the search would never run."""

    async def run() -> list[Any]:
        answers: list[Any] = []
        async with connect() as client, anyio.create_task_group() as group:
            made = [ops.hil.request(f"question {n}") for n in range(60)]

            async def wait(id: str) -> None:
                got = await client.call_tool("hil_list", {"id": id, "wait": 45})
                assert got.structured_content is not None
                answers.append(got.structured_content["requests"][0]["answer"])

            for request in made:
                group.start_soon(wait, request.id)
            await anyio.sleep(0.2)
            found = await client.call_tool("memory_search", {"query": "anything"})
            assert not found.is_error
            assert not answers
            for request in made:
                await anyio.to_thread.run_sync(person(ops).hil.answer, request.id, "done")
        return answers

    assert anyio.run(run) == ["done"] * 60


def test_a_repeated_question_is_one_question(result: Result) -> None:
    first = result("hil_request", question="Which region?", idempotency_key="k")
    again = result("hil_request", question="Which region?", idempotency_key="k")
    assert again["id"] == first["id"]


def test_a_key_with_another_question_is_refused(result: Result, refused: Callable[..., str]) -> None:
    result("hil_request", question="Which region?", idempotency_key="k")
    assert "used with other content" in refused("hil_request", question="Which zone?", idempotency_key="k")


def test_only_a_person_answers(result: Result, refused: Callable[..., str], connect: Connect) -> None:
    id = result("hil_request", question="Which region?")["id"]
    assert "Unknown tool" in refused("hil_answer", id=id, answer="eu")
    assert result("hil_answer", PERSON, id=id, answer="eu")["answer"] == "eu"
    assert "answered already" in refused("hil_answer", PERSON, id=id, answer="us")
    (seen,) = result("hil_list", id=id)["requests"]
    assert (seen["status"], seen["answer"], seen["answered_by"]) == ("answered", "eu", "human")


def test_a_person_may_decline(result: Result) -> None:
    id = result("hil_request", question="Which region?")["id"]
    assert result("hil_answer", PERSON, id=id, comment="not mine to say")["status"] == "declined"


def test_questions_are_listed_in_bounded_pages(result: Result) -> None:
    for n in range(30):
        result("hil_request", question=f"Question {n}", context="what it is about " * 400)
    seen: list[str] = []
    cursor = None
    while True:
        page = result("hil_list", status="pending", limit=100, **({"cursor": cursor} if cursor else {}))
        assert all("context" in each["left_out"] for each in page["requests"])
        seen += [each["question"] for each in page["requests"]]
        cursor = page.get("next_cursor")
        if cursor is None:
            break
    assert seen == [f"Question {n}" for n in reversed(range(30))]
    (alone,) = result("hil_list", id=page["requests"][-1]["id"])["requests"]
    assert alone["context"] == "what it is about " * 400


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"question": ""}, "question is empty"),
        ({"question": "?", "wait": 46}, "less than or equal to 45"),
        ({"question": "?", "timeout": 0}, "greater than 0"),
        ({"question": "?", "options": "yes"}, "valid list"),
    ],
)
def test_a_wrong_question_is_refused(refused: Callable[..., str], arguments: dict[str, Any], said: str) -> None:
    assert said in refused("hil_request", **arguments)


def test_a_wait_needs_a_question(refused: Callable[..., str]) -> None:
    assert "wait needs the id" in refused("hil_list", wait=5)
    assert "no HIL request 'nobody'" in refused("hil_list", id="nobody", wait=5)


def test_a_form_outlives_the_server_that_showed_it(ops: MemoryOps) -> None:
    """In the newer protocol the form lies with the client; another process takes what comes back."""

    def server() -> MemoryServer:
        return build_server(Runtime(lambda: ops))

    async def run() -> dict[str, Any]:
        question = {"question": "Deploy now?"}
        form = ElicitResult(action="accept", content={"answer": "yes"})
        async with Client(server(), mode="2026-07-28", elicitation_callback=Form()) as client:
            asked = await client.session.call_tool("hil_request", question, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult)
        async with Client(server(), mode="2026-07-28", elicitation_callback=Form()) as client:
            told = await client.session.call_tool(
                "hil_request", question, input_responses={"answer": form}, request_state=asked.request_state
            )
        assert isinstance(told, CallToolResult)
        assert told.structured_content is not None
        return dict(told.structured_content)

    told = anyio.run(run)
    assert (told["status"], told["answer"]) == ("answered", "yes")


def test_a_form_of_another_workspace_is_not_taken(ops: MemoryOps) -> None:
    elsewhere = ops.with_scope(replace(ops.scope, workspace="elsewhere"))

    async def run() -> None:
        question = {"question": "Deploy now?"}
        async with Client(
            build_server(Runtime(lambda: elsewhere)), mode="2026-07-28", elicitation_callback=Form()
        ) as one:
            asked = await one.session.call_tool("hil_request", question, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult)
        async with Client(build_server(Runtime(lambda: ops)), mode="2026-07-28", elicitation_callback=Form()) as other:
            form = ElicitResult(action="accept", content={"answer": "yes"})
            try:
                await other.session.call_tool(
                    "hil_request", question, input_responses={"answer": form}, request_state=asked.request_state
                )
            except MCPError as error:
                assert "requestState" in str(error)
            else:
                pytest.fail("the form was taken")

    anyio.run(run)
    assert elsewhere.hil.list(status="pending").requests


def test_a_malformed_form_is_told_and_leaves_the_question_pending(connect: Connect) -> None:
    async def nonsense(context: ClientRequestContext, params: ElicitRequestParams) -> Any:
        return ElicitResult.model_construct(action="perhaps", content=None)

    told = ask(connect, "legacy", nonsense)
    assert told["status"] == "pending"


def test_a_server_that_stops_sends_those_who_wait_home(ops: MemoryOps) -> None:
    async def run() -> dict[str, Any]:
        server = build_server(Runtime(lambda: ops))
        answers: list[Any] = []
        async with Client(server) as client, anyio.create_task_group() as group, server.background():

            async def wait() -> None:
                answers.append(await client.call_tool("hil_request", {"question": "Deploy now?", "wait": 45}))

            group.start_soon(wait)
            while not ops.hil.list(status="pending").requests:
                await anyio.sleep(0.01)
        return dict(answers[0].structured_content)

    assert anyio.run(run)["status"] == "pending"
