"""Budgets are never exceeded; a cursor visits each match once; what was left out is said."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memoryops.compressors import tokens
from memoryops.memory.errors import MemoryOpsError
from memoryops.memory.models import Hit
from memoryops.memory.service import MemoryOps
from memoryops.stores.errors import InvalidRequest

Make = Callable[..., MemoryOps]

quick = settings(
    max_examples=25,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
WORDS = (
    "apple pear unaffable électricité 任务 한국어 foo_bar x==y 🚀🚀 antidisestablishmentarianism don't ภาษาไทย".split()
)


def walk(ops: MemoryOps, query: str, **arguments: Any) -> list[Hit]:
    """All hits, page after page; what each page says of itself is checked."""
    hits: list[Hit] = []
    cursor: str | None = None
    for _ in itertools.count():
        page = ops.search(query, cursor=cursor, **arguments)
        assert page.truncated == (page.next_cursor is not None)
        assert len(page.hits) <= arguments.get("limit", 8)
        assert page.tokens == sum(hit.tokens for hit in page.hits)
        assert page.hits or not page.truncated
        hits += page.hits
        cursor = page.next_cursor
        if cursor is None:
            return hits
    raise AssertionError


@quick
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=40), st.integers(1, 60))
def test_a_budget_is_never_exceeded(fresh: Make, words: list[str], budget: int) -> None:
    ops = fresh()
    for number in range(3):
        ops.add(" ".join([*words[number:], f"apple{number}"]))
    page = ops.search("apple", max_tokens=budget)
    assert sum(tokens.count(hit.content) for hit in page.hits) <= budget
    assert page.tokens <= budget
    assert page.hits
    for hit in page.hits:
        assert ops.retrieve(hit.id).content[hit.start : hit.end] == hit.content
    rest = walk(ops, "apple", max_tokens=budget)
    assert len(rest) == len({hit.id for hit in rest}) == ops.state().items


@settings(max_examples=300, deadline=None, database=None)
@given(st.lists(st.sampled_from([*WORDS, "\n", "  ", "\0", "\u200b", "x" * 150]), max_size=12).map(" ".join),
       st.integers(0, 30))  # fmt: skip
def test_a_clipped_text_is_a_head_within_the_budget(text: str, budget: int) -> None:
    head = tokens.clip(text, budget)
    assert text.startswith(head)
    assert tokens.count(head) <= budget


@pytest.mark.parametrize("text", ["ภาษาไทยเป็นภาษาที่มีระดับเสียง" * 20, "ab12" * 2000, "ひらがなだけのぶんしょう" * 30])
def test_a_long_run_without_spaces_is_more_than_one_token(text: str) -> None:
    assert tokens.count(text) > len(text) / 20


@quick
@given(st.integers(1, 90), st.integers(1, 100), st.one_of(st.none(), st.integers(1, 300)))
def test_a_cursor_visits_each_match_once(fresh: Make, size: int, limit: int, budget: int | None) -> None:
    ops = fresh()
    ops.add_many([{"content": f"apple number {n}"} for n in range(size)])
    hits = walk(ops, "apple number", limit=limit, max_tokens=budget)
    assert len(hits) == len({hit.id for hit in hits}) == size


def test_more_than_three_hundred_matches_are_all_visited(ops: MemoryOps) -> None:
    ops.add_many([{"content": f"apple number {n}"} for n in range(330)])
    hits = walk(ops, "apple number 7", limit=41)
    assert len(hits) == len({hit.id for hit in hits}) == 330
    whole = ops.search("apple number 7", limit=100).hits
    assert [hit.id for hit in hits[:100]] == [hit.id for hit in whole]


def test_equal_messages_are_all_visited(ops: MemoryOps) -> None:
    for n in range(140):
        ops.add("yes", kind="message", thread="t", created_at=1000 + n % 3)
    hits = walk(ops, "yes", limit=13)
    assert len(hits) == len({hit.id for hit in hits}) == 140


def test_items_of_many_passages_are_visited_once(ops: MemoryOps) -> None:
    for n in range(12):
        ops.add("\n\n".join(f"Paragraph {p} of {n}: apple. " + "Filling words. " * 40 for p in range(15)))
    ops.add_many([{"content": f"apple {n}"} for n in range(60)])
    hits = walk(ops, "apple", limit=7, max_tokens=900)
    assert len(hits) == len({hit.id for hit in hits}) == 72


def test_a_cursor_of_another_query_filter_or_workspace_is_refused(ops: MemoryOps, fresh: Make, make: Make) -> None:
    other = fresh()
    for each in (ops, other):
        each.add_many([{"content": f"apple {n}", "tags": ["t"], "thread": "t"} for n in range(10)])
    cursor = ops.search("apple", limit=2).next_cursor
    for stranger, query, where in (
        (ops, "apples", None),
        (ops, "apple", {"tags": "t"}),
        (other, "apple", None),
        (make(thread="t"), "apple", None),
    ):
        with pytest.raises(MemoryOpsError, match="another query"):
            stranger.search(query, where=where, cursor=cursor)
    assert ops.search("apple", limit=5, cursor=cursor).hits


def forged(cursor: str, position: str) -> str:
    digest = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))[0]
    return base64.urlsafe_b64encode(f'["{digest}",{position}]'.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "position",
    ["[]", "[1]", "[-5,1]", "[0,NaN]", "[0,Infinity]", "[0,-Infinity]", f"[0,1{'0' * 400}]", f"[1{'0' * 400},1]",
     "[true,1]", "[1,true]", '["a",1]', "[null,null]", "{}", "7", "[1,1,1]", "[99999999,1]", "[0.5,1]"],
)  # fmt: skip
def test_a_forged_cursor_is_refused_or_gives_a_page_and_never_fails_inside(ops: MemoryOps, position: str) -> None:
    ops.add_many([{"content": f"apple {n}"} for n in range(10)])
    cursor = ops.search("apple", limit=2).next_cursor
    assert cursor
    try:
        page = ops.search("apple", cursor=forged(cursor, position))
    except MemoryOpsError:
        return
    assert all(hit.score == hit.score for hit in page.hits)


def test_listings_visit_each_entry_once_and_refuse_foreign_cursors(ops: MemoryOps, person: MemoryOps) -> None:
    for n in range(23):
        ops.tasks.create(f"task {n}", priority=n % 3 + 1)
        ops.hil.request(f"question {n}")
        ops.quarantine.add(f"content {n}", reason="r")
        ops.agents.register(f"agent {n}")
    listings: dict[str, Callable[..., Any]] = {
        "tasks": ops.tasks.list, "requests": person.hil.list, "entries": person.quarantine.list,
        "agents": ops.agents.list,
    }  # fmt: skip
    cursors = {}
    for name, listing in listings.items():
        seen: list[str] = []
        cursor = None
        while True:
            page = listing(limit=5, cursor=cursor)
            seen += [getattr(each, "id", None) or each.name for each in getattr(page, name)]
            if page.next_cursor is None:
                break
            cursor = cursors[name] = page.next_cursor
        assert len(seen) == len(set(seen)) == 23
    for name, listing in listings.items():
        foreign = next(cursor for other, cursor in cursors.items() if other != name)
        for bad in (foreign, "x", "é"):
            with pytest.raises((MemoryOpsError, InvalidRequest)):
                listing(limit=5, cursor=bad)
