"""An approval that pauses a graph until a person answers: where the graph is resumed, or from anywhere else."""

import subprocess
import sys
import uuid

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command

from memoryops import MemoryOps
from memoryops.graphs import QdrantSaver, chat_model, make_hil_node, pending_request
from memoryops.graphs.testing import call


@tool
def open_gate(berth: int) -> str:
    """Open the gate of a berth."""
    return f"The gate of berth {berth} is open."


def answers(messages: list[BaseMessage]) -> str | AIMessage:
    last = messages[-1]
    return call("open_gate", berth=7) if last.type == "human" else last.text


def thread() -> RunnableConfig:
    return {"configurable": {"thread_id": str(uuid.uuid4())}}


with MemoryOps.open() as memory:
    model = chat_model(answers).bind_tools([open_gate])
    builder = StateGraph(MessagesState)
    builder.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_node("hil", make_hil_node(memory, interrupt_on={"open_gate": True}))
    builder.add_node("tools", ToolNode([open_gate]))
    builder.add_edge(START, "model")
    builder.add_edge("model", "hil")
    builder.add_edge("tools", "model")
    graph = builder.compile(checkpointer=QdrantSaver(memory))
    please = {"messages": [("user", "Let the Marigold in at berth 7, please.")]}

    # 1. Whoever runs the graph shows the interrupt, and resumes with what the person decided.
    first = thread()
    paused = graph.invoke(please, first)["__interrupt__"][0]
    print("paused:", paused.value["action_requests"][0]["description"])
    resumed = graph.invoke(Command(resume={"decisions": [{"type": "approve"}]}), first)
    print("approved in the app:", resumed["messages"][-1].text)

    # 2. The same question is in the memory: here it is answered on the command line; an MCP client would do.
    second = thread()
    graph.invoke(please, second)
    question = pending_request(graph, second)
    assert question is not None
    cli = [sys.executable, "-P", "-m", "memoryops.mcp_server.cli.main", "hil", "decline", question]
    subprocess.run([*cli, "--comment", "not before high tide"], check=True, capture_output=True)
    memory.hil.wait(question, timeout=10)
    print("declined elsewhere:", graph.invoke(None, second)["messages"][-1].text)
