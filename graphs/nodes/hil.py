"""The node that pauses a graph until a person has decided."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from langchain.agents.middleware.human_in_the_loop import (
    ActionRequest,
    Decision,
    DecisionType,
    HITLRequest,
    InterruptOnConfig,
    ReviewConfig,
)
from langchain_core.messages import AIMessage, BaseMessage, ToolCall, ToolMessage
from langgraph.graph import END
from langgraph.runtime import get_runtime
from langgraph.types import Command, Send

from ...memory import inputs
from ...memory.errors import InvalidInput
from ...memory.service import MemoryOps
from ..asking import PLAIN, ask
from ..context import seen
from ..conversation import last_answer, messages_in
from .node import Node, declaring

QUESTION = "question"
"""The name of the action that a question without a tool call is asked as."""

WAYS = get_args(DecisionType)

Rules = Mapping[str, bool | InterruptOnConfig]


def make_hil_node(
    ops: MemoryOps,
    *,
    question: str | Callable[[Any], str] | None = None,
    options: Sequence[str] = (),
    interrupt_on: Rules | None = None,
    tools: str = "tools",
    model: str = "model",
    timeout: float | None = None,
    messages_key: str = "messages",
    output_key: str = "answer",
) -> Node:
    """A node that asks a person, by an interrupt in LangChain's `HITLRequest` shape and by a durable request at once.

    Without *question* it reviews the tool calls of the last answer that *interrupt_on* names (default: all): approved
    ones go on to the node *tools*, rejected ones are answered in the person's place, and if none is left the graph goes
    to *model*; a message without calls ends the run. With *question* (text, or made of the state) it asks that, with
    *options* to choose from, and puts `{"status": "answered" | "declined" | "expired", "answer", "comment",
    "request_id"}` under *output_key*, which the state must have where the question is made of it. *timeout*: seconds
    until the request expires, which approves nothing. The graph needs a checkpointer.
    """
    if question is not None:
        return _asking(ops, question, inputs.names(options, "options"), timeout, output_key)
    return _reviewing(ops, _rules(interrupt_on), tools, model, timeout, messages_key)


def _rules(given: Rules | None) -> Rules | None:
    """*given*, if each rule says whether, or how, a person decides: a mistake in one must not let a call pass."""
    for name, rule in (given or {}).items():
        allowed = rule.get("allowed_decisions") if isinstance(rule, Mapping) else None
        named = isinstance(allowed, list | tuple) and bool(allowed) and all(each in WAYS for each in allowed)
        if not isinstance(rule, bool) and not named:
            raise InvalidInput(
                f"the rule for {name} is {rule!r:.100}; give True, False, or allowed_decisions of {', '.join(WAYS)}"
            )
    return given


def _asking(
    ops: MemoryOps, question: str | Callable[[Any], str], options: Sequence[str], timeout: float | None, key: str
) -> Node:
    name = question if isinstance(question, str) else key

    def hil(state: Any) -> dict[str, Any]:
        text = question(state) if callable(question) else question
        args: dict[str, Any] = {"question": text, "options": list(options)}
        request = HITLRequest(
            action_requests=[ActionRequest(name=QUESTION, args=args, description=text)],
            review_configs=[ReviewConfig(action_name=QUESTION, allowed_decisions=["respond", "reject"])],
        )
        settled = ask(seen(ops), request, text, options=options, timeout=timeout, name=name).request
        return {
            key: {
                "status": settled.status,
                "answer": settled.answer,
                "comment": settled.comment,
                "request_id": settled.id,
            }
        }

    return declaring(hil, {key: dict[str, Any]}) if isinstance(question, str) else hil


def _reviewing(
    ops: MemoryOps, rules: Rules | None, tools: str, model: str, timeout: float | None, messages_key: str
) -> Node:
    def hil(state: Any) -> Command[Any]:
        messages = messages_in(state, messages_key)
        answer = last_answer(messages)
        calls = _open_calls(messages, answer)
        if answer is None or not calls:
            return Command(goto=END)
        gated = [(call, allowed) for call in calls if (allowed := _allowed(call, rules))]
        decided: dict[str, Decision] = {}
        if gated:
            request = _review(gated, rules, state)
            # Several calls have no options to choose from: a person may decide differently about each.
            plain = len(gated) == 1 and set(gated[0][1]) <= set(PLAIN)
            listed = "\n\n".join(each["description"] for each in request["action_requests"])
            names = ", ".join(dict.fromkeys(call["name"] for call, _ in gated))
            asked = ask(
                seen(ops),
                request,
                f"May the agent call {names}?",
                options=[way for way in PLAIN if way in gated[0][1]] if plain else (),
                context=listed if plain else f"{listed}\n\n{_how(request)}",
                timeout=timeout,
                name=" ".join(str(call["id"]) for call, _ in gated),
            )
            decided = {str(call["id"]): each for (call, _), each in zip(gated, asked.decisions, strict=True)}
        return _carried_out(answer, calls, decided, tools, model, messages_key)

    hil.__annotations__["return"] = Command[Literal[(tools, model, END)]]  # type: ignore[valid-type]  # for the picture
    return hil


def _open_calls(messages: Sequence[BaseMessage], answer: AIMessage | None) -> list[ToolCall]:
    """The calls of *answer* that have no result yet."""
    done = {each.tool_call_id for each in messages if isinstance(each, ToolMessage)}
    return [call for call in answer.tool_calls if call["id"] not in done] if answer is not None else []


def _allowed(call: ToolCall, rules: Rules | None) -> Sequence[DecisionType]:
    """How a person may decide about *call*; empty where nobody is asked."""
    rule = True if rules is None else rules.get(call["name"], False)
    if isinstance(rule, bool):
        return ("approve", "reject") if rule else ()
    return rule["allowed_decisions"]


def _review(gated: Sequence[tuple[ToolCall, Sequence[DecisionType]]], rules: Rules | None, state: Any) -> HITLRequest:
    ways = {call["name"]: list(allowed) for call, allowed in gated}
    return HITLRequest(
        action_requests=[
            ActionRequest(name=call["name"], args=call["args"], description=_described(call, rules, state))
            for call, _ in gated
        ],
        review_configs=[ReviewConfig(action_name=name, allowed_decisions=each) for name, each in ways.items()],
    )


def _described(call: ToolCall, rules: Rules | None, state: Any) -> str:
    rule = (rules or {}).get(call["name"])
    said = rule.get("description") if isinstance(rule, Mapping) else None
    said = said(call, state, get_runtime()) if callable(said) else said
    shown = f"{call['name']}({json.dumps(call['args'], ensure_ascii=False, default=str)})"
    return f"{said}\n{shown}" if isinstance(said, str) else shown


def _how(request: HITLRequest) -> str:
    ways = "; ".join(
        f"{each['action_name']}: {', '.join(each['allowed_decisions'])}" for each in request["review_configs"]
    )
    return (
        f'Answer with "approve" or "reject" for all, or with JSON: {{"decisions": [{{"type": …}}, …]}}, one for each '
        f'call in order. Allowed: {ways}. An edit has "edited_action": {{"name", "args"}}, a response "message".'
    )


def _carried_out(
    answer: AIMessage,
    calls: Sequence[ToolCall],
    decided: Mapping[str, Decision],
    tools: str,
    model: str,
    messages_key: str,
) -> Command[Any]:
    """Calls that may go on are sent to *tools* one by one: a tool node that is handed the messages runs all calls."""
    revised, results = list(answer.tool_calls), list[ToolMessage]()
    going: list[ToolCall] = []
    for call in calls:
        decision: Decision = decided.get(str(call["id"]), {"type": "approve"})
        if decision["type"] == "approve":
            going.append(call)
        elif decision["type"] == "edit":
            action = decision["edited_action"]
            edited = ToolCall(name=action["name"], args=action["args"], id=call["id"], type="tool_call")
            revised[revised.index(call)] = edited
            going.append(edited)
        else:
            results.append(_instead(call, decision))
    changed = [answer.model_copy(update={"tool_calls": revised})] if revised != answer.tool_calls else []
    update = {messages_key: [*changed, *results]} if changed or results else None
    return Command(update=update, goto=[Send(tools, [call]) for call in going] if going else model)


def _instead(call: ToolCall, decision: Decision) -> ToolMessage:
    """What the model reads in place of the result of *call*."""
    said = str(decision.get("message") or "")
    if decision["type"] == "respond":
        return ToolMessage(said, name=call["name"], tool_call_id=call["id"])
    text = f"A person rejected this call of {call['name']}, and it was not made" + (f": {said}" if said else ".")
    return ToolMessage(text, name=call["name"], tool_call_id=call["id"], status="error")
