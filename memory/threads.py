"""Threads: conversations, turn by turn, and how the materials of one come in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..compressors.structure.marks import TURN
from ..stores.filters import Eq, Exists, all_of
from . import inputs
from .errors import InvalidInput
from .ids import new_id
from .items import Items
from .models import Added, Item

MATERIALS = ("chat", "diffs", "logs")
CONTENT_TYPES = {"diffs": "diff", "logs": "log"}
MOST_PARTS = 1000
"""How many texts one material may hold."""


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation: its *name* and how many active memories it has, messages and others."""

    name: str
    memories: int


@dataclass(frozen=True, slots=True)
class ThreadList:
    """The *threads* with the most memories first. *truncated*: there are more than were asked for."""

    threads: Sequence[Thread]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class MessagePage:
    messages: Sequence[Item]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A new conversation. Nothing of it is stored until its first message is."""

    thread: str
    user: str | None


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of each text of each material, in their order."""

    chat: Sequence[Added] = ()
    diffs: Sequence[Added] = ()
    logs: Sequence[Added] = ()


class Threads:
    """The threads of one scope."""

    def __init__(self, items: Items) -> None:
        self.items, self.store, self.scope = items, items.store, items.scope

    def begin(self) -> Begun:
        """A name that no other thread has."""
        return Begun(self.scope.thread or new_id(), self.scope.user)

    def list(self, *, limit: int = 100) -> ThreadList:
        """The threads that active memories belong to."""
        inputs.whole(limit, "limit", 1, 1000)
        where = all_of(Eq("type", "item"), Eq("status", "active"), Exists("thread"), self.scope.filter)
        found = self.store.facet(self.scope.workspace, "records", "thread", where, limit + 1)
        threads = [Thread(name, number) for name, number in found.items()]
        return ThreadList(threads[:limit], len(threads) > limit)

    def messages(
        self, thread: str, *, limit: int = 50, cursor: str | None = None, newest_first: bool = False
    ) -> MessagePage:
        """The messages of *thread* in the order in which they were said; none where there is no such thread."""
        inputs.whole(limit, "limit", 1, 1000)
        scope = self.scope.narrowed(thread=inputs.name(thread, "thread"))
        message = all_of(Eq("type", "item"), Eq("kind", "message"), Eq("status", "active"), scope.filter)
        page = self.store.scroll(
            scope.workspace,
            "records",
            where=message,
            order_by="created_at",
            descending=newest_first,
            limit=limit,
            cursor=cursor,
        )
        return MessagePage([self.items.item(point) for point in page.points], page.cursor)

    def ingest(
        self,
        materials: Mapping[str, str | Sequence[Any]],
        *,
        thread: str | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Ingested:
        """Store *materials*: `chat` turn by turn, each of `diffs` and `logs` as one memory, cut into hunks and log
        records where it is searched.

        A chat is a text whose turns begin with "Speaker: ", or a list of {role, content}; diffs and logs are a text
        or a list of texts. All is checked before the first is stored; with *idempotency_key* a repetition stores
        nothing. Raises `InvalidInput`.
        """
        unknown = set(materials) - set(MATERIALS)
        if unknown or not materials:
            told = f"have {', '.join(sorted(unknown)):.100}" if unknown else "are empty"
            raise InvalidInput(f"the materials {told}; give some of {', '.join(MATERIALS)}")
        shared: dict[str, Any] = {"thread": thread, "tags": tags, "metadata": metadata}
        entries: dict[str, list[dict[str, Any]]] = {
            name: [{**shared, **each} for each in _texts(name, value)] for name, value in materials.items()
        }
        flat = [entry for name in MATERIALS for entry in entries.get(name, ())]
        if idempotency_key is not None:
            key = inputs.name(idempotency_key, "idempotency_key")
            for number, entry in enumerate(flat):
                entry["idempotency_key"] = inputs.name(f"{key}/{number}", "idempotency_key")
        added = iter(self.items.add_many(flat))
        return Ingested(**{name: [next(added) for _ in entries.get(name, ())] for name in MATERIALS})


def _texts(name: str, value: object) -> list[dict[str, Any]]:
    """The arguments of `add` for each text of the material *name*."""
    if isinstance(value, str) and (not value or value.isspace()):
        return []
    if not isinstance(value, str) and (not isinstance(value, Sequence) or len(value) > MOST_PARTS):
        raise InvalidInput(f"{name} is no text and no list of up to {MOST_PARTS}")
    parts = [value] if isinstance(value, str) else list(value)
    if name != "chat":
        return [{"content": part, "content_type": CONTENT_TYPES[name]} for part in parts]
    return [turn for part in parts for turn in _turns(part)]


def _turns(part: object) -> list[dict[str, Any]]:
    said = {"kind": "message", "content_type": "chat"}
    if isinstance(part, Mapping) and set(part) == {"role", "content"}:
        return [{**said, "speaker": part["role"], "content": part["content"]}]
    if not isinstance(part, str):
        raise InvalidInput("a turn of the chat is no text and no object of role and content")
    return [{**said, "speaker": speaker, "content": content} for speaker, content in turns(part)]


def turns(text: str) -> list[tuple[str | None, str]]:
    """The turns of *text* with who said them: what follows "Speaker: " at the beginning of a line; what comes before
    the first has no speaker. Blank turns are left out."""
    marks = list(TURN.finditer(text))
    ends = [*(mark.start() for mark in marks), len(text)][1:]
    first = text[: marks[0].start()] if marks else text
    found: list[tuple[str | None, str]] = [(None, first.strip())]
    found += [
        ((mark["name"] or mark["nick"]).strip(), text[mark.end() : end].strip())
        for mark, end in zip(marks, ends, strict=True)
    ]
    return [(speaker, said) for speaker, said in found if said]
