"""Windows hold whole units, every word piece once, and no more pieces than the model was trained on."""

from itertools import accumulate

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memoryops.compressors.qr_head.windows import owners, windows

lengths = st.lists(st.integers(1, 40), min_size=1, max_size=30)


def laid_out(units: list[int], gap: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Units of so many one-character pieces, and a piece in each gap between them."""
    ends = list(accumulate(length + gap for length in units))
    spans = [(end - length - gap, end - gap) for end, length in zip(ends, units, strict=True)]
    return spans, [(place, place + 1) for place in range(ends[-1])]


@given(lengths, st.integers(0, 2), st.integers(4, 64))
def test_every_piece_is_in_one_window_in_order(units: list[int], gap: int, size: int) -> None:
    spans, offsets = laid_out(units, gap)
    ids = list(range(len(offsets)))
    cut = windows(ids, offsets, spans, size)
    assert [each for window in cut.ids for each in window] == ids
    assert all(1 <= len(window) <= size + gap for window in cut.ids)
    assert len(cut.owner) == len(ids)


@given(lengths, st.integers(40, 80))
def test_a_unit_that_fits_a_window_is_never_cut(units: list[int], size: int) -> None:
    spans, offsets = laid_out(units, 0)
    cut = windows(range(len(offsets)), offsets, spans, size)
    ends = set(accumulate(len(window) for window in cut.ids))
    assert ends <= {end for _, end in spans}


def test_a_piece_between_units_has_no_owner() -> None:
    assert owners([(0, 2), (2, 3), (4, 6), (7, 8)], [(0, 2), (4, 8)]).tolist() == [0, -1, 1, 1]


def test_a_unit_longer_than_a_window_is_cut_and_keeps_its_owner() -> None:
    cut = windows(range(20), [(n, n + 1) for n in range(20)], [(0, 3), (3, 18), (18, 20)], 6)
    assert [len(window) for window in cut.ids] == [3, 6, 6, 5]
    assert cut.owner.tolist() == [0] * 3 + [1] * 15 + [2] * 2


def test_no_text_has_no_windows() -> None:
    cut = windows([], [], [])
    assert cut.ids == [] and cut.owner.dtype == np.intp and len(cut.owner) == 0
