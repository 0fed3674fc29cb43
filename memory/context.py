"""A working set: what an agent should have before its eyes for a purpose, under a token budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from ..compressors import tokens
from ..compressors.ports import Compressor
from ..stores.filters import Eq, Filter, all_of
from ..stores.ports import Point
from . import archive, counting, drafts, inputs, paging
from .conditions import Where, iso, parse
from .forms import NOT_ARCHIVED
from .items import Items
from .recall import Recall
from .tasks import Task, Tasks
from .tiers import Shortened
from .working_set import (
    Candidate,
    Entry,
    Section,
    frame_tokens,
    of_conversation,
    of_memories,
    of_tasks,
    rendered,
    section,
)

__all__ = ["Context", "Entry", "Section", "WorkingSet"]

MAX_BUDGET = 10_000_000
MAX_TURNS = 100
MAX_TASKS = 10
CONVERSATION_SHARE = 0.4
"""The most of the budget that the latest messages take."""
TASKS_SHARE = 0.1
"""The most of the budget that open tasks take."""
WEAK = 0.3
"""A memory that matches less than this share of the best match is hinted at, at most."""
BASE, BY_PRIORITY = 0.75, 0.05
"""By what a score is multiplied for its place in the working set: 0.8 at priority 1, 1.25 at priority 10."""


@dataclass(frozen=True, slots=True)
class WorkingSet:
    """What fits *purpose* best in *budget_tokens* tokens.

    *text*: one marked block for a prompt, at most the budget by *counter*; it says that what it holds is data.
    *sections* in the order of the text, those with nothing found left out. *left_out*: how many entries were found
    and had no room. *compressor* and *reason*: who shortened what is compressed ("" if nothing is), and why not the
    first choice.
    """

    purpose: str
    text: str
    sections: Sequence[Section]
    tokens: int
    budget_tokens: int
    left_out: int
    compressor: str
    reason: str
    counter: str

    @property
    def entries(self) -> list[Entry]:
        """The entries of all sections."""
        return [entry for section in self.sections for entry in section.entries]


@dataclass(frozen=True, slots=True)
class _Match:
    """The memory *id* as it was found, by the part in *span*. *exact*: its passage, if that is all of its text."""

    id: str
    score: float
    fit: float
    span: tuple[int, int]
    exact: Point | None = None


class Context:
    """Builds working sets for one scope. *write_uses* False: what is due of access times is left to `write_due`."""

    def __init__(
        self, items: Items, recall: Recall, tasks: Tasks, compressor: Compressor, *, write_uses: bool = True
    ) -> None:
        self.items, self.recall, self.tasks, self.compressor = items, recall, tasks, compressor
        self.write_uses = write_uses

    def build(
        self,
        purpose: str,
        budget: int,
        *,
        where: Where = None,
        thread: str | None = None,
        limit: int = 50,
        most: int = 50,
        turns: int = 10,
        tasks: bool = True,
    ) -> WorkingSet:
        """See `MemoryOps.context`."""
        inputs.text(purpose, "purpose", 4 * inputs.MAX_QUERY_CHARS)
        inputs.whole(budget, "budget_tokens", 1, MAX_BUDGET)
        inputs.whole(limit, "limit", 1, most)
        inputs.whole(turns, "turns", 0, MAX_TURNS)
        latest = self._turns(thread, turns)
        memories = self._memories(purpose, where, limit, {turn.entry.id for turn in latest})
        urgent = self._tasks() if tasks else []
        note = Shortened()
        room = budget - frame_tokens()
        of_work = of_tasks(urgent, min(room, int(budget * TASKS_SHARE)))
        room -= of_work.tokens
        share = min(room, int(budget * CONVERSATION_SHARE))
        said = of_conversation(latest, share, purpose, self.compressor, note)
        room -= said.tokens
        known = of_memories(memories, room, purpose, self.compressor, note)
        sections = _within([of_work, known, said], budget)
        self._note_use(sections, [*memories, *latest])
        return _working_set(purpose, sections, budget, note)

    def _turns(self, thread: str | None, number: int) -> list[Candidate]:
        """The latest messages of *thread*, or of the scope's, the newest first."""
        scope = self.items.scope.narrowed(thread=inputs.optional_name(thread, "thread"))
        if scope.thread is None or number == 0:
            return []
        message = all_of(Eq("type", "item"), Eq("kind", "message"), scope.filter)
        active = all_of(message, Eq("status", "active"), NOT_ARCHIVED)
        page = paging.newest(self.items.store, scope.workspace, active, number)
        return [_candidate(point) for point in page.points]

    def _memories(self, purpose: str, where: Where, limit: int, shown: set[str]) -> list[Candidate]:
        """Up to *limit* memories that fit *purpose*, but those in *shown*, the best first."""
        others = (match for match in self._matches(purpose, parse(where), limit + len(shown)) if match.id not in shown)
        matches = list(islice(others, limit))
        best = max((match.fit for match in matches), default=0.0)
        found = []
        for match, point in zip(matches, self._points(matches), strict=True):
            if point is not None:
                candidate = _candidate(point)
                value = match.score * (BASE + BY_PRIORITY * candidate.entry.priority)
                entry = replace(candidate.entry, score=round(value, 6))
                found.append(replace(candidate, entry=entry, weak=match.fit < WEAK * best, best=match.span))
        return sorted(found, key=lambda candidate: -candidate.entry.score)

    def _points(self, matches: Sequence[_Match]) -> list[Point | None]:
        """What holds the text of each of *matches*: what was found where that is all of it, else its record, if it is
        still there."""
        asked = [match.id for match in matches if match.exact is None]
        records = dict(zip(asked, self.items.active(asked), strict=True)) if asked else {}
        return [match.exact or records[match.id] for match in matches]

    def _matches(self, purpose: str, wanted: Filter | None, most: int) -> Iterator[_Match]:
        """What fits *purpose*, the best first; of what is archived up to *most*."""
        if archive.asked_for(wanted):
            store, scope = self.items.store, self.items.scope
            found = archive.search(store, scope, purpose, wanted, most, None, None, True, self.items.clock())
            for hit in found.hits:
                yield _Match(hit.id, hit.score, _fit(hit.parts), (hit.start, hit.end))
            return
        for candidate, ranked in self.recall.matching(purpose, wanted):
            payload, size = candidate.point.payload, len(candidate.point.text or "")
            span = payload["start"], payload["start"] + size
            exact = candidate.point if payload.get("exact") else None
            yield _Match(payload["item"], ranked.score, _fit(ranked.parts), span, exact)

    def _tasks(self) -> list[Entry]:
        page = self.tasks.list(status=("open", "in_progress", "blocked"), limit=MAX_TASKS)
        return [_task(task) for task in page.tasks]

    def _note_use(self, sections: Sequence[Section], candidates: Sequence[Candidate]) -> None:
        """What is shown was used; what is only hinted at was not."""
        shown = {entry.id for section in sections for entry in section.entries if entry.form != "hint"}
        used = {c.entry.id: c.expires_at for c in candidates if c.entry.id in shown}
        if used:
            self.items.access.note(used, write=self.write_uses)


