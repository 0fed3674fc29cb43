"""What every node here is: a function of the state, which LangGraph runs in a worker thread in async graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypedDict, TypeVar


class Node(Protocol):
    """A node of a `StateGraph`."""

    def __call__(self, state: Any) -> Any:
        """The update that the node makes of *state*."""


N = TypeVar("N", bound=Node)


def declaring(node: N, keys: Mapping[str, Any]) -> N:
    """*node*, which reads and writes *keys* of the state; LangGraph adds those that the state lacks.

    Without this, what a node writes to a key that the state does not have would be lost in silence.
    """
    node.__annotations__ = {**node.__annotations__, "state": TypedDict("NodeState", dict(keys))}  # type: ignore[operator]
    return node
