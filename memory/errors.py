"""What an operation can answer instead of a result. Store and encoder errors pass through as they are."""

from __future__ import annotations


class MemoryOpsError(Exception):
    """Root of what the operations raise on purpose."""


class InvalidInput(MemoryOpsError):
    """An argument is missing, of the wrong type or out of range; nothing was written."""


class NotFound(MemoryOpsError):
    """There is nothing with that id in the caller's scope."""

    def __init__(self, what: str, id: str) -> None:
        self.what, self.id = what, id
        super().__init__(f"there is no {what} {id!r} in this scope; check the id, or search for it")


class Forbidden(MemoryOpsError):
    """The caller's role does not allow this."""


class Quarantined(MemoryOpsError):
    """The content is in quarantine, and a person has to release it first."""


class Stale(MemoryOpsError):
    """It was changed since the caller read it; nothing was written."""


class KeyReused(MemoryOpsError):
    """An idempotency key came again with other content."""


class Taken(MemoryOpsError):
    """The task is not free, or not this agent's; or a name is in use."""


class Settled(MemoryOpsError):
    """The HIL request or task has reached its end already."""


class Incomplete(MemoryOpsError):
    """A checkpoint needs a blob that is not there: somebody is deleting the thread, or the store lost it."""

    def __init__(self, thread: str) -> None:
        super().__init__(
            f"a checkpoint of the thread with the key {thread} needs a blob that is not there; if nobody is deleting "
            "that thread right now, run `memoryops doctor`, or go on from an earlier checkpoint"
        )


class OriginalLost(MemoryOpsError):
    """A message was shown in a shorter form, and is to be stored, but what it said is nowhere any more."""

    def __init__(self, message: str | None, id: str) -> None:
        super().__init__(
            f"the message {message!r} stands for a longer one, which is neither in the memory (ID: {id}) nor in its "
            "thread any more, so nothing was stored; remove it (RemoveMessage), or send it with its whole text"
        )


class ContextOverflow(MemoryOpsError):
    """What may not be replaced is more than the window allows; the figures are tokens by *counter*."""

    def __init__(self, left: int, window: int, hard: int, *, fixed: int, before: int, counter: str) -> None:
        self.left, self.window, self.hard = left, window, hard
        self.fixed, self.before, self.counter = fixed, before, counter
        super().__init__(
            f"{left} of {before} tokens ({counter}) are left when everything is replaced that may be, over the {hard} "
            f"allowed in a window of {window}; {fixed} of them are untouchable (system prompt, question, last "
            "exchange, tool schemas and calls). Shorten those, or use a model with a larger window"
        )
