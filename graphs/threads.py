"""Which thread a graph is running in."""

from __future__ import annotations

from langgraph.config import get_config


def thread_of() -> str | None:
    """The `thread_id` that the graph that is running was invoked with, None without one or outside of a run."""
    try:
        given = get_config().get("configurable", {}).get("thread_id")
    except RuntimeError:  # LangGraph's answer outside of a run
        return None
    return None if given is None else str(given)
