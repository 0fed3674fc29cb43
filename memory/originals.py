"""The originals of what a context window replaces: stored as memories first, so that each id brings one back.

A message's memory has an id made of its text, role, thread and user, so a conversation that is sent again and again
stores each message once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..compressors.ports import Compressor
from ..stores.errors import Conflict
from ..stores.ports import Put
from . import blocks, drafts, inputs, messages, summaries
from .batches import writes
from .errors import InvalidInput
from .fitting import Fitted, apply
from .items import BEFORE, Items
from .messages import Message
from .parts import Part, content_id, line_of
from .window import RECENT, ContextWindow, Plan, Step, planned
from .working_set import is_block

SOURCE = "context window"
"""What the metadata of such memories say they are from."""
TICK = 0.001
"""Seconds between the times of neighbouring messages, so that their order can be told."""

Planning = Callable[[ContextWindow, Sequence[Part], str, int, Sequence[Message]], Plan]


class Originals:
    """Fits conversations of one scope, keeping what is replaced."""

    def __init__(self, items: Items, window: ContextWindow, compressor: Compressor) -> None:
        self.items, self.window, self.compressor = items, window, compressor

    def fit(
        self,
        conversation: Sequence[Message],
        query: str | None = None,
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        reserve: int = 0,
        thread: str | None = None,
        recent: int = RECENT,
    ) -> Fitted:
        """See `MemoryOps.fit`."""
        inputs.whole(reserve, "reserve", 0, 10**12)
        inputs.whole(recent, "recent", 0, 10**6)
        conversation = messages.listed(conversation)
        bound = self.items.scope.narrowed(thread=inputs.optional_name(thread, "thread")).thread
        parts = self.parts(conversation, bound, recent)
        question = messages.question(query, conversation)
        reserved = reserve + messages.schema_tokens(tools)
        fitted = self.carried_out(conversation, parts, question, reserved, bound)
        assert fitted is not None  # any plan is worthwhile
        return fitted

    def parts(self, conversation: Sequence[Message], thread: str | None, recent: int = RECENT) -> list[Part]:
        """*conversation* as parts whose ids are those of their originals in *thread*."""
        return messages.parts_of(conversation, recent, self._known(conversation), self._naming(thread))

    def carried_out(
        self,
        conversation: Sequence[Message],
        parts: Sequence[Part],
        question: str,
        reserved: int,
        thread: str | None,
        planning: Planning = planned,
        worthwhile: Callable[[Plan], bool] = lambda plan: True,
    ) -> Fitted | None:
        """What *planning* makes of *parts*, once the originals of all that it replaces are stored.

        None where the plan is not *worthwhile*; then it is not carried out.
        """
        while True:
            plan = planning(self.window, parts, question, reserved, conversation)
            if not worthwhile(plan):
                return None
            lost = self._keep(plan, thread)
            if not lost:
                fitted = apply(plan, self.compressor)
                self._keep_summaries(fitted, thread)
                return fitted
            parts = [replace(part, hold="pinned") if part.id in lost else part for part in parts]

    def _naming(self, thread: str | None) -> Callable[[str, str], str]:
        user = self.items.scope.user
        return lambda role, text: content_id(user or "", thread or "", role, text)

    def _known(self, conversation: Sequence[Message]) -> Callable[[str, str], bool]:
        """Whether a marked text stands for a memory that is there, and was made of it."""
        texts = [messages.text_of(message) for message in conversation if isinstance(message, Mapping)]
        found = summaries.originals_of(self.items, texts)
        return lambda id, text: text in found and found[text].id == id

    def _keep(self, plan: Plan, thread: str | None) -> set[str]:
        """Store the originals of what *plan* replaces; the ids of those that cannot be kept, or not be had back."""
        wanted = {plan.parts[n].id: n for n in plan.replaced if plan.parts[n].form == "full"}
        there, lost = self._there(wanted, plan.parts)
        missing = [place for id, place in sorted(wanted.items(), key=lambda each: each[1]) if id not in there | lost]
        now = self.items.clock()
        made: list[tuple[str, list[Put]]] = []
        before: list[str] = []
        for place in missing:
            part, role = plan.parts[place], messages.role_of(place, plan.messages[place])
            at = now - TICK * (len(plan.parts) - place)
            changes = self._changes(part, role, thread, at, before)
            if changes is None:
                lost.add(part.id)
                continue
            made.append((part.id, changes))
            before = [*before, *(put.id for put in changes[1:])][-BEFORE:]
        if not lost:
            self._write([*made, *((step.id, [self._list(step, plan, thread)]) for step in self._lists(plan))])
        return lost

    def _keep_summaries(self, fitted: Fitted, thread: str | None) -> None:
        """Store which summaries were made, so that the next plan knows them."""
        made = [(step.id, step.text) for step in fitted.replaced if step.form == "summary" and step.text is not None]
        self._write([(id, [put]) for id, put in summaries.records(self.items, made, thread, SOURCE)])

    def _there(self, wanted: Mapping[str, int], parts: Sequence[Part]) -> tuple[set[str], set[str]]:
        """Which of *wanted* are stored already, and which cannot be had back (held in quarantine, or another's)."""
        ids = list(wanted)
        points = self.items.store.get(self.items.scope.workspace, "records", ids) if ids else []
        shown = self.items.active(ids) if ids else []
        there = {p.id for p in shown if p is not None and p.text == parts[wanted[p.id]].original}
        return there, {point.id for point in points if point is not None} - there

    def _changes(self, part: Part, role: str, thread: str | None, at: float, before: Sequence[str]) -> list[Put] | None:
        """The rows of an original; None where it cannot be stored, or would be kept from its own agent."""
        findings = self.items.screened(part.original)
        if findings and self.items.screening == "quarantine":
            return None
        try:
            draft = drafts.draft(
                self.items.scope,
                at,
                part.original,
                kind="message",
                content_type=blocks.CONTENT_TYPE if part.whole else part.content_type,
                thread=thread,
                speaker=role,
                metadata={"source": SOURCE},
            )
        except InvalidInput:  # blank, over 10 MB, or with a lone surrogate: it stays where it is
            return None
        record = drafts.record(draft, part.id, self.items.clock(), findings, expected_rev=0)
        if is_block(part.text):  # what was recalled is in the memory already: no search is to find it twice
            return [record]
        return [record, *drafts.passages(draft, part.id, findings, before)]

    def _lists(self, plan: Plan) -> list[Step]:
        """The steps whose mark names several messages, and whose list is not stored yet."""
        runs = {step.id: step for step in plan.steps if step.new and step.listed}
        known = self.items.active(list(runs)) if runs else []
        return [step for step, point in zip(runs.values(), known, strict=True) if point is None]

    def _list(self, step: Step, plan: Plan, thread: str | None) -> Put:
        """The record of several: a line with an id for each message. No search finds it; forgetting one reaches it."""
        run = [plan.parts[place] for place in step.listed]
        roles = [messages.role_of(place, plan.messages[place]) for place in step.listed]
        lines = [f"{role}: {line_of(p.text, p.left)} (ID: {p.id})" for role, p in zip(roles, run, strict=True)]
        draft = drafts.draft(
            self.items.scope,
            self.items.clock(),
            "\n".join(lines),
            content_type="index",
            priority=1,
            thread=thread,
            metadata={"source": SOURCE, "line": step.text},
            derived_from=list(dict.fromkeys(p.id for p in run)),
        )
        return drafts.record(draft, step.id, self.items.clock(), (), expected_rev=0)

    def _write(self, made: Sequence[tuple[str, list[Put]]]) -> None:
        """Store in a few writes; what another process has stored meanwhile is there, and that is all it takes."""
        for group in writes(made, lambda each: len(each[1][0].text or "")):
            try:
                self.items.store.write(self.items.scope.workspace, [c for _, changes in group for c in changes])
            except Conflict:
                self._write_each(group)

    def _write_each(self, group: Sequence[tuple[str, list[Put]]]) -> None:
        for id, changes in group:
            try:
                self.items.store.write(self.items.scope.workspace, changes)
            except Conflict as error:
                if error.id != id:
                    raise
