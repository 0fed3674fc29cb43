"""The node that puts what fits the question before the model's eyes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages import AnyMessage, RemoveMessage

from ...memory.service import MemoryOps
from ..conversation import messages_in, question_in, was_put_in
from ..recalling import IN_VIEW, Recalling, as_message
from .node import Node, declaring


def make_recall_node(
    ops: MemoryOps,
    *,
    budget_tokens: int | None = None,
    limit: int | None = None,
    where: Mapping[str, Any] | None = None,
    tasks: bool = False,
    purpose: Callable[[Any], str] | None = None,
    messages_key: str = "messages",
    output_key: str | None = None,
    in_view: int = IN_VIEW,
) -> Node:
    """A node that recalls what fits the last question, as one block that says that it is data and carries ids.

    At most *budget_tokens* tokens (default: as the memory is configured, and an eighth of its window at most) and
    *limit* memories that meet *where*, with open *tasks* if wanted. *purpose(state)*: what to recall for instead. The
    block is a message after the question, in place of the one before; with *output_key* it is text under that key of
    the state instead ("" if nothing fits), for a prompt of your own (where *purpose* is given, too, the state must have
    that key). The latest *in_view* messages are not recalled. Raises `InvalidInput`, `Forbidden`, or a `StoreError`.
    """
    recalling = Recalling(budget_tokens, limit, where, tasks, in_view)

    def recall(state: Any) -> dict[str, Any]:
        messages = messages_in(state, messages_key)
        working = recalling.working_set(ops, messages, purpose(state) if purpose is not None else "")
        if output_key is not None:
            return {output_key: working.text if working is not None else ""}
        made = [as_message(working, question_in(messages))] if working is not None and working.text else []
        kept = {each.id for each in made}
        old = [RemoveMessage(id=each.id) for each in messages if was_put_in(each) and each.id and each.id not in kept]
        return {messages_key: [*old, *made]}

    if output_key is not None and purpose is None:  # a purpose of one's own may read other keys of the state
        return declaring(recall, {messages_key: list[AnyMessage], output_key: str})
    return recall
