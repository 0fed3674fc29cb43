"""From an addition to its rows: pure, so that the same gives the same."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from memoryops.memory.drafts import Draft, draft, fingerprint, hint, passages, record, unique_key
from memoryops.memory.scope import Scope

law = settings(max_examples=100, deadline=None, database=None)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3000).filter(lambda t: not t.isspace())


def plain(content: str, scope: Scope | None = None, **fields: object) -> Draft:
    return draft(scope or Scope(), 1000.0, content, **fields)


@law
@given(TEXTS)
def test_passages_are_stretches_of_the_text_in_order(text: str) -> None:
    rows = passages(plain(text), "id", [])
    end = 0
    for position, row in enumerate(rows):
        assert row.id == f"id:{position}" and row.payload["item"] == "id"
        assert row.text == text[row.payload["start"] : row.payload["end"]]
        assert not text[end : row.payload["start"]].strip()
        end = row.payload["end"]
        assert row.payload["whole"] == (len(rows) == 1)
        assert ("exact" in row.payload) == (row.text == text)
    assert rows and not text[end:].strip()
    assert record(plain(text), "id", 1.0, [], None).text == text


@law
@given(TEXTS)
def test_only_the_beginning_of_a_text_follows_upon_what_was_said_before(text: str) -> None:
    first, *rest = passages(plain(text, kind="message"), "id", [], ["said", "earlier"])
    assert first.after == tuple(first.payload["follows"]) == ("said", "earlier")
    assert not any(row.after or "follows" in row.payload for row in rest)


@law
@given(TEXTS)
def test_a_hint_is_one_short_line_of_the_text(text: str) -> None:
    line = hint(text)
    assert line and len(line) <= 80 and len(line.splitlines()) == 1
    assert line.removesuffix("…") in text


def test_what_makes_two_items_the_same() -> None:
    key = unique_key(plain("a"))
    assert key == unique_key(plain("a", tags=["t"], priority=9, created_at=5, scope=Scope("other", agent="x")))
    others = [
        plain("a "), plain("a", Scope(user="u")), plain("a", Scope(thread="t")), plain("a", thread="t2"),
        plain("a", Scope(user="u", thread="t")),
    ]  # fmt: skip
    assert len({key, *(unique_key(other) for other in others)}) == 6
    assert unique_key(plain("a", kind="message")) is None


def test_a_key_stands_for_what_was_given_in_whatever_order() -> None:
    first = plain("a", metadata={"x": 1, "y": {"p": 1, "q": 2}}, created_at=1)
    assert first.digest == plain("a", metadata={"y": {"q": 2, "p": 1}, "x": 1}, created_at=2).digest
    for other in (plain("b"), plain("a"), plain("a", metadata={"x": 2, "y": {"p": 1, "q": 2}}), plain("a", tags=["t"])):
        assert other.digest != first.digest


@law
@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_fingerprints_of_different_parts_differ(left: list[str], right: list[str]) -> None:
    assert (fingerprint(*left) == fingerprint(*right)) == (left == right)
