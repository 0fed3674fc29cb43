"""Two agents share tasks through one folder: one plans over MCP, one is a graph that works them off."""

import os
import sys
from typing import Any, TypedDict

import anyio
from langgraph.graph import END, START, StateGraph
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from memoryops import MemoryOps
from memoryops.graphs import chat_model, make_task_nodes, register_agent

SERVER = StdioServerParameters(
    command=sys.executable,
    args=["-P", "-m", "memoryops.mcp_server.server"],
    env={**os.environ, "MEMORYOPS_AGENT": "planner"},
)
NAME = "graph"
TASKS = [("Grease the crane", 4), ("Renew the mooring of berth 7", 9), ("Count the buoys", 2)]


class Work(TypedDict, total=False):
    task: dict[str, Any] | None
    result: str


def worker(memory: MemoryOps) -> Any:
    """A graph that registers, then claims, does and completes tasks until none is free."""
    model = chat_model(lambda messages: f"Done: {messages[-1].text}")
    tasks = make_task_nodes(memory, agent=NAME)
    builder = StateGraph(Work)
    builder.add_node("register", register_agent(memory, NAME, capabilities=["harbour"]))
    builder.add_node("claim", tasks.claim)
    builder.add_node("work", lambda state: {"result": model.invoke(state["task"]["title"]).text})
    builder.add_node("complete", tasks.complete)
    builder.add_edge(START, "register")
    builder.add_edge("register", "claim")
    builder.add_conditional_edges("claim", lambda state: "work" if state["task"] else END, ["work", END])
    builder.add_edge("work", "complete")
    builder.add_edge("complete", "claim")
    return builder.compile()


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    if result.is_error:
        raise SystemExit(" ".join(getattr(block, "text", "") for block in result.content))
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def main() -> None:
    async with Client(SERVER) as planner:  # a process of its own
        for title, priority in TASKS:
            await call(planner, "task_create", title=title, priority=priority)
        with MemoryOps.open() as memory:  # in the folder that both use
            await worker(memory).ainvoke({})
        done = await call(planner, "task_list", status=["done"])
        for task in done["tasks"]:
            print(f"{task['assignee']} did {task['title']!r}: {task['result']}")
        agents = await call(planner, "agent_list")
        print("the planner sees:", ", ".join(agent["name"] for agent in agents["agents"]))


anyio.run(main)
