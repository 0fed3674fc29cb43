"""What memory does around a call of a language model: recall before, remember after, and neither in the way.

The steps are generators that yield requests and take their results, so the same code serves a caller that waits and one
that awaits.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from . import requests
from .chat import Chat, Turn
from .errors import MemoryOpsClientError, Refused
from .models import Added, Entry, NewItem, WorkingSet
from .request import Request

T = TypeVar("T")
Steps = Generator[Request[Any], Any, T]
Stage = Literal["recall", "remember"]
ROUNDS = 2
"""How often it is asked once more because the conversation had what was recalled."""
MOST_KNOWN = 10_000
"""How many turns are known by their ids at once."""
SAME = 8
"""How many memories of the same words, said by the same."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Degraded:
    """Memory took no part in a call. *stage*: "recall" or "remember". *reason*: for programs. *error*: what came."""

    stage: Stage
    reason: str
    error: Exception = field(repr=False)


@dataclass(frozen=True, slots=True)
class Policy:
    """*user*, *thread*: of calls that name none. *budget_tokens*: most tokens of what is put in. *memories*: most
    memories in it. *patience*: seconds that memory may hold a call up before, and again after it."""

    user: str | None = None
    thread: str | None = None
    budget_tokens: int = 1000
    memories: int = 12
    patience: float = 1.0
    remember: bool = True
    on_degraded: Callable[[Degraded], object] | None = None


class Around:
    """Memory around the calls of one client. Safe to use from several threads."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._known: OrderedDict[tuple[str, str, str], tuple[str, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, chat: Chat, user: str) -> Steps[bytes | None]:
        """The body with what memory has for its question; None where it has nothing. What stands in the conversation
        anyway is left out."""
        question = chat.question
        if not question:
            return None
        turns = chat.turns
        found: WorkingSet = yield self._context(question, user, self._ids(user, turns))
        for _ in range(ROUNDS):
            echoes = _echoes(found, turns)
            if not echoes:
                break
            self._learn(user, echoes)
            found = yield self._context(question, user, self._ids(user, turns))
        return chat.with_block(found.text) if found.text else None

    def remember(self, chat: Chat, user: str, thread: str | None, answer: str) -> Steps[None]:
        """Keep what was said last, each turn once."""
        turns = chat.said(answer, datetime.now(UTC).date().isoformat(), thread)
        if turns:
            added: list[Added] = yield requests.memory_add_many([_item(each, thread) for each in turns], user=user)
            self._learn(user, [(turn, each.id) for turn, each in zip(turns, added, strict=True)])

    def tell(self, stage: Stage, error: Exception) -> None:
        """Say that memory took no part: to the log, and to whoever wants to know."""
        reason = _reason(error)
        log.warning("memory took no part in a call: %s, %s", stage, reason)
        if self.policy.on_degraded is not None:
            try:
                self.policy.on_degraded(Degraded(stage, reason, error))
            except Exception:
                log.exception("on_degraded failed")

    def _context(self, question: str, user: str, seen: Sequence[str]) -> Request[WorkingSet]:
        where = {"item": {"not": list(seen)}} if seen else None
        policy = self.policy
        return requests.memory_context(
            question,
            budget_tokens=policy.budget_tokens,
            where=where,
            limit=policy.memories,
            turns=0,
            tasks=False,
            user=user,
        )

    def _ids(self, user: str, turns: Sequence[Turn]) -> list[str]:
        with self._lock:
            found = [self._known.get((user, turn.role, turn.text), ()) for turn in turns]
        return list(dict.fromkeys(id for ids in found for id in ids))

    def _learn(self, user: str, pairs: Sequence[tuple[Turn, str]]) -> None:
        with self._lock:
            for turn, id in pairs:
                key = (user, turn.role, turn.text)
                self._known[key] = (*(each for each in self._known.get(key, ()) if each != id), id)[-SAME:]
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)


def _echoes(found: WorkingSet, turns: Sequence[Turn]) -> list[tuple[Turn, str]]:
    """What was recalled though the conversation has it: each turn with the id of its memory."""
    entries = [entry for section in found.sections for entry in section.entries]
    pairs = [(turn, entry) for entry in entries for turn in turns if entry.speaker == turn.role]
    return [(turn, entry.id) for turn, entry in pairs if _stands_for(entry, turn.text)]


def _stands_for(entry: Entry, text: str) -> bool:
    """Whether *entry* shows *text*, whole or as its one line."""
    if entry.form != "hint":
        return entry.text.strip() == text
    line = entry.text.removesuffix(f" (ID: {entry.id})").removesuffix("…").rstrip()
    return bool(line) and " ".join(text.split()).startswith(line)


def _item(turn: Turn, thread: str | None) -> NewItem:
    return {
        "content": turn.text,
        "content_type": "chat",
        "kind": "message",
        "speaker": turn.role,
        "thread": thread,
        "metadata": {"source": "wrap"},
        "idempotency_key": turn.key,
    }


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, Refused) and error.kind:
        return error.kind
    if isinstance(error, MemoryOpsClientError):
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in type(error).__name__).lstrip("_")
    return "internal"
