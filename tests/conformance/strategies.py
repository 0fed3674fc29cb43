"""Random payloads and filters over every class of field, and how the property tests are run."""

import itertools
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from memoryops.stores.filters import And, Eq, Exists, Filter, In, Not, Or, Range
from memoryops.stores.ports import Collection

T = TypeVar("T")
COLLECTIONS: tuple[Collection, Collection] = ("records", "memory")

WORDS = st.sampled_from(
    [
        "a",
        "A",
        "b",
        "",
        " ",
        "1",
        "1.0",
        "true",
        "null",
        "é",
        "e\u0301",
        "東京",
        "🦊",
        "a'b",
        'a"b',
        "a\\b",
        "%",
        "_",
        "[0]",
        "a.b",
    ]
)
NUMBERS = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0.0, -0.0, 1.0, 0.1, 0.30000000000000004, 1e-9, 1e300, -1e300, 2**53, -(2**53), 1.5]),
    st.floats(allow_nan=False, allow_infinity=False),
)
SCALARS = st.one_of(WORDS, NUMBERS, st.booleans())
KEYS = st.sampled_from(["a", "b c", "x.y", "k'", "ключ", "0", "a\u0301", "%"])
METADATA_VALUES = st.one_of(
    st.none(),
    SCALARS,
    st.lists(st.one_of(st.none(), SCALARS), max_size=3),
    st.lists(st.lists(SCALARS, max_size=2), max_size=2),
    st.dictionaries(KEYS, SCALARS, max_size=2),
)
KEYWORD_FIELDS = ("type", "kind", "item", "user")
LIST_FIELDS = ("tags", "derived_from")
NUMBER_FIELDS = ("priority", "created_at")


def _optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


PAYLOADS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        **{name: _optional(WORDS) for name in KEYWORD_FIELDS},
        **{name: _optional(st.lists(WORDS, max_size=3)) for name in LIST_FIELDS},
        **{name: _optional(NUMBERS) for name in NUMBER_FIELDS},
        "flagged": _optional(st.booleans()),
        "metadata": _optional(st.dictionaries(KEYS, METADATA_VALUES, max_size=3)),
        "free": st.one_of(st.none(), SCALARS, st.lists(SCALARS, max_size=2)),
    },
)

FIELDS = st.one_of(
    st.sampled_from([*KEYWORD_FIELDS, *LIST_FIELDS, *NUMBER_FIELDS, "flagged", "status"]),
    KEYS.map(lambda key: f"metadata.{key}"),
)
BOUNDS = st.one_of(st.none(), NUMBERS, st.sampled_from([float("inf"), float("-inf")]))


def _range(field: str, bounds: tuple[Any, Any, Any, Any]) -> Filter:
    gt, gte, lt, lte = bounds
    if gt is gte is lt is lte is None:
        gte = 0
    return Range(field, gt=gt, gte=gte, lt=lt, lte=lte)


LEAVES: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Eq, FIELDS, SCALARS),
    st.builds(In, FIELDS, st.lists(SCALARS, max_size=3).map(tuple)),
    st.builds(_range, st.sampled_from(NUMBER_FIELDS), st.tuples(BOUNDS, BOUNDS, BOUNDS, BOUNDS)),
    st.builds(Exists, FIELDS),
)
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)

_names = itertools.count(1)


def fresh() -> str:
    """A workspace for one example of a property test, whose fixtures live longer than an example."""
    return f"example {next(_names)}"


def quick(examples: int) -> Callable[[T], T]:
    """Few examples, without a limit on the time of one; the store outlives them all, in workspaces of their own."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
