"""A graph pauses until a person has decided, wherever that person answers; the question is put once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command
from pydantic import ValidationError

from memoryops.graphs import ScriptedChatModel, make_hil_node, pending_request
from memoryops.graphs.testing import calls
from memoryops.memory.errors import InvalidInput
from memoryops.memory.service import MemoryOps
from tests.memory.conftest import Clock

Make = Callable[..., MemoryOps]
T1: RunnableConfig = {"configurable": {"thread_id": "t1"}}
CLEAN = {"messages": [("user", "Clean up.")]}
APPROVE = {"decisions": [{"type": "approve"}]}


class State(MessagesState):
    answer: dict[str, Any]


class Desk:
    """A graph whose model wants to look and to delete, and what its tools did."""

    def __init__(self, ops: MemoryOps, **rules: Any) -> None:
        self.did: list[str] = []

        @tool
        def delete(path: str) -> str:
            """Delete a file."""
            self.did.append(f"delete {path}")
            return "gone"

        @tool
        def look(path: str) -> str:
            """Look at a file."""
            self.did.append(f"look {path}")
            return "ok"

        def answers(messages: list[Any]) -> str | AIMessage:
            wanted = {"delete": {"path": "/a"}, "look": {"path": "/b"}}
            return calls(wanted) if messages[-1].type == "human" else "Done."

        model = ScriptedChatModel(script=answers)
        builder = StateGraph(MessagesState)
        builder.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
        builder.add_node("hil", make_hil_node(ops, **{"interrupt_on": {"delete": True}, **rules}))
        builder.add_node("tools", ToolNode([delete, look]))
        builder.add_edge(START, "model")
        builder.add_edge("model", "hil")
        builder.add_edge("tools", "model")
        self.graph: Any = builder.compile(checkpointer=InMemorySaver())


def results(out: Any) -> dict[str, str]:
    return {each.name: each.text for each in out["messages"] if each.type == "tool"}


def test_the_interrupt_has_langchains_shape_and_a_durable_twin(ops: MemoryOps) -> None:
    desk = Desk(ops)
    (paused,) = desk.graph.invoke(CLEAN, T1)["__interrupt__"]
    assert [each["name"] for each in paused.value["action_requests"]] == ["delete"]
    assert paused.value["review_configs"] == [{"action_name": "delete", "allowed_decisions": ["approve", "reject"]}]
    request = ops.hil.get(pending_request(desk.graph, T1) or "")
    assert (request.status, request.thread, list(request.options)) == ("pending", "t1", ["approve", "reject"])
    assert "/a" in request.context
    assert desk.did == []


def test_the_graphs_resume_answers_the_request(ops: MemoryOps) -> None:
    desk = Desk(ops)
    desk.graph.invoke(CLEAN, T1)
    id = pending_request(desk.graph, T1) or ""
    assert results(desk.graph.invoke(Command(resume=APPROVE), T1)) == {"delete": "gone", "look": "ok"}
    assert sorted(desk.did) == ["delete /a", "look /b"]
    assert (ops.hil.get(id).status, ops.hil.get(id).answer) == ("answered", "approve")
    assert pending_request(desk.graph, T1) is None


def test_a_rejected_call_is_not_made_and_the_others_are(ops: MemoryOps) -> None:
    desk = Desk(ops)
    desk.graph.invoke(CLEAN, T1)
    out = desk.graph.invoke(Command(resume={"decisions": [{"type": "reject", "message": "too risky"}]}), T1)
    assert desk.did == ["look /b"]
    assert "too risky" in results(out)["delete"]
    assert ops.hil.list().requests[0].comment == "too risky"


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_answer_from_elsewhere_goes_on_with_none(ops: MemoryOps, person: MemoryOps, asynchronous: bool) -> None:
    desk = Desk(ops)

    def invoke(given: Any) -> Any:
        return asyncio.run(desk.graph.ainvoke(given, T1)) if asynchronous else desk.graph.invoke(given, T1)

    invoke(CLEAN)
    assert "__interrupt__" in invoke(None)  # nobody has answered
    person.hil.answer(pending_request(desk.graph, T1) or "", "approve")
    assert results(invoke(None)) == {"delete": "gone", "look": "ok"}
    assert len(ops.hil.list().requests) == 1


def test_whoever_answers_first_wins(ops: MemoryOps, person: MemoryOps) -> None:
    desk = Desk(ops)
    desk.graph.invoke(CLEAN, T1)
    person.hil.decline(pending_request(desk.graph, T1) or "", comment="mine was first")
    out = desk.graph.invoke(Command(resume=APPROVE), T1)
    assert desk.did == ["look /b"]
    assert "mine was first" in results(out)["delete"]


def test_silence_is_no_yes(timed: MemoryOps, clock: Clock) -> None:
    desk = Desk(timed, timeout=60)
    desk.graph.invoke(CLEAN, T1)
    clock.goes_on(61)
    out = desk.graph.invoke(Command(resume=APPROVE), T1)
    assert desk.did == ["look /b"]
    assert "nobody answered in time" in results(out)["delete"]


@pytest.mark.parametrize(
    "wrong",
    ["approve", {"decisions": []}, {"decisions": [{"type": "edit", "edited_action": {"name": "x", "args": {}}}]}],
)
def test_an_answer_to_something_else_leaves_it_paused(ops: MemoryOps, wrong: object) -> None:
    desk = Desk(ops)
    desk.graph.invoke(CLEAN, T1)
    with pytest.raises(ValidationError):
        desk.graph.invoke(Command(resume=wrong), T1)
    assert ops.hil.list().requests[0].status == "pending"
    assert desk.did == []
    desk.graph.invoke(Command(resume=APPROVE), T1)
    assert len(desk.did) == 2


def test_a_wrong_resume_does_not_stand_in_the_way_of_an_answer_from_elsewhere(
    ops: MemoryOps, person: MemoryOps
) -> None:
    desk = Desk(ops)
    desk.graph.invoke(CLEAN, T1)
    with pytest.raises(ValidationError):
        desk.graph.invoke(Command(resume="sure"), T1)
    person.hil.answer(pending_request(desk.graph, T1) or "", "approve")
    assert results(desk.graph.invoke(None, T1)) == {"delete": "gone", "look": "ok"}


def test_nobody_is_asked_by_a_graph_that_cannot_pause(ops: MemoryOps) -> None:
    builder = StateGraph(State)
    builder.add_node("ask", make_hil_node(ops, question="Go on?"))
    builder.add_edge(START, "ask")
    graph: Any = builder.compile()
    with pytest.raises(InvalidInput, match="checkpointer"):
        graph.invoke(CLEAN)
    assert not ops.hil.list().requests


@pytest.mark.parametrize(
    "rule",
    [{}, {"allowed_decisions": []}, {"allowed_decisions": ["aprove"]}, {"allowed_decisions": "approve"}, None, "yes"],
)
def test_a_rule_that_says_nothing_lets_nothing_pass(ops: MemoryOps, rule: Any) -> None:
    with pytest.raises(InvalidInput, match="the rule for delete"):
        make_hil_node(ops, interrupt_on={"delete": rule})


def test_a_description_made_of_the_call_and_the_state(ops: MemoryOps) -> None:
    def described(call: Any, state: Any, runtime: Any) -> str:
        return f"{call['args']['path']} after {len(state['messages'])} messages, for {runtime.context}"

    desk = Desk(ops, interrupt_on={"delete": {"allowed_decisions": ["approve", "reject"], "description": described}})
    desk.graph.invoke(CLEAN, T1)
    assert "/a after 2 messages, for None" in ops.hil.list().requests[0].context


def test_edits_and_responses(ops: MemoryOps, person: MemoryOps) -> None:
    rules = {
        "delete": {"allowed_decisions": ["approve", "edit", "reject"], "description": "It cannot be undone."},
        "look": {"allowed_decisions": ["respond"]},
    }
    desk = Desk(ops, interrupt_on=rules)
    desk.graph.invoke(CLEAN, T1)
    request = ops.hil.get(pending_request(desk.graph, T1) or "")
    assert "It cannot be undone." in request.context
    edited = '{"type": "edit", "edited_action": {"name": "delete", "args": {"path": "/c"}}}'
    person.hil.answer(request.id, f'{{"decisions": [{edited}, {{"type": "respond", "message": "I looked."}}]}}')
    out = desk.graph.invoke(None, T1)
    assert desk.did == ["delete /c"]
    assert results(out) == {"delete": "gone", "look": "I looked."}


def test_an_answer_that_cannot_be_read_approves_nothing(ops: MemoryOps, person: MemoryOps) -> None:
    desk = Desk(ops, interrupt_on={"delete": {"allowed_decisions": ["approve", "edit", "reject"]}})
    desk.graph.invoke(CLEAN, T1)
    person.hil.answer(pending_request(desk.graph, T1) or "", "sure, whatever")
    out = desk.graph.invoke(None, T1)
    assert desk.did == ["look /b"]
    assert "sure, whatever" in results(out)["delete"]


def test_each_call_is_decided_on_its_own(ops: MemoryOps, person: MemoryOps) -> None:
    decided = {"decisions": [{"type": "approve"}, {"type": "reject", "message": "Not now."}]}
    desk = Desk(ops, interrupt_on=None)
    desk.graph.invoke(CLEAN, T1)
    request = str(pending_request(desk.graph, T1))
    out = desk.graph.invoke(Command(resume=decided), T1)
    assert (desk.did, results(out)["look"]) == (
        ["delete /a"],
        "A person rejected this call of look, and it was not made: Not now.",
    )
    assert json.loads(ops.hil.get(request).answer or "") == decided
    for answer, did in (("approve", ["delete /a", "look /b"]), (json.dumps(decided), ["delete /a"])):
        elsewhere = Desk(ops, interrupt_on=None)
        config: RunnableConfig = {"configurable": {"thread_id": f"of {answer}"}}
        elsewhere.graph.invoke(CLEAN, config)
        person.hil.answer(str(pending_request(elsewhere.graph, config)), answer)
        elsewhere.graph.invoke(None, config)
        assert sorted(elsewhere.did) == did


def test_calls_that_need_nobody_go_on(ops: MemoryOps) -> None:
    desk = Desk(ops, interrupt_on={})
    assert results(desk.graph.invoke(CLEAN, T1)) == {"delete": "gone", "look": "ok"}
    assert not ops.hil.list().requests


def test_a_fork_asks_anew(ops: MemoryOps) -> None:
    desk = Desk(ops)
    desk.graph.invoke(CLEAN, T1)
    first = pending_request(desk.graph, T1)
    desk.graph.invoke(Command(resume=APPROVE), T1)
    before = [each for each in desk.graph.get_state_history(T1) if each.next == ("model",)][-1]
    desk.graph.invoke(None, before.config)
    assert pending_request(desk.graph, T1) not in (None, first)


def asking(ops: MemoryOps, **given: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("ask", make_hil_node(ops, **given))
    builder.add_edge(START, "ask")
    return builder.compile(checkpointer=InMemorySaver())


def test_a_question_with_options(ops: MemoryOps, person: MemoryOps) -> None:
    graph = asking(ops, question=lambda state: f"Ship {len(state['messages'])} parcel?", options=["yes", "no"])
    graph.invoke(CLEAN, T1)
    id = pending_request(graph, T1) or ""
    assert ops.hil.get(id).question == "Ship 1 parcel?"
    with pytest.raises(ValidationError, match="choose one of yes, no"):
        graph.invoke(Command(resume={"decisions": [{"type": "respond", "message": "maybe"}]}), T1)
    with pytest.raises(ValidationError, match="empty"):
        graph.invoke(Command(resume={"decisions": [{"type": "respond", "message": " "}]}), T1)
    out = graph.invoke(Command(resume={"decisions": [{"type": "respond", "message": "no"}]}), T1)
    assert out["answer"] == {"status": "answered", "answer": "no", "comment": None, "request_id": id}
    graph.invoke(CLEAN, {"configurable": {"thread_id": "t2"}})
    other = pending_request(graph, {"configurable": {"thread_id": "t2"}}) or ""
    person.hil.decline(other, comment="ask me later")
    out = graph.invoke(None, {"configurable": {"thread_id": "t2"}})
    assert (out["answer"]["status"], out["answer"]["comment"]) == ("declined", "ask me later")


def test_in_a_subgraph(ops: MemoryOps, person: MemoryOps) -> None:
    builder = StateGraph(State)
    builder.add_node("inner", asking(ops, question="Go on?"))
    builder.add_edge(START, "inner")
    graph: Any = builder.compile(checkpointer=InMemorySaver())
    graph.invoke(CLEAN, T1)
    person.hil.answer(ops.hil.list().requests[0].id, "yes, do")
    assert graph.invoke(None, T1)["answer"]["answer"] == "yes, do"
    assert len(ops.hil.list().requests) == 1


def test_in_a_workflow_each_question_has_an_answer_of_its_own(ops: MemoryOps, person: MemoryOps) -> None:
    test, ship = make_hil_node(ops, question="Test it?"), make_hil_node(ops, question="Ship it?")
    review = make_hil_node(ops)
    wanted = [AIMessage("", tool_calls=[{"name": "delete", "args": {}, "id": f"c{n}"}]) for n in range(2)]

    @entrypoint(checkpointer=InMemorySaver())
    def work(given: str) -> list[Any]:
        said = [node({})["answer"]["answer"] for node in (test, ship)]
        return [*said, *(review({"messages": [each]}).goto != "model" for each in wanted)]

    work.invoke("", T1)
    for answer in ("yes", "no", "approve", "reject"):
        person.hil.answer(pending_request(work, T1) or "", answer)
        out = work.invoke(None, T1)
    assert out == ["yes", "no", True, False]