def _fit(parts: Mapping[str, float]) -> float:
    """How well it fits the words and the meaning, without what age and importance add."""
    return parts["dense"] + parts["sparse"]


def _candidate(point: Point) -> Candidate:
    """The memory of *point*, its record or a passage that is all of it."""
    payload, text = point.payload, point.text or ""
    entry = Entry(
        id=payload["item"],
        form="full",
        text="",
        tokens=0,
        tokens_before=payload["tokens"] if "tokens" in payload else tokens.count(text),
        kind=payload["kind"],
        content_type=payload["content_type"],
        priority=payload["priority"],
        created_at=iso(payload["created_at"]),
        thread=payload.get("thread"),
        speaker=payload.get("speaker"),
        flagged=payload["flagged"],
    )
    hint = payload["hint"] if "hint" in payload else drafts.hint(text)
    return Candidate(entry, text, hint, expires_at=payload.get("expires_at"))


def _task(task: Task) -> Entry:
    facts = ", ".join([task.status, f"priority {task.priority}", *([task.assignee] if task.assignee else [])])
    return Entry(
        id=task.id,
        form="hint",
        text=f"{task.title} (ID: {task.id}) {facts}",
        tokens=0,
        tokens_before=tokens.count(task.description or task.title),
        kind="task",
        content_type="task",
        priority=task.priority,
        created_at=task.created_at,
        thread=task.thread,
    )


def _within(sections: Sequence[Section], budget: int) -> list[Section]:
    """*sections* as they fit: a long text's tokens are counted by samples, which can come to more than its lines'."""
    found = list(sections)
    while any(each.entries for each in found) and counting.count(rendered(found)) > budget:
        number = next(number for number in (1, 2, 0) if found[number].entries)
        each = found[number]
        kept = each.entries[1:] if each.name == "conversation" else each.entries[:-1]
        found[number] = section(each.name, kept, each.left_out + 1)
    return found


def _working_set(purpose: str, sections: Sequence[Section], budget: int, note: Shortened) -> WorkingSet:
    text = rendered(sections)
    shortened = any(entry.form in ("compressed", "summary") for section in sections for entry in section.entries)
    return WorkingSet(
        purpose=purpose,
        text=text,
        sections=tuple(section for section in sections if section.entries or section.left_out),
        tokens=counting.count(text),
        budget_tokens=budget,
        left_out=sum(section.left_out for section in sections),
        compressor=note.compressor if shortened else "",
        reason=note.reason if shortened else "",
        counter=tokens.name(),
    )
