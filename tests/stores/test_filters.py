"""What a filter means, and what is none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.stores.errors import InvalidRequest
from memoryops.stores.filters import And, Eq, Exists, Filter, In, Not, Or, Range, all_of, check, matches, walk

PAYLOAD: dict[str, Any] = {
    "type": "task", "kind": None, "priority": 3, "importance": 0.5, "flagged": False, "tags": ["a", "b"],
    "capabilities": [], "metadata": {"k": 1, "list": [1, "x", None], "nothing": None, "deep": {"k": 2}, "": 0},
}  # fmt: skip
TRUE: list[Filter] = [
    Eq("type", "task"), Eq("priority", 3), Eq("priority", 3.0), Eq("flagged", False), Eq("tags", "b"),
    Eq("metadata.k", 1), Eq("metadata.list", "x"), In("type", ("note", "task")), In("tags", ("z", "a")),
    Range("priority", gt=2, lte=3), Range("importance", gte=0.5), Exists("flagged"), Exists("metadata.list"),
    Exists("metadata.deep"), Not(Eq("status", "open")), Not(Exists("kind")), And(()), Not(Or(())),
]  # fmt: skip
FALSE: list[Filter] = [
    Eq("type", "Task"), Eq("priority", "3"), Eq("flagged", 0), Eq("priority", True), Eq("metadata.k", True),
    Eq("metadata.k", "1"), Eq("metadata.deep", 2), Eq("kind", "None"), In("type", ()), Range("priority", gt=3),
    Range("created_at", lt=9), Exists("capabilities"), Exists("metadata.nothing"), Exists("metadata.none"), Or(()),
    And((Eq("type", "task"), Eq("type", "note"))), Not(Not(Eq("type", "note"))),
]  # fmt: skip


@pytest.mark.parametrize("filter", TRUE, ids=repr)
def test_meets(filter: Filter) -> None:
    assert matches(check(filter), PAYLOAD)
    assert not matches(Not(filter), PAYLOAD)


@pytest.mark.parametrize("filter", FALSE, ids=repr)
def test_does_not_meet(filter: Filter) -> None:
    assert not matches(check(filter), PAYLOAD)
    assert matches(Not(filter), PAYLOAD)


def test_no_filter_is_met_by_all() -> None:
    assert check(None) is None
    assert matches(None, {})


def test_all_of() -> None:
    one, two = Eq("type", "a"), Exists("tags")
    assert all_of() is None
    assert all_of(None, one, None) is one
    assert all_of(one, None, two) == And((one, two))


def test_walk_visits_each_node() -> None:
    leaves = [Eq("type", str(n)) for n in range(4)]
    tree = And((leaves[0], Not(Or((leaves[1], leaves[2]))), And(()), leaves[3]))
    nodes = [node for node, _ in walk(tree)]
    assert nodes[0] is tree
    assert len(nodes) == 8
    assert all(leaf in nodes for leaf in leaves)


@pytest.mark.parametrize(
    "field", ["", "unknown", "metadata", "metadata.", 'metadata."', "metadata.a[0]", "_rev", 'type"']
)
def test_an_unknown_field_is_named_with_the_known_ones(field: str) -> None:
    with pytest.raises(InvalidRequest, match=r"the fields are .*created_at"):
        check(Not(Eq(field, "x")))


@pytest.mark.parametrize(
    "field", ["metadata.a", "metadata.a.b", "metadata.ключ", "metadata.'", "metadata. ", "metadata.%"]
)
def test_metadata_keys_are_free(field: str) -> None:
    assert check(Exists(field)) == Exists(field)


@pytest.mark.parametrize("value", [None, [], {}, b"x", 2**63, -(2**63), float("nan"), "\udfff"], ids=repr)
def test_values_that_nothing_can_be_compared_with(value: Any) -> None:
    for filter in (Eq("type", value), In("type", ("a", value))):
        with pytest.raises(InvalidRequest, match="'type'"):
            check(filter)


def test_a_filter_has_a_largest_size() -> None:
    check(And(tuple(Exists("type") for _ in range(499))))
    with pytest.raises(InvalidRequest, match="500"):
        check(And(tuple(Exists("type") for _ in range(500))))


@given(values=st.lists(st.one_of(st.integers(-3, 3), st.floats(-3, 3), st.booleans(), st.text(max_size=2))))
def test_in_is_any_of_its_equals(values: list[Any]) -> None:
    for probe in ({"priority": 1}, {"type": "a"}, {"flagged": True}, {"metadata": {"k": [1, "a"]}}):
        for field in ("priority", "type", "flagged", "metadata.k"):
            either = Or(tuple(Eq(field, value) for value in values))
            assert matches(In(field, tuple(values)), probe) == matches(either, probe)


@given(value=st.one_of(st.integers(), st.floats(allow_nan=False)), bound=st.floats(allow_nan=False))
def test_the_bounds_of_a_range(value: float, bound: float) -> None:
    payload = {"priority": value}
    assert matches(Range("priority", gt=bound), payload) == (value > bound)
    assert matches(Range("priority", gte=bound), payload) == (value >= bound)
    assert matches(Range("priority", lt=bound), payload) == (value < bound)
    assert matches(Range("priority", lte=bound), payload) == (value <= bound)
