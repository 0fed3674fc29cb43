"""The node that makes an agent known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...memory.errors import InvalidInput
from ...memory.service import MemoryOps
from ..context import seen
from .node import Node


def register_agent(
    ops: MemoryOps,
    name: str | None = None,
    capabilities: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
) -> Node:
    """A node that registers the agent *name* (default: the scope's) with *capabilities*, and says that it is alive.

    Others find it by `ops.agents.list(capability=…)`. Raises `InvalidInput` where no agent is named, `Forbidden` for
    another one than the scope's.
    """

    def register(state: Any) -> dict[str, Any]:
        run = seen(ops)
        agent = run.ops.scope.narrowed(agent=name).agent
        if agent is None:
            raise InvalidInput("no agent is named; pass name=…, bind one in the scope, or in the run's MemoryContext")
        run.ops.agents.register(agent, capabilities, metadata)
        return {}

    return register
