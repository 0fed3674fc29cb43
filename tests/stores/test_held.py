"""Conditions that an index spares are those that all of its points meet, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from memoryops.stores.embedded.held import Held, without_items
from memoryops.stores.filters import And, Eq, Exists, Filter, In, Not, Or, all_of, matches

Points = list[tuple[str | None, str]]

USERS = st.sampled_from((None, "ada", "bob"))
CONDITIONS = st.recursive(
    st.sampled_from(
        (
            Eq("user", "ada"),
            Not(Exists("user")),
            Exists("user"),
            Not(Eq("user", "ada")),
            Eq("item", "1"),
            Not(In("item", ("1", "2"))),
            Not(In("item", ())),
        )
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple).flatmap(lambda parts: st.sampled_from((And(parts), Or(parts))))
    ),
    max_leaves=6,
)
POINTS = st.lists(st.tuples(USERS, st.sampled_from("123")), max_size=6)


def payload(user: str | None, item: str) -> dict[str, str]:
    return {"item": item} | ({"user": user} if user is not None else {})


@given(CONDITIONS, POINTS, POINTS)
def test_what_is_needed_finds_the_same_points(where: Filter, opened: Points, added: Points) -> None:
    held = Held({"w"}, {user for user, _ in opened})
    for user, _ in added:
        held.add("w", user)
    needed = held.needed(where)
    for user, item in (*opened, *added):
        assert matches(needed, payload(user, item)) == matches(where, payload(user, item))


@given(CONDITIONS, POINTS)
def test_items_that_are_excluded_are_named(where: Filter, points: Points) -> None:
    rest, items = without_items(where)
    for user, item in points:
        assert (matches(rest, payload(user, item)) and item not in items) == matches(where, payload(user, item))


def test_one_user_of_one_workspace_needs_no_condition() -> None:
    held = Held({"w"}, {"ada"})
    where = And((Eq("user", "ada"), And((Not(In("item", ("1",))), Eq("kind", "message")))))
    assert held.only("w")
    assert without_items(held.needed(where)) == (Eq("kind", "message"), ["1"])
    held.add("v", None)
    assert not held.only("w")
    assert held.needed(where) == all_of(Eq("user", "ada"), Not(In("item", ("1",))), Eq("kind", "message"))
