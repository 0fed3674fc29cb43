"""What a graph recalls for the question it is about to answer; shared by the node and the agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage

from ..memory import inputs
from ..memory.context import WorkingSet
from ..memory.service import MemoryOps
from ..memory.working_set import purpose_of
from .context import seen
from .conversation import OURS, RECALLED, is_recalled, question_in, text_of, turns_of

IN_VIEW = 10
"""How many of the latest messages are left out of what is recalled: the model sees them anyway."""
MOST_IN_VIEW = 10_000
WINDOW_PARTS = 8
"""What is recalled takes at most one part in this many of the window, unless its budget is given."""


@dataclass(frozen=True, slots=True)
class Recalling:
    """How much is recalled, and of what; see `make_recall_node`. *window*: the model's, if not as *ops* has it."""

    budget_tokens: int | None = None
    limit: int | None = None
    where: Mapping[str, Any] | None = None
    tasks: bool = False
    in_view: int = IN_VIEW
    window: int | None = None

    def __post_init__(self) -> None:
        inputs.whole(self.in_view, "in_view", 0, MOST_IN_VIEW)

    def working_set(self, ops: MemoryOps, messages: Sequence[BaseMessage], purpose: str = "") -> WorkingSet | None:
        """What fits *purpose* (default: the last question of *messages*); None where nothing is asked."""
        question = question_in(messages)
        asked = purpose or (purpose_of(text_of(question)) if question is not None else "")
        if not asked.strip():
            return None
        run = seen(ops)
        latest = turns_of([each for each in messages if not is_recalled(each)])[-self.in_view :] if self.in_view else []
        known = run.ops.turns.ids(latest, run.thread)
        where = {**({"item": {"not": known}} if known else {}), **(self.where or {})}
        return run.ops.context(asked, self._budget(run.ops), where=where, limit=self.limit, turns=0, tasks=self.tasks)

    def _budget(self, ops: MemoryOps) -> int:
        """Tokens for the block: as it was said, else as it is configured, in no more than its share of the window."""
        if self.budget_tokens is not None:
            return self.budget_tokens
        return min(ops.token_budget, max(1, (self.window or ops.window.max_tokens) // WINDOW_PARTS))


def as_message(working: WorkingSet, question: BaseMessage | None) -> HumanMessage:
    """*working* as a message that follows *question*.

    A user's message, because no provider refuses one wherever it stands; the block itself says that it is data.
    """
    id = f"recalled-{question.id}" if question is not None and question.id else None
    ids = [entry.id for entry in working.entries]
    return HumanMessage(working.text, id=id, response_metadata={OURS: {RECALLED: ids}})
