"""Hygiene: compressed after a week, archived after a month, low priorities first, nothing lost, all restorable."""

from __future__ import annotations

from typing import Any

import pytest

from memoryops.compressors import tokens
from memoryops.memory.errors import InvalidInput, NotFound, Quarantined
from memoryops.memory.forms import hint_line
from memoryops.memory.hygiene import DAY, Policy
from memoryops.memory.service import MemoryOps
from tests.memory.conftest import Clock

FILLER = " ".join(f"Filling sentence number {n} tells of ordinary things and ends." for n in range(60))


def ids(ops: MemoryOps, query: str, **arguments: Any) -> list[str]:
    return [hit.id for hit in ops.search(query, limit=50, **arguments).hits]


def test_a_week_compresses_and_a_month_archives(timed: MemoryOps, clock: Clock) -> None:
    long = timed.add(f"About walruses. {FILLER}").id
    short = timed.add("A short note on walruses").id
    clock.goes_on(6.9 * DAY)
    assert timed.hygiene().compressed == []
    clock.goes_on(0.2 * DAY)
    done = timed.hygiene()
    assert (done.compressed, done.archived, done.left, done.changed) == ([long], [], 0, 0)
    assert done.tokens_before == tokens.count(f"About walruses. {FILLER}") > 4 * done.tokens_after
    item = timed.retrieve(long, "compressed")
    assert (item.form, item.tier, item.content) != ("full", "full", "")
    assert tokens.count(item.content) == done.tokens_after
    assert timed.items.access.last([long])
    clock.goes_on(31 * DAY)
    assert set(timed.hygiene().archived) == {long, short}
    assert ids(timed, "walruses") == []
    assert timed.context("walruses").text == ""
    assert timed.retrieve(long).content == f"About walruses. {FILLER}"
    assert timed.hygiene().archived == []


def test_a_dry_run_says_the_same_and_does_nothing(timed: MemoryOps, clock: Clock) -> None:
    for n in range(3):
        timed.add(f"{n} {FILLER}")
    clock.goes_on(8 * DAY)
    before = list(timed.items.scan())
    dry = timed.hygiene(dry_run=True)
    assert list(timed.items.scan()) == before
    wet = timed.hygiene()
    assert (dry.compressed, dry.archived, dry.dry_run) == (wet.compressed, wet.archived, True)
    assert timed.hygiene(dry_run=True).compressed == []


def test_low_priorities_go_first_then_what_was_not_touched_for_longest(timed: MemoryOps, clock: Clock) -> None:
    made = {}
    for n, priority in enumerate([9, 4, 5, 1]):
        made[priority] = timed.add(f"{n} {FILLER}", priority=priority).id
        clock.goes_on(60)
    clock.goes_on(10 * DAY)
    first = timed.hygiene(limit=2)
    assert first.compressed == [made[4], made[1]]
    assert first.left == 2
    assert timed.hygiene().compressed == [made[9], made[5]]


def test_what_was_used_is_untouched_and_what_is_used_again_is_full_again(timed: MemoryOps, clock: Clock) -> None:
    used = timed.add(f"used {FILLER}").id
    other = timed.add(f"other {FILLER}").id
    clock.goes_on(5 * DAY)
    timed.retrieve(used)
    clock.goes_on(5 * DAY)
    assert timed.hygiene().compressed == [other]
    timed.retrieve(other, "hint")
    assert timed.hygiene().lifted == []
    timed.retrieve(other)
    assert timed.hygiene().lifted == [other]
    assert timed.retrieve(other).tier == "full"


def archived(ops: MemoryOps, clock: Clock, text: str, **fields: Any) -> str:
    id = ops.add(text, **fields).id
    clock.goes_on(31 * DAY)
    assert id in ops.hygiene().archived
    return id


def test_an_archived_memory_is_found_when_it_is_asked_for(timed: MemoryOps, clock: Clock) -> None:
    id = archived(timed, clock, f"{FILLER} The walrus ate the apple. {FILLER}", tags=["a"])
    other = archived(timed, clock, "A walrus in another note", tags=["b"])
    asked: dict[str, Any] = {"state": "archived"}
    assert ids(timed, "walrus apple", where=asked) == [id, other]
    assert ids(timed, "walrus", where={**asked, "tags": "b"}) == [other]
    assert ids(timed, "giraffe", where=asked) == []
    (hit,) = timed.search("apple", where=asked).hits
    item = timed.retrieve(id)
    assert item.content[hit.start : hit.end] == hit.content
    assert "The walrus ate the apple." in hit.content
    page = timed.search("walrus", 1, asked)
    assert page.next_cursor is not None
    rest = timed.search("walrus", 1, asked, cursor=page.next_cursor)
    assert {page.hits[0].id, rest.hits[0].id} == {id, other}
    assert timed.search("apple", where=asked, max_tokens=5).hits[0].tokens <= 5
    assert "walrus" in timed.context("walrus", where=asked).text
    assert [each.id for each in timed.archived().entries] == [other, id]
    with pytest.raises(InvalidInput, match="'state': 'archived'"):
        timed.search("walrus", where={"state": {"not": "archived"}})


