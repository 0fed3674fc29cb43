"""Laws of cutting, packing and merging, and of what is left out as an outlier. Needs no torch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memoryops.compressors.qr_head.decoder.parts import Read, Slice, merged, packed, sliced
from memoryops.compressors.qr_head.decoder.scores import counting, scored, totals

from ...strategies import law

LENGTHS = st.lists(st.integers(1, 400), max_size=12)


def cut_all(lengths: list[int], room: int, overlap: int) -> list[Slice]:
    """Documents of these many tokens, two characters to a token, and 3 for a number."""
    return [
        each
        for number, length in enumerate(lengths)
        for each in sliced(number, 2 * length, np.arange(0, 2 * length, 2), length + 3, room, overlap)
    ]


@law
@given(LENGTHS, st.integers(16, 300), st.floats(0, 0.9))
def test_every_slice_and_part_fits_and_nothing_is_missing(lengths: list[int], room: int, share: float) -> None:
    overlap = int(share * room)
    slices = cut_all(lengths, room, overlap)
    parts = packed(slices, room, overlap)
    assert all(0 < sum(each.tokens for each in part) <= room for part in parts)
    for part in parts:
        start = slices.index(part[0])
        assert part == slices[start : start + len(part)]
    assert {(each.document, each.start) for part in parts for each in part} == {(e.document, e.start) for e in slices}
    for number, length in enumerate(lengths):
        own = [each for each in slices if each.document == number]
        assert own[0].start == 0
        assert own[-1].end == 2 * length
        assert all(after.start <= before.end for before, after in pairwise(own))
        if length + 3 <= room:
            assert len(own) == 1


@law
@given(st.integers(1, 300), st.integers(16, 200), st.floats(0, 0.9))
def test_merging_gives_every_token_once(length: int, room: int, share: float) -> None:
    slices = cut_all([length], room, int(share * room))
    reads = []
    for each in slices:
        starts = np.arange(each.start, each.end, 2)
        reads.append(Read(each, starts, starts + 2, starts[None].astype(np.float32), np.ones((1, 3), np.float32)))
    whole = merged([*reads, *reads])
    assert list(whole.starts) == list(range(0, 2 * length, 2))
    assert list(whole.scores[0]) == list(range(0, 2 * length, 2))
    assert whole.label.shape == (1, 3)


def test_parts_are_of_about_equal_size() -> None:
    parts = packed(cut_all([7] * 11, 100, 0), 100, 0)
    assert [len(part) for part in parts] == [6, 5]


def test_what_lies_far_below_is_left_out() -> None:
    scores = np.array([[1.0] * 9 + [-50.0], [2.0] * 10], np.float32)
    assert counting(scores).sum(axis=1).tolist() == [9, 10]
    read = Read(Slice(0, 0, 20, 10), np.arange(0, 20, 2), np.arange(2, 22, 2), scores, np.zeros((2, 0), np.float32))
    assert totals(read, length_normalized=False).tolist() == [9.0, 20.0]
    assert totals(read, length_normalized=True).tolist() == [1.0, 2.0]
    assert scored(read, length_normalized=False).counts.tolist() == [True] * 9 + [False]


def test_one_token_or_none_has_no_outlier() -> None:
    for count in (0, 1):
        scores = np.full((1, count), -0.5, np.float32)
        read = Read(Slice(0, 0, count, count), np.arange(count), np.arange(count) + 1, scores, scores[:, :0])
        assert totals(read, length_normalized=False).tolist() == [-0.5 * count]
