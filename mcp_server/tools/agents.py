"""The tools on agents: who works in this workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ..runtime import Runtime
from .results import Result, few, fitting, small

if TYPE_CHECKING:
    from ...memory.agents import Agent, AgentPage

_NO_NAMES: list[str] = []
_NO_FIELDS: dict[str, Any] = {}


class AgentResult(Result):
    name: str
    capabilities: list[str] = []
    metadata: dict[str, Any] = {}
    registered_at: str
    heartbeat_at: str
    left_out: list[str] = []


class AgentRegistered(Result):
    name: str
    heartbeat_at: str


class AgentListResult(Result):
    agents: list[AgentResult]
    next_cursor: str | None = None


class AgentTools:
    """The tools on agents, over one memory."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def agent_register(
        self, name: str, capabilities: list[str] = _NO_NAMES, metadata: dict[str, Any] = _NO_FIELDS
    ) -> AgentRegistered:
        """Make yourself known to other agents; repeat it as a sign of life."""
        agent = self.runtime.ops().agents.register(name, capabilities, metadata)
        return AgentRegistered(name=agent.name, heartbeat_at=agent.heartbeat_at)

    def agent_list(
        self,
        capability: str | None = None,
        alive_within: Annotated[float | None, Field(description="seconds")] = None,
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        cursor: str | None = None,
    ) -> AgentListResult:
        """Who works here, latest heard of first."""
        agents = self.runtime.ops().agents

        def fetch(most: int) -> AgentPage:
            return agents.list(capability=capability, alive_within=alive_within, limit=most, cursor=cursor)

        shown, next_cursor = fitting(fetch, lambda page: page.agents, _agent, limit)
        return AgentListResult(agents=shown, next_cursor=next_cursor)


def _agent(agent: Agent) -> AgentResult:
    left_out: list[str] = []
    return AgentResult(
        name=agent.name,
        capabilities=few(agent.capabilities, left_out, "capabilities"),
        metadata=small(agent.metadata, left_out),
        registered_at=agent.registered_at,
        heartbeat_at=agent.heartbeat_at,
        left_out=left_out,
    )
