"""`MemoryOps`: the façade that users, surfaces and tests hold. Each operation lives in the file of its name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..compressors.chain import standard
from ..compressors.ports import Compressor
from ..stores.ports import PointStore
from . import archive, inputs, llms, state, transfer
from .agents import Agents
from .archive import ArchivePage
from .checkpoints import Checkpoints
from .compress import Compressed, Compression
from .conditions import Where
from .context import Context, WorkingSet
from .entries import Entries
from .errors import InvalidInput
from .feedback import Feedback
from .fitting import Fitted
from .hil import Hil
from .hygiene import Hygiene, Hygiened, Policy
from .items import Items, Progress
from .keys import Keys
from .llms import Llm
from .models import Added, Forgotten, Form, Found, Item
from .opening import open_compressor, open_store
from .originals import Originals
from .quarantine import Quarantine
from .recall import Recall
from .scope import Scope
from .settings import Settings
from .state import State
from .tasks import Tasks
from .threads import Threads
from .turns import Turns
from .usage import Usage
from .users import Users
from .window import RECENT, ContextWindow

DEFAULT_WINDOW = 128_000
"""Tokens of the window where neither it nor a model is configured."""


class MemoryOps:
    """One memory, seen from one scope. Safe to use from several threads; close it, or use it in a `with`."""

    def __init__(
        self,
        store: PointStore,
        scope: Scope | None = None,
        *,
        screening: str = "flag",
        window: int | ContextWindow = DEFAULT_WINDOW,
        model: Llm | None = None,
        models_file: Path | None = None,
        policy: Policy | None = None,
        token_budget: int = 8000,
        max_context_items: int = 50,
        rerank: bool = False,
        compressor: Compressor | None = None,
        clock: Callable[[], float] = time.time,
        owns_store: bool = True,
    ) -> None:
        self.store = store
        self._owns_store = owns_store
        self.scope = scope or Scope()
        self.window = window if isinstance(window, ContextWindow) else _window(window)
        self.model, self.models_file = model, models_file
        self.policy = policy or Policy()
        self.token_budget = inputs.whole(token_budget, "token_budget", 1, 10**12)
        self.rerank = rerank
        self.max_context_items = inputs.whole(max_context_items, "max_context_items", 1, 10**6)
        self.compressor: Compressor = compressor or standard()
        self.items = Items(store, self.scope, screening, clock)
        self.recall = Recall(store, self.scope, clock)
        self.quarantine = Quarantine(self.items)
        self.tasks = Tasks(store, self.scope, clock)
        self.agents = Agents(store, self.scope, clock)
        self.entries = Entries(store, self.scope, clock)
        self.hil = Hil(store, self.scope, clock)
        self.turns = Turns(self.items)
        self.checkpoints = Checkpoints(store, self.scope, clock)
        self.keys = Keys(store, self.scope, clock)
        self.users = Users(store, self.scope, clock)
        self.threads = Threads(self.items)
        self.feedback = Feedback(self.items)
        self.usage = Usage(store, self.scope, clock)

    @classmethod
    def open(
        cls,
        data_dir: str | Path | None = None,
        qdrant_url: str | None = None,
        scope: Scope | None = None,
        settings: Settings | None = None,
    ) -> Self:
        """Open the memory in *data_dir* (default: the user's own), or on the Qdrant server at *qdrant_url*.

        *settings* default to those of the environment (`MEMORYOPS_…`). Raises a `StoreError`, `EncoderError` or
        `CompressorError` that says what is wrong and what to do.
        """
        chosen = settings or Settings.from_env()
        if data_dir is not None:
            chosen = replace(chosen, data_dir=Path(data_dir))
        if qdrant_url is not None:
            chosen = replace(chosen, qdrant_url=qdrant_url)
        bound = scope or chosen.scope
        compressor = open_compressor(chosen)
        window, model = _window_and_model(chosen)
        return cls(
            open_store(chosen),
            bound,
            screening=chosen.screening,
            window=window,
            model=model,
            models_file=chosen.models_file,
            policy=Policy(chosen.compress_days, chosen.archive_days, chosen.prune_below),
            token_budget=chosen.token_budget,
            max_context_items=chosen.max_context_items,
            rerank=chosen.rerank,
            compressor=compressor,
        )

    # memories

    def add(
        self,
        content: str,
        *,
        content_type: str = "note",
        kind: str = "item",
        priority: int = 5,
        importance: float | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        thread: str | None = None,
        speaker: str | None = None,
        created_at: object = None,
        ttl: float | None = None,
        derived_from: Sequence[str] = (),
        idempotency_key: str | None = None,
    ) -> Added:
        """Store *content* (up to 10 MB of any Unicode text), durable and found by keyword when this returns.

        *kind*: "item", of which an exact duplicate is recognised, or "message", a turn of *thread* by *speaker*.
        *priority* 1 to 10 (10 stays longest); *importance* 0 to 1, a tenth of it unless given. *created_at*:
        ISO 8601 or seconds since the epoch, now unless given. *ttl*: seconds until it vanishes. *derived_from*:
        ids that it was made from; forgetting them forgets it. *idempotency_key*: a repetition within seven days
        stores nothing and answers the same. Raises `InvalidInput`, `KeyReused`, or a `StoreError`.
        """
        return self.items.add(
            content,
            content_type=content_type,
            kind=kind,
            priority=priority,
            importance=importance,
            tags=tags,
            metadata=metadata,
            thread=thread,
            speaker=speaker,
            created_at=created_at,
            ttl=ttl,
            derived_from=derived_from,
            idempotency_key=idempotency_key,
        )

    def add_many(self, entries: Sequence[Mapping[str, Any]], *, progress: Progress | None = None) -> list[Added]:
        """Store many texts, each a mapping of `add`'s arguments. All are checked before the first is stored."""
        return self.items.add_many(entries, progress)

    def retrieve(self, id: str, form: Form = "full") -> Item:
        """The memory *id*: its content byte-exact, or with *form* "compressed" or "hint" what stands for it.

        Raises `NotFound` or `Quarantined`.
        """
        return self.items.retrieve(id, form)

    def update(self, id: str, patch: Mapping[str, Any], expected_rev: int | None = None) -> Item:
        """Change the memory *id*: content, content_type, priority, importance, tags, metadata, speaker, thread, ttl.

        With *expected_rev*, only if it is still at that revision, else `Stale` and nothing changes.
        """
        return self.items.update(id, patch, expected_rev)

    def forget(self, ids: str | Sequence[str] | None = None, *, where: Where = None, hard: bool = False) -> Forgotten:
        """Delete the memories *ids*, or those that meet *where*, with everything derived from them.

        They are gone from every read when this returns. *hard*: no byte of the text is left in any file of the
        store, either (backups excepted).
        """
        return self.items.forget(ids, where, hard=hard)

    def search(
        self,
        query: str,
        limit: int = 8,
        where: Where = None,
        max_tokens: int | None = None,
        cursor: str | None = None,
        explain: bool = False,
        rerank: bool | None = None,
    ) -> Found:
        """The memories that fit *query* best, by meaning and by keyword.

        At most *limit* (1 to 100) hits and *max_tokens* tokens; *cursor* continues an earlier page, each match once
        as long as nothing is written in between. *where* as in `conditions.parse`. *explain* gives the parts of
        each score. *rerank* (default: as configured): the retrieval head reads the best of them with the question and
        has a say in their order; `Found.not_reranked` tells why it had none, if it took too long.
        """
        found = self.recall.search(
            query,
            limit=limit,
            where=where,
            max_tokens=max_tokens,
            cursor=cursor,
            explain=explain,
            rerank=self.rerank if rerank is None else rerank,
        )
        self.items.access.note({hit.id: hit.expires_at for hit in found.hits})
        return found

    # what goes into a prompt

    def context(
        self,
        purpose: str,
        budget_tokens: int | None = None,
        *,
        where: Where = None,
        thread: str | None = None,
        limit: int | None = None,
        turns: int = 10,
        tasks: bool = True,
    ) -> WorkingSet:
        """What to have in view for *purpose*, rendered in at most *budget_tokens* tokens (default: `token_budget`).

        Up to *limit* memories (default: `max_context_items`) that fit the purpose and meet *where* (as in `search`),
        each whole, compressed or as a one-line hint with its id, the best first; the latest *turns* messages of
        *thread* (default: the scope's), which leaves the memories of other threads in; open *tasks*, unless False.
        Nothing in quarantine appears. What had no room is counted. Raises `InvalidInput`, `Forbidden` for another
        thread than the scope's, or a `StoreError`.
        """
        context = Context(self.items, self.recall, self.tasks, self.compressor)
        return context.build(
            purpose,
            self.token_budget if budget_tokens is None else budget_tokens,
            where=where,
            thread=thread,
            limit=self.max_context_items if limit is None else limit,
            most=self.max_context_items,
            turns=turns,
            tasks=tasks,
        )

    def compress(
        self,
        *,
        text: str | None = None,
        ids: str | Sequence[str] | None = None,
        query: str = "",
        budget_tokens: int | None = None,
        content_type: str = "note",
        keep: bool = True,
    ) -> Compressed:
        """What helps most with *query* (blank: what stands for the whole best) of a *text*, or of the memories *ids*.

        At most *budget_tokens* tokens (default: `token_budget`), and nothing but parts of the originals in their
        order, unless the compressor `llm` is set up: then an item may be a summary, and says so. Memories share the
        budget; one of which nothing fits becomes its one-line hint, if that fits. A *text* of *content_type* is first
        stored as a memory, so that its id brings the byte-exact original back; with *keep* False it is not, and has no
        id. Raises `InvalidInput`, `NotFound`, `Quarantined`, or a `StoreError`.
        """
        compression = Compression(self.items, self.compressor)
        budget = self.token_budget if budget_tokens is None else budget_tokens
        if (text is None) == (ids is None):
            raise InvalidInput("compress needs either text or ids, not both and not neither")
        if text is not None:
            return compression.of_text(text, query, budget, content_type=content_type, keep=keep)
        assert ids is not None
        return compression.of_memories(ids, query, budget)

    def fit(
        self,
        messages: Sequence[Mapping[str, Any]],
        query: str | None = None,
        *,
        model: str | None = None,
        max_tokens: int | None = None,
        tools: Sequence[Mapping[str, Any]] = (),
        reserve: int = 0,
        thread: str | None = None,
        recent: int = RECENT,
    ) -> Fitted:
        """*messages* as they fit the window, their originals stored as memories before anything is replaced.

        Each replaced one carries an id that retrieves its byte-exact text; where one line stands for several, that
        of a list with the ids of all. What cannot be stored stays as it is. The window is that of *model*, or of
        *max_tokens*, else the one that was configured; the other arguments as in `ContextWindow.plan`, *thread* is
        what the originals are marked with. Raises `InvalidInput`, `Forbidden`, `ContextOverflow`, or a `StoreError`.
        """
        window = self.window if model is None else ContextWindow.for_model(model, self.models_file)
        if max_tokens is not None:
            window = replace(window, max_tokens=max_tokens)
        originals = Originals(self.items, window, self.compressor)
        return originals.fit(messages, query, tools=tools, reserve=reserve, thread=thread, recent=recent)

    # tiers

    def hygiene(self, *, dry_run: bool = False, limit: int = 1000, progress: Progress | None = None) -> Hygiened:
        """Compress what nobody has touched for a week and archive it after a month, low priorities first.

        The days and the priority are those of the `policy`. At most *limit* memories are moved; with *dry_run* it is
        only said which. What was compressed and has been touched since is full again. Nothing is deleted.
        """
        return Hygiene(self.items, self.policy).run(dry_run=dry_run, limit=limit, progress=progress)

    def archived(self, *, limit: int = 50, cursor: str | None = None) -> ArchivePage:
        """What is archived, the newest first; `search(…, where={"state": "archived"})` finds it by its words."""
        return archive.listed(self.store, self.scope, limit=limit, cursor=cursor)

    def restore(self, id: str) -> Item:
        """Make an archived or compressed memory full again, found by every search. Raises `NotFound`, `Quarantined`."""
        return self.items.restore(inputs.id(id))

    # the whole

    def state(self) -> State:
        """Counts, tokens and utilisation of this scope."""
        return state.measure(self.store, self.scope, self.window, self.items.clock(), self.model)

    def export(
        self, path: str | Path, *, quarantined: bool = False, progress: Progress | None = None
    ) -> transfer.Exported:
        """Write this scope's memory to the new file *path* (JSON lines); see `transfer.export`."""
        self.items.access.flush()
        return transfer.export(self.store, self.scope, Path(path), quarantined=quarantined, progress=progress)

    def export_page(
        self, *, limit: int = 100, max_tokens: int = 10_000, cursor: str | None = None
    ) -> transfer.ExportPage:
        """What `export` would write, a page at a time; see `transfer.export_page`."""
        return transfer.export_page(self.store, self.scope, limit=limit, max_tokens=max_tokens, cursor=cursor)

    def import_(
        self, path: str | Path, *, overwrite: bool = False, progress: Progress | None = None
    ) -> transfer.Imported:
        """Read an export into this scope's workspace; see `transfer.import_`."""
        return transfer.import_(self.store, self.scope, Path(path), overwrite=overwrite, progress=progress)

    def with_scope(self, scope: Scope) -> MemoryOps:
        """The same store, seen from another scope; closing it leaves the store open.

        The caller answers for handing out no more than it may.
        """
        seen = MemoryOps(
            self.store,
            scope,
            screening=self.items.screening,
            window=self.window,
            model=self.model,
            models_file=self.models_file,
            policy=self.policy,
            token_budget=self.token_budget,
            max_context_items=self.max_context_items,
            rerank=self.rerank,
            compressor=self.compressor,
            clock=self.items.clock,
            owns_store=False,
        )
        if scope.workspace == self.scope.workspace:
            seen.items.access = self.items.access  # so that nothing noted is lost with a scope of a moment
        return seen

    def close(self) -> None:
        """Write what is still noted and let go of the store."""
        self.items.access.flush()
        if self._owns_store:
            self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _window(tokens: int) -> ContextWindow:
    return ContextWindow(inputs.whole(tokens, "window", 1, 10**12))


def _window_and_model(settings: Settings) -> tuple[ContextWindow, Llm | None]:
    """The window and the model that are configured; a window that is named goes before the model's."""
    if settings.model is None:
        return _window(settings.window or DEFAULT_WINDOW), None
    known = llms.table(settings.models_file)
    model = llms.find(settings.model, known, quiet=settings.window is not None)
    window = ContextWindow.of(model)
    return (window if settings.window is None else replace(window, max_tokens=settings.window)), model