def test_restore_brings_it_back_to_every_search(timed: MemoryOps, clock: Clock) -> None:
    id = archived(timed, clock, f"The walrus. {FILLER}")
    assert timed.restore(id).tier == "full"
    assert ids(timed, "walrus") == [id]
    assert timed.hygiene().archived == []
    assert timed.archived().entries == []
    assert timed.restore(id).id == id
    with pytest.raises(NotFound):
        timed.restore("nothing")


def test_a_change_and_adding_it_again_bring_it_back(timed: MemoryOps, clock: Clock) -> None:
    one = archived(timed, clock, "The walrus is grey")
    assert timed.update(one, {"priority": 7}).tier == "full"
    assert ids(timed, "walrus") == [one]
    two = archived(timed, clock, "The giraffe is tall")
    assert timed.add("The giraffe is tall").action == "duplicate"
    assert ids(timed, "giraffe") == [two]


def test_a_changed_content_drops_the_compressed_form(timed: MemoryOps, clock: Clock) -> None:
    id = timed.add(f"The secret is walrus. {FILLER}").id
    clock.goes_on(8 * DAY)
    assert timed.hygiene().compressed == [id]
    timed.update(id, {"content": "Nothing"})
    assert timed.retrieve(id, "compressed").content == "Nothing"
    (point,) = timed.items.scan()
    assert not {"compressed", "state", "context_tokens"} & point.payload.keys()


def test_forgetting_reaches_what_is_archived(timed: MemoryOps, clock: Clock) -> None:
    id = archived(timed, clock, f"The walrus. {FILLER}", tags=["gone"])
    assert timed.forget(where={"tags": "gone"}).ids == [id]
    assert ids(timed, "walrus", where={"state": "archived"}) == []


def test_quarantine_and_archive_do_not_free_each_other(timed: MemoryOps, clock: Clock) -> None:
    id = archived(timed, clock, "The walrus is suspicious")
    timed.quarantine.add(id=id, reason="odd")
    assert ids(timed, "walrus", where={"state": "archived"}) == []
    with pytest.raises(Quarantined):
        timed.restore(id)
    person = timed.with_scope(type(timed.scope)(timed.scope.workspace, role="human"))
    assert person.quarantine.release(id).tier == "full"
    assert ids(timed, "walrus") == [id]


def test_an_export_carries_the_tiers(timed: MemoryOps, clock: Clock, tmp_path: Any) -> None:
    id = archived(timed, clock, f"The walrus. {FILLER}")
    timed.export(tmp_path / "all.jsonl")
    timed.forget(id)
    timed.import_(tmp_path / "all.jsonl")
    assert timed.retrieve(id).tier == "archived"
    assert ids(timed, "walrus") == []
    assert ids(timed, "walrus", where={"state": "archived"}) == [id]


def test_the_state_counts_tiers_and_savings(timed: MemoryOps, clock: Clock) -> None:
    gone = archived(timed, clock, f"archived {FILLER}")
    old = timed.add(f"old {FILLER}").id
    clock.goes_on(8 * DAY)
    timed.hygiene()
    timed.add(f"new {FILLER}")
    state = timed.state()
    compressed = tokens.count(timed.retrieve(old, "compressed").content)
    (point,) = (point for point in timed.items.scan() if point.id == gone)
    assert {name: tier["items"] for name, tier in state.tiers.items()} == {"full": 1, "compressed": 1, "archived": 1}
    assert state.tiers["full"]["tokens"] == tokens.count(f"new {FILLER}")
    assert state.tiers["compressed"]["tokens"] == compressed
    assert state.tiers["archived"]["tokens"] == tokens.count(hint_line(point))
    assert state.context_tokens == sum(tier["tokens"] for tier in state.tiers.values())
    assert state.saved_tokens == state.tokens - state.context_tokens > 0
    assert state.context_utilization_percentage == pytest.approx(state.context_tokens / 1280, abs=0.01)
    assert (state.model, state.cost_usd) == (None, None)


def test_the_forms_of_a_memory(ops: MemoryOps) -> None:
    id = ops.add(f"About the walrus. {FILLER}").id
    full, compressed, hint = (ops.retrieve(id, form) for form in ("full", "compressed", "hint"))
    assert full.content == f"About the walrus. {FILLER}"
    assert tokens.count(compressed.content) <= 0.2 * full.tokens
    assert compressed.content == ops.retrieve(id, "compressed").content
    assert hint.content == f"{full.hint} (ID: {id})"
    assert (full.tokens, compressed.tokens, hint.form) == (full.tokens, full.tokens, "hint")
    assert ops.retrieve(ops.add("Short.").id, "compressed").content == "Short."
    with pytest.raises(InvalidInput, match="form is 'half'"):
        ops.retrieve(id, "half")  # type: ignore[arg-type]  # callers are not always typed
    with pytest.raises(InvalidInput, match="form is 'summary'; use one of full, compressed, hint"):
        ops.retrieve(id, "summary")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"compress_days": -1}, "compress_days is -1"),
        ({"archive_days": 3}, "archived after 3 days, before they are compressed"),
        ({"priority": 11}, "priority is 11"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Policy(**arguments)


def test_a_limit_is_checked(ops: MemoryOps) -> None:
    with pytest.raises(InvalidInput, match="limit is 0"):
        ops.hygiene(limit=0)
