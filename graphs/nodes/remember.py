"""The node that keeps what was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AnyMessage

from ...memory import inputs
from ...memory.errors import InvalidInput
from ...memory.service import MemoryOps
from ..context import seen
from ..conversation import ROLES, messages_in, tell_refused, turns_of
from .node import Node, declaring


def make_remember_node(
    ops: MemoryOps,
    *,
    roles: Sequence[str] = ("user", "assistant"),
    priority: int = 5,
    tags: Sequence[str] = (),
    messages_key: str = "messages",
    output_key: str | None = None,
) -> Node:
    """A node that stores what people and models said, each message once, as turns of the run's thread.

    Of *roles* ("user", "assistant", "tool", "system"), with *priority* and *tags*. What was recalled from memory, hints
    and shortened texts are in memory already and not stored again. *output_key*: where the ids of the memories go, one
    for each message that has words of its own. A message that no store can hold is passed over, with a warning in the
    log that names it. Raises `Forbidden` or a `StoreError`.
    """
    for role in inputs.names(roles, "roles"):
        inputs.choice(role, "one of roles", tuple(ROLES.values()))
    if not roles:
        raise InvalidInput("roles is empty; name at least one whose messages are remembered")

    def remember(state: Any) -> dict[str, Any]:
        run = seen(ops)
        turns = turns_of(messages_in(state, messages_key), roles)
        kept = run.ops.turns.keep(turns, thread=run.thread, priority=priority, tags=tags)
        tell_refused(kept, run.thread)
        return {} if output_key is None else {output_key: [each.id for each in kept if each.id is not None]}

    if output_key is not None:
        return declaring(remember, {messages_key: list[AnyMessage], output_key: list[str]})
    return remember
