"""The façade in twenty lines: remember, find, read, work, ask a person, look at the whole."""

from memoryops import MemoryOps, Scope

with MemoryOps.open(scope=Scope(agent="quickstart")) as memory:  # in the folder that MEMORYOPS_DATA_DIR names
    added = memory.add("We chose SQLite: one file is easy to back up.", tags=["decision"], priority=8)
    memory.add("The ferry to the island leaves at 6:25.", kind="message", thread="pier", speaker="Ops")

    for hit in memory.search("Which database did we take, and why?", limit=2).hits:
        print(f"{hit.score:.2f}  {hit.content}")
    print("byte-exact:", memory.retrieve(added.id).content)

    task = memory.tasks.create("Back the file up every night", priority=7)
    memory.tasks.claim(task.id)
    print("task:", memory.tasks.update(task.id, status="done", result="at 03:00").status)

    question = memory.hil.request("Delete backups older than 30 days?", options=["yes", "no"])
    person = memory.with_scope(Scope(role="human"))
    print("a person says:", person.hil.answer(question.id, "no").answer)
    print("in memory:", memory.state().items, "document and", memory.state().messages, "message")
