"""Adding, retrieving, updating and forgetting: the life of a memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..stores.errors import Conflict, Duplicate, Unsupported
from ..stores.filters import And, Eq, Exists, Filter, In, Not, Range, all_of, matches
from ..stores.ports import Change, Delete, DeleteWhere, Patch, Point, PointStore, Put
from . import drafts, forms, inputs, paging
from .access import AccessLog
from .batches import batched, writes
from .conditions import Where, iso, parse
from .errors import InvalidInput, KeyReused, NotFound, Quarantined, Stale
from .ids import new_id
from .models import Action, Added, Forgotten, Form, Item
from .scope import Scope
from .screening import screen

RECEIPT_SECONDS = 7 * 86400.0
"""How long an idempotency key is remembered."""
BEFORE = 2
"""How many earlier messages of the thread are embedded with a message."""
BATCH_ITEMS = 100
UPDATABLE = frozenset("content content_type priority importance tags metadata speaker thread ttl".split())
ATTEMPTS = 20
FORGET_ITEMS = 200
"""How many memories one write deletes."""
SOURCES = 400
"""How many ids one look for what is derived from them names."""

Progress = Callable[[int, int], None]


class Items:
    """The memories of one scope."""

    def __init__(
        self, store: PointStore, scope: Scope, screening: str = "flag", clock: Callable[[], float] = time.time
    ) -> None:
        inputs.choice(screening, "screening", ("flag", "quarantine", "off"))
        self.store, self.scope, self.screening, self.clock = store, scope, screening, clock
        self.access = AccessLog(store, scope.workspace, clock)

    # add

    def add(self, content: str, *, idempotency_key: str | None = None, **fields: Any) -> Added:
        """Store one text; see `MemoryOps.add`."""
        draft = drafts.draft(self.scope, self.clock(), content, **fields)
        return self._store(draft, self._receipt_id(idempotency_key))

    def add_many(self, entries: Sequence[Mapping[str, Any]], progress: Progress | None = None) -> list[Added]:
        """Store several texts, each a mapping of `add`'s arguments; all are checked before the first is stored."""
        checked = [self._entry(number, entry) for number, entry in enumerate(entries)]
        results: list[Added] = []
        for batch in writes(checked, lambda entry: len(entry[0].content), BATCH_ITEMS):
            results += self._store_batch(batch)
            if progress is not None:
                progress(len(results), len(checked))
        return results

    def _entry(self, number: int, entry: object) -> tuple[drafts.Draft, str | None]:
        if not isinstance(entry, Mapping) or not all(isinstance(name, str) for name in entry):
            raise InvalidInput(f"entry {number} is no object with a field content")
        fields = dict(entry)
        key = fields.pop("idempotency_key", None)
        if "content" not in fields:
            raise InvalidInput(f"entry {number} has no content")
        try:
            return drafts.draft(self.scope, self.clock(), **fields), self._receipt_id(key)
        except InvalidInput as error:
            raise InvalidInput(f"entry {number}: {error}") from error
        except TypeError as error:
            raise InvalidInput(f"entry {number} has an unknown field ({error})") from error

    def _store_batch(self, batch: Sequence[tuple[drafts.Draft, str | None]]) -> list[Added]:
        """One write for the whole batch if nothing in it needs care, else one write each."""
        keys = [drafts.unique_key(draft) for draft, _ in batch]
        known = [key for key in keys if key is not None]
        plain = all(receipt is None and draft.payload["kind"] == "item" for draft, receipt in batch)
        if len(batch) > 1 and plain and len(set(known)) == len(known):
            prepared = [self._changes(draft, None) for draft, _ in batch]
            try:
                self.store.write(self.scope.workspace, [change for changes, _ in prepared for change in changes])
            except Duplicate:
                pass
            else:
                return [self._settled(added) for _, added in prepared]
        return [self._store(draft, receipt) for draft, receipt in batch]

    def _store(self, draft: drafts.Draft, receipt: str | None) -> Added:
        if receipt is not None and (earlier := self._earlier(draft, receipt)) is not None:
            return earlier
        changes, added = self._changes(draft, receipt)
        try:
            self.store.write(self.scope.workspace, changes)
        except Duplicate as error:
            return self._duplicate(draft, receipt, error.existing_id)
        except Conflict as error:
            earlier = self._earlier(draft, receipt) if receipt is not None and error.id == receipt else None
            if earlier is None:
                raise
            return earlier
        return self._settled(added)

    def _changes(self, draft: drafts.Draft, receipt: str | None) -> tuple[list[Change], Added]:
        id, now = new_id(), self.clock()
        findings = self.screened(draft.content)
        action: Action = "added"
        if findings and self.screening == "quarantine":
            draft, action = (
                drafts.Draft(draft.content, {**draft.payload, "status": "quarantined"}),
                "quarantined",
            )
        changes: list[Change] = [drafts.record(draft, id, now, findings, expected_rev=0)]
        if action == "added":
            changes += drafts.passages(draft, id, findings, self._before(draft))
        added = Added(id, action, "none" if action == "quarantined" else "pending", tuple(findings))
        if receipt is not None:
            changes.append(self._receipt(receipt, draft, added, now))
        return changes, added

    def screened(self, content: str) -> list[str]:
        """Why screening flags *content*, in short lines; nothing where it is off."""
        if self.screening == "off":
            return []
        return list(dict.fromkeys(finding.reason for finding in screen(content).findings))

    def _before(self, draft: drafts.Draft) -> list[str]:
        thread = draft.payload.get("thread")
        if draft.payload["kind"] != "message" or thread is None:
            return []
        before = Range("created_at", lte=draft.payload["created_at"])
        user = draft.payload.get("user")
        own = Eq("user", user) if user is not None else Not(Exists("user"))
        where = And((Eq("thread", thread), Eq("kind", "message"), own, before))
        page = self.store.scroll(
            self.scope.workspace, "memory", where=where, order_by="created_at", descending=True, limit=BEFORE
        )
        return [point.id for point in page.points]

    def _settled(self, added: Added) -> Added:
        if added.action != "added":
            return added
        return Added(added.id, added.action, self.store.embedding(self.scope.workspace, added.id), added.findings)

    def _duplicate(self, draft: drafts.Draft, receipt: str | None, id: str) -> Added:
        (point,) = self.store.get(self.scope.workspace, "records", [id])
        held = point is not None and point.payload.get("status") == "quarantined"
        if point is not None and point.payload.get("state") == forms.ARCHIVED and not held:
            self.restore(id)  # it was added anew, so it has to be found
        action: Action = "quarantined" if held else "duplicate"
        added = Added(id, action, self.store.embedding(self.scope.workspace, id))
        if receipt is None:
            return added
        try:
            self.store.write(self.scope.workspace, [self._receipt(receipt, draft, added, self.clock())])
        except Conflict:  # somebody with the same key was faster
            return self._earlier(draft, receipt) or added
        return added

    # idempotency

    def _receipt_id(self, key: object) -> str | None:
        if key is None:
            return None
        return "receipt:" + drafts.fingerprint(self.scope.user or "", inputs.name(key, "idempotency_key"))

    def _receipt(self, id: str, draft: drafts.Draft, added: Added, now: float) -> Put:
        payload = {
            "type": "receipt",
            "item": added.id,
            "digest": draft.digest,
            "action": added.action,
            "expires_at": now + RECEIPT_SECONDS,
        }
        return Put("records", id, payload, expected_rev=0)

    def _earlier(self, draft: drafts.Draft, receipt: str) -> Added | None:
        (found,) = self.store.get(self.scope.workspace, "records", [receipt])
        if found is None:
            return None
        if found.payload["digest"] != draft.digest:
            raise KeyReused("this idempotency key was used with other content; use a new key for a new memory")
        id = found.payload["item"]
        return Added(id, found.payload["action"], self.store.embedding(self.scope.workspace, id))

    # retrieve

    def retrieve(self, id: str, form: Form = "full") -> Item:
        """The memory *id* in *form*. Raises `NotFound`, or `Quarantined` when an agent asks for quarantined content."""
        inputs.choice(form, "form", forms.ASKED)
        point = self.find(id)
        if form != "hint":  # what is only hinted at was not used
            self.access.note({id: point.payload.get("expires_at")})
        return self.item(point, form)

    def find(self, id: str) -> Point:
        """The record of the item *id* in this scope."""
        point = self.peek(inputs.id(id))
        if point is None:
            raise NotFound("memory", id)
        if point.payload["status"] == "quarantined" and self.scope.role == "agent":
            reason = point.payload.get("reason") or "; ".join(point.payload.get("findings", ())) or "no reason given"
            raise Quarantined(f"{id} is in quarantine ({reason}); a person can release it")
        return point

    def active(self, ids: Sequence[str]) -> list[Point | None]:
        """The records of *ids* in that order; None for one that is gone, out of scope or in quarantine."""
        points = self.store.get(self.scope.workspace, "records", ids)
        shown = (point is not None and self._visible(point) and point.payload["status"] == "active" for point in points)
        return [point if visible else None for point, visible in zip(points, shown, strict=True)]

    def peek(self, id: str) -> Point | None:
        """The record of the item *id* in this scope, quarantined or not."""
        (point,) = self.store.get(self.scope.workspace, "records", [id])
        return point if point is not None and self._visible(point) else None

    def _visible(self, point: Point) -> bool:
        return point.payload.get("type") == "item" and matches(self.scope.filter, point.payload)

    def item(self, point: Point, form: Form = "full") -> Item:
        """*point*, a record of type item, as callers see it."""
        payload = point.payload
        expires = payload.get("expires_at")
        quarantined = payload["status"] == "quarantined"
        return Item(
            id=point.id,
            rev=point.rev,
            content=forms.content(point, form),
            content_type=payload["content_type"],
            kind=payload["kind"],
            status=payload["status"],
            priority=payload["priority"],
            importance=payload["importance"],
            tags=payload["tags"],
            metadata=payload["metadata"],
            hint=payload["hint"],
            tokens=payload["tokens"],
            embedding="none" if quarantined else self.store.embedding(self.scope.workspace, point.id),
            created_at=iso(payload["created_at"]),
            updated_at=iso(payload["updated_at"]),
            expires_at=iso(expires) if expires is not None else None,
            thread=payload.get("thread"),
            speaker=payload.get("speaker"),
            user=payload.get("user"),
            agent=payload.get("agent"),
            derived_from=payload.get("derived_from", ()),
            findings=payload.get("findings", ()),
            form=form,
            tier=forms.tier(payload),
        )

    # update

    def update(self, id: str, patch: Mapping[str, Any], expected_rev: int | None = None) -> Item:
        """Change the fields in *patch*; see `MemoryOps.update`."""
        if not isinstance(patch, Mapping) or not patch or not set(patch) <= UPDATABLE:
            raise InvalidInput(f"patch is {patch!r:.200}; give an object with some of {', '.join(sorted(UPDATABLE))}")
        if expected_rev is not None:
            inputs.whole(expected_rev, "expected_rev", 1, 2**31)
        for _ in range(ATTEMPTS):
            point = self.find(id)
            if expected_rev is not None and point.rev != expected_rev:
                raise Stale(
                    f"{id} is at revision {point.rev}, not {expected_rev}; retrieve it again and repeat the change"
                )
            try:
                self.store.write(self.scope.workspace, self._update_changes(point, patch))
            except Conflict:
                continue
            except Duplicate as error:
                raise InvalidInput(
                    f"another memory, {error.existing_id}, has exactly this content; forget one of them"
                ) from error
            changed = self.peek(id)
            if changed is None:
                raise NotFound("memory", id)
            return self.item(changed)
        raise Stale(f"{id} is being changed by others all the time; repeat the call")

    def _update_changes(self, point: Point, patch: Mapping[str, Any]) -> list[Change]:
        changed = self._redraft(point, patch)
        now, id = self.clock(), point.id
        if not self._resplits(point, patch):
            findings = point.payload.get("findings", [])
            put = drafts.record(changed, id, now, findings, expected_rev=point.rev)
            fields = {name: changed.payload.get(name) for name in drafts.SHARED if name != "flagged"}
            return [put, Patch("memory", Eq("item", id), fields)]
        findings = self.screened(changed.content)
        if findings and self.screening == "quarantine":
            changed = drafts.Draft(changed.content, {**changed.payload, "status": "quarantined"})
        put = drafts.record(changed, id, now, findings, expected_rev=point.rev)
        return [put, DeleteWhere("memory", Eq("item", id)), *self.passages(changed, id, findings)]

    def passages(self, draft: drafts.Draft, id: str, findings: Sequence[str]) -> list[Put]:
        """The rows of *draft* that are searched; none for what is in quarantine or archived."""
        if draft.payload["status"] == "quarantined" or draft.payload.get("state") == forms.ARCHIVED:
            return []
        after = [each for each in self._before(draft) if not each.startswith(f"{id}:")]
        return drafts.passages(draft, id, findings, after)

    def _resplits(self, point: Point, patch: Mapping[str, Any]) -> bool:
        """Whether *patch* changes what is embedded and indexed, not only what is filtered by."""
        said = point.payload["kind"] == "message" and bool({"speaker", "thread"} & patch.keys())
        archived = point.payload.get("state") == forms.ARCHIVED  # a change brings it back, and it has no rows
        return "content" in patch or "content_type" in patch or said or archived

    def _redraft(self, point: Point, patch: Mapping[str, Any]) -> drafts.Draft:
        old = point.payload
        fields: dict[str, Any] = {
            name: old.get(name)
            for name in (
                "content_type",
                "kind",
                "priority",
                "tags",
                "metadata",
                "thread",
                "speaker",
                "created_at",
                "derived_from",
            )
        }
        if "priority" not in patch or old["importance"] != old["priority"] / 10:
            fields["importance"] = old["importance"]
        fields |= {name: value for name, value in patch.items() if name != "content"}
        content = patch.get("content", point.text or "")
        changed = drafts.draft(self.scope, self.clock(), content, **fields)
        author = {name: old.get(name) for name in ("user", "agent")}
        kept = author | {name: old[name] for name in ("status", "reason") if name in old}
        if "ttl" not in patch and "expires_at" in old:
            kept["expires_at"] = old["expires_at"]
        payload = {**changed.payload, **kept}
        return drafts.Draft(changed.content, {name: value for name, value in payload.items() if value is not None})

    # tiers

    def restore(self, id: str) -> Item:
        """Make the memory *id* full again, found by every search; see `MemoryOps.restore`."""
        for _ in range(ATTEMPTS):
            point = self.find(id)
            if point.payload["status"] == "quarantined":
                raise Quarantined(f"{id} is in quarantine; release it, which brings it back in full")
            if forms.tier(point.payload) == "full":
                return self.item(point)
            try:
                self.store.write(self.scope.workspace, self._full_again(point))
            except Conflict:
                continue
        raise Stale(f"{id} is being changed by others all the time; repeat the call")

    def _full_again(self, point: Point) -> list[Change]:
        draft = drafts.Draft(point.text or "", forms.without_tier(point.payload))
        payload = {**draft.payload, "updated_at": self.clock()}
        put = self.rewritten(point, payload)
        if point.payload["state"] != forms.ARCHIVED:
            return [put]
        return [put, DeleteWhere("memory", Eq("item", point.id)), *self.passages(draft, point.id, payload["findings"])]

    def rewritten(self, point: Point, payload: Mapping[str, Any]) -> Put:
        """The record *point* with another *payload*, if nobody changes it meanwhile."""
        text = point.text or ""
        unique = drafts.unique_key(drafts.Draft(text, payload))
        return Put("records", point.id, payload, text, expected_rev=point.rev, unique=unique)

    # forget

    def forget(self, ids: str | Sequence[str] | None = None, where: Where = None, *, hard: bool = False) -> Forgotten:
        """Delete memories and all that is derived from them; see `MemoryOps.forget`."""
        if hard and not self.store.capabilities.purge:
            raise Unsupported(
                "this store cannot erase from its disk at once; forget without hard, and let the server vacuum"
            )
        if (ids is None) == (where is None):
            raise InvalidInput("forget needs either ids or a filter, not both and not neither")
        if ids is None:
            points = self._matching(where)
            missing: list[str] = []
        else:
            listed = self._listed(ids)
            found = self.store.get(self.scope.workspace, "records", listed)
            points = [point for point in found if point is not None and self._visible(point)]
            missing = [id for id, point in zip(listed, found, strict=True) if point is None or not self._visible(point)]
        self._refuse_held(points)
        wanted = [point.id for point in points]
        derived = self._derived(wanted)
        self.access.drop([*wanted, *derived])
        for some in batched([*wanted, *derived], FORGET_ITEMS):
            self.store.write(self.scope.workspace, [change for id in some for change in _removal(id)])
        if hard:
            self.store.purge()
        return Forgotten(wanted, derived, missing, hard)

    def _refuse_held(self, points: Sequence[Point]) -> None:
        """An agent does not erase what a person is to look at."""
        held = [point.id for point in points if point.payload["status"] == "quarantined"]
        if held and self.scope.role == "agent":
            raise Quarantined(f"{held[0]} is in quarantine; a person can release or purge it. Nothing was forgotten")

    def _listed(self, ids: str | Sequence[str]) -> list[str]:
        listed = [ids] if isinstance(ids, str) else list(ids)
        if not listed:
            raise InvalidInput("ids is empty; name at least one memory")
        return list(dict.fromkeys(inputs.id(id) for id in listed))

    def _matching(self, where: Where) -> list[Point]:
        condition = parse(where)
        if condition is None:
            raise InvalidInput("the filter is empty and would forget everything; name a condition")
        return self.scan(condition)

    def _derived(self, ids: Sequence[str]) -> list[str]:
        """Ids of what was made from *ids*, and from that, and so on."""
        known = set(ids)
        found: list[str] = []
        frontier = list(ids)
        while frontier:
            coming: dict[str, None] = {}
            for some in batched(frontier, SOURCES):
                where = all_of(Eq("type", "item"), In("derived_from", some))
                coming |= {point.id: None for point in self._scroll(where) if point.id not in known}
            frontier = list(coming)
            known |= coming.keys()
            found += frontier
        return found

    # listing

    def scan(self, condition: Filter | None = None, *, quarantined: bool = False) -> list[Point]:
        """All items of the scope that meet *condition*, in the order of their ids; not those in quarantine."""
        status = None if quarantined else Eq("status", "active")
        return self._scroll(all_of(Eq("type", "item"), self.scope.filter, status, condition))

    def _scroll(self, where: Filter | None) -> list[Point]:
        found = paging.pages(self.store, self.scope.workspace, where, 500)
        return [point for page in found for point in page.points]


def _removal(id: str) -> list[Change]:
    return [
        Delete("records", id),
        DeleteWhere("records", Eq("item", id)),
        DeleteWhere("memory", Eq("item", id)),
    ]
