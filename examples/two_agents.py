"""Two agents, each a process of its own, share one memory: one hands over, and of both only one gets a task."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from memoryops import MemoryOps, Scope
from memoryops.memory.errors import MemoryOpsError


def work(name: str, task: str) -> str | None:
    """What the agent *name* does: try to claim *task*, and leave a note for the others. Its name if it got it."""
    with MemoryOps.open(scope=Scope(agent=name)) as memory:
        try:
            memory.tasks.claim(task)
        except MemoryOpsError as error:
            print(f"{name}: {error}")
            return None
        memory.add(f"{name} found that the renewal job lacks the right to change DNS records.", tags=["handover"])
        memory.tasks.update(task, status="done", result="see the handover note")
        return name


def main() -> None:
    with MemoryOps.open(scope=Scope(agent="planner")) as memory:
        task = memory.tasks.create("Find out why the certificate was not renewed", priority=9)
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            won = [name for name in pool.map(work, ("agent-a", "agent-b"), (task.id, task.id)) if name]
        print("done by:", ", ".join(won))
        (note,) = memory.search("Why was the certificate not renewed?", limit=1, where={"tags": "handover"}).hits
        print("handover:", note.content)


if __name__ == "__main__":
    main()
