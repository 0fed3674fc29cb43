"""Namespaces are listed as a plain look over all of them would list them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.memory import namespaces
from memoryops.memory.errors import InvalidInput

LABELS = st.sampled_from(["a", "b", "c", "*", "é"])
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(tuple)
PATTERNS = st.lists(st.lists(LABELS, max_size=3).map(tuple), max_size=2)


@given(st.lists(NAMES, max_size=12), PATTERNS, PATTERNS, st.none() | st.integers(1, 4))
def test_listed_as_a_plain_look_would(
    found: list[tuple[str, ...]], prefixes: Any, suffixes: Any, max_depth: int | None
) -> None:
    def fits(name: tuple[str, ...], pattern: tuple[str, ...], *, back: bool) -> bool:
        if back:
            name, pattern = name[::-1], pattern[::-1]
        return all(at < len(name) and wanted in ("*", name[at]) for at, wanted in enumerate(pattern))

    expected: list[tuple[str, ...]] = []
    for name in found:
        if any(not fits(name, p, back=False) for p in prefixes) or any(not fits(name, p, back=True) for p in suffixes):
            continue
        cut = tuple(label for at, label in enumerate(name) if max_depth is None or at < max_depth)
        if cut not in expected:
            expected.append(cut)
    assert namespaces.listed(found, prefixes, suffixes, max_depth) == sorted(expected)


@given(
    st.lists(
        st.text(st.characters(exclude_characters=".\0", exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=5
    )
)
def test_joined_and_split_again(labels: list[str]) -> None:
    assert namespaces.split(namespaces.join(namespaces.check(labels))) == tuple(labels)


@pytest.mark.parametrize("bad", ["users", ("",), ("a.b",), ("a\0",), (1,), ("\ud800",), None, {"a"}, ("x" * 2001,)])
def test_bad_ones_are_refused(bad: Any) -> None:
    with pytest.raises(InvalidInput, match="namespace"):
        namespaces.check(bad)
