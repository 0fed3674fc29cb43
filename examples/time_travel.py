"""Time travel before and after a compaction: the history stays whole, and a checkpoint goes on from its own time."""

import uuid

from langchain.agents import create_agent
from langchain_core.messages import BaseMessage

from memoryops import MemoryOps
from memoryops.graphs import MemoryMiddleware, QdrantSaver, chat_model

WINDOW = 2000
NOTE = "the wind came from the west, the ferry was on time and the crane stood still. "


def answers(messages: list[BaseMessage]) -> str:
    asked = messages[-1].text
    if not asked.startswith("How many"):
        return "Noted."
    whole = [each for each in messages if each.text.startswith("Day ")]
    return f"I see {len(whole)} days as they were written, in {len(messages)} messages."


with MemoryOps.open() as memory:
    middleware = MemoryMiddleware(memory, max_tokens=WINDOW)
    agent = create_agent(chat_model(answers), middleware=[middleware], checkpointer=QdrantSaver(memory))
    log = {"configurable": {"thread_id": f"log-{uuid.uuid4()}"}}
    ask = {"messages": [("user", "How many days do you see?")]}

    for day in range(1, 21):
        agent.invoke({"messages": [("user", f"Day {day}: {NOTE * 15}")]}, log)
        if day == 3:
            early = agent.get_state(log).config  # long before the window was full
    late = agent.get_state(log).config

    print("today:", agent.invoke(ask, log)["messages"][-1].text)
    print("back then:", agent.invoke(ask, early)["messages"][-1].text)
    print("today again:", agent.invoke(ask, late)["messages"][-1].text)
    history = [state for state in agent.get_state_history(log) if not state.next]
    longest = max(len(state.values["messages"]) for state in history)
    print(f"history: {len(history)} finished runs; the longest has {longest} messages, each as it was said")
    first = agent.get_state(late).values["messages"][0].text
    assert first == f"Day 1: {NOTE * 15}"
