"""Turns: what was said in a thread, each stored once, however often the conversation is handed in.

A turn is known by its message's id, for ever: one that was forgotten is not stored again with the next call. Its
memory has the id that the window gives the original of the same text (`originals.py`), so that a message that is
remembered and archived is one memory; a second message of the same words gets an id of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..stores.errors import Conflict
from ..stores.filters import Eq
from ..stores.ports import Change, Patch, Point, Put
from . import drafts, inputs, summaries
from .batches import writes
from .errors import InvalidInput
from .items import BEFORE, Items
from .originals import SOURCE, TICK
from .parts import content_id
from .working_set import without_blocks

ASKED = 500
"""How many turns one look for what is known names."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A message as it was said: *id* is its own in its thread (None: its text tells), *speaker* who said it."""

    id: str | None
    speaker: str
    text: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of one turn. *id*: of its memory; None where nothing in it was its speaker's own, or where it was
    refused. *reason*: why no store can hold it."""

    id: str | None
    action: Literal["added", "known", "quarantined", "recalled", "refused"]
    reason: str = ""


class Turns:
    """The turns of one scope's threads; built on its items."""

    def __init__(self, items: Items) -> None:
        self.items = items

    def keep(
        self,
        turns: Sequence[Turn],
        *,
        thread: str | None = None,
        priority: int = 5,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> list[Kept]:
        """Store those of *turns* (in their order) that are not stored yet, as messages of *thread*.

        What was recalled from memory is left out of them, and a text that stands for an original is that original. One
        that no store can hold (half a surrogate pair, over 10 MB) is refused, and the others are kept. Raises
        `InvalidInput`, `Forbidden` for another thread than the scope's, or a `StoreError`.
        """
        bound = self.items.scope.narrowed(thread=inputs.optional_name(thread, "thread")).thread
        fields = {"priority": priority, "tags": tags, "metadata": dict(metadata or {}), "thread": bound}
        said = [Turn(turn.id, turn.speaker, without_blocks(turn.text)) for turn in turns]
        kept: list[Kept | None] = [_refused(turn) if turn.text.strip() else Kept(None, "recalled") for turn in said]
        self._find_known(said, kept, bound)
        made = self._made(said, kept, fields)
        for group in writes(made, lambda each: len(said[each[0]].text)):
            self._write(group)
        return [each for each in kept if each is not None]

    def ids(self, turns: Sequence[Turn], thread: str | None = None) -> list[str]:
        """The ids that the memories of *turns* have, where they were kept."""
        both = ((self._id(turn, thread), self._id(turn, thread, turn.id)) for turn in turns)
        return list(dict.fromkeys(id for pair in both for id in pair))

    def _id(self, turn: Turn, thread: str | None, own: str | None = None) -> str:
        parts = (self.items.scope.user or "", thread or "", turn.speaker, without_blocks(turn.text))
        return content_id(*parts) if own is None else content_id(*parts, own)

    def _receipt_id(self, turn: Turn, thread: str | None) -> str:
        own = turn.id if turn.id is not None else ""
        return "turn:" + drafts.fingerprint(self.items.scope.user or "", thread or "", turn.speaker, own, turn.text)

    def _get(self, ids: Sequence[str]) -> dict[str, Point]:
        workspace, found = self.items.scope.workspace, dict[str, Point]()
        for start in range(0, len(ids), ASKED):
            points = self.items.store.get(workspace, "records", ids[start : start + ASKED])
            found |= {point.id: point for point in points if point is not None}
        return found

    def _find_known(self, said: Sequence[Turn], kept: list[Kept | None], thread: str | None) -> None:
        """Fill in for turns that were kept before, and for those that stand for an original."""
        open_ = {n: self._receipt_id(turn, thread) for n, turn in enumerate(said) if kept[n] is None}
        receipts = self._get(list(open_.values()))
        for n, id in open_.items():
            if id in receipts:
                kept[n] = Kept(receipts[id].payload["turn"], "known")
        left = [n for n in open_ if kept[n] is None]
        originals = summaries.originals_of(self.items, (said[n].text for n in left))
        for n in left:
            if said[n].text in originals:
                kept[n] = Kept(originals[said[n].text].id, "recalled")

    def _made(
        self, said: Sequence[Turn], kept: list[Kept | None], fields: Mapping[str, Any]
    ) -> list[tuple[int, list[Change]]]:
        """What is to be written for each turn that nothing is known of yet; it is filled in in *kept*."""
        thread, now = fields["thread"], self.items.clock()
        missing = [n for n, each in enumerate(kept) if each is None]
        there = self._get(list(dict.fromkeys(self._id(said[n], thread) for n in missing)))
        made: list[tuple[int, list[Change]]] = []
        before: list[str] | None = None
        for place, n in enumerate(missing):
            turn, id = said[n], self._id(said[n], thread)
            changes: list[Change] | None = None
            action: Literal["added", "known", "quarantined"] = "known"
            if id in there:
                changes = _adopted(there[id], turn)
                id = id if changes is not None else self._id(turn, thread, turn.id)
            if changes is None:
                at = now - TICK * (len(missing) - place)
                draft, findings = self._draft(turn, fields, at)
                action = "quarantined" if draft.payload["status"] == "quarantined" else "added"
                rows = self._passages(draft, id, findings, before)
                before = [*(before or ()), *(put.id for put in rows)][-BEFORE:]
                changes = [drafts.record(draft, id, now, findings, expected_rev=0), *rows]
            there.setdefault(id, _seen(id, turn))
            receipt = {"type": "receipt", "turn": id}  # not "item": it outlives its memory, so that forgetting holds
            made.append((n, [*changes, Put("records", self._receipt_id(turn, thread), receipt, expected_rev=0)]))
            kept[n] = Kept(id, action)
        return made

    def _draft(self, turn: Turn, fields: Mapping[str, Any], at: float) -> tuple[drafts.Draft, list[str]]:
        metadata = fields["metadata"] | ({"message": turn.id} if turn.id is not None else {})
        given = {**fields, "metadata": metadata, "kind": "message", "speaker": turn.speaker, "created_at": at}
        draft = drafts.draft(self.items.scope, self.items.clock(), turn.text, **given)
        findings = self.items.screened(turn.text)
        if findings and self.items.screening == "quarantine":
            draft = drafts.Draft(draft.content, {**draft.payload, "status": "quarantined"})
        return draft, findings

    def _passages(self, draft: drafts.Draft, id: str, findings: list[str], before: list[str] | None) -> list[Put]:
        if before is None or draft.payload["status"] == "quarantined":
            return self.items.passages(draft, id, findings)
        return drafts.passages(draft, id, findings, before)

    def _write(self, group: Sequence[tuple[int, list[Change]]]) -> None:
        """One write for all; where somebody else has just kept one of them, one write each."""
        workspace = self.items.scope.workspace
        try:
            self.items.store.write(workspace, [change for _, changes in group for change in changes])
        except Conflict:
            for _, changes in group:
                try:
                    self.items.store.write(workspace, changes)
                except Conflict:
                    continue  # the same turn, kept by another process meanwhile: ids are made of what was said


def _refused(turn: Turn) -> Kept | None:
    """What is told of *turn* where no store can hold it."""
    try:
        inputs.text(turn.text, "content")
        inputs.metadata({"message": turn.id})
    except InvalidInput as error:
        return Kept(None, "refused", f"the message {turn.id!r} cannot be remembered: {error}")
    return None


def _adopted(point: Point, turn: Turn) -> list[Change] | None:
    """What makes the memory *point* this turn's: nothing if it is already; None if it is another turn's."""
    metadata = point.payload.get("metadata", {})
    own = metadata.get("message")
    if own == turn.id or turn.id is None:
        return []
    if own is not None or metadata.get("source") != SOURCE:
        return None
    changed = {**metadata, "message": turn.id}
    put = Put("records", point.id, {**point.payload, "metadata": changed}, point.text, expected_rev=point.rev)
    return [put, Patch("memory", Eq("item", point.id), {"metadata": changed})]


def _seen(id: str, turn: Turn) -> Point:
    """A memory that is about to be written, for the turns after it in the same call."""
    return Point("records", id, {"metadata": {"message": turn.id}}, turn.text, 0, 0)
