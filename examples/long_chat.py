"""A chat that outgrows its model's window ten-fold, and still answers from its first turn.

Runs without a key, by a script; with MEMORYOPS_LLM_BASE_URL set, the model behind that endpoint answers.
"""

import uuid

from langchain_core.messages import BaseMessage

from memoryops import MemoryOps
from memoryops.compressors import tokens
from memoryops.graphs import QdrantSaver, chat_model, create_memory_agent

WINDOW = 2000  # tokens; small, so that it is soon full
NOTE = "the crane on the east quay was checked, two boats came in, and nobody asked for more. "


def answers(messages: list[BaseMessage]) -> str:
    """What a model might say: it knows what it is sent, and nothing else."""
    sent = " ".join(each.text for each in messages)
    if "Who has the key" not in sent:
        return "Noted."
    return "Ingrid has it." if "Ingrid" in sent else "I do not know."


with MemoryOps.open() as memory:
    model = chat_model(answers, max_tokens=WINDOW)  # the scripted one refuses what is larger
    agent = create_memory_agent(model, ops=memory, max_tokens=WINDOW, manage=False, checkpointer=QdrantSaver(memory))
    chat = {"configurable": {"thread_id": f"quay-{uuid.uuid4()}"}}

    def say(text: str) -> str:
        """The agent's answer; what the memory did to keep the window is streamed beside it."""
        for kind, event in agent.stream({"messages": [("user", text)]}, chat, stream_mode=["custom", "values"]):
            if kind == "custom":
                shown.append(event["tokens_after"])
            else:
                answer = event["messages"][-1].text
        return answer

    shown: list[int] = []
    say("Ingrid has the key to the boat house.")
    for day in range(1, 38):
        say(f"Log of day {day}: {NOTE * 27}")
    print("answer:", say("Who has the key to the boat house?"))
    history = agent.get_state(chat).values["messages"]
    said = sum(tokens.count(each.text) for each in history)
    print(f"said: {said} tokens in {len(history)} messages, {said / WINDOW:.0f} windows")
    print(f"shown at once: {max(shown)} of {WINDOW} tokens at most")
    print("first message, as it was said:", history[0].text)
