"""Fusion is a weighted sum whose weights depend on the share that may be kept; signals are comparable numbers."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.compressors.qr_head import fusion
from memoryops.compressors.qr_head.signals import NAMES, chance, smoothed, standard


def test_weights_move_with_the_share() -> None:
    signals = {"head": np.array([1.0, 0.0], np.float32), "near": np.array([0.0, 1.0], np.float32)}
    weights = {"head": [1.0, 0.0], "near": [0.5, 0.5]}
    assert fusion.fused(signals, weights, 0.1).tolist() == [1.0, 0.5]
    assert fusion.fused(signals, weights, 0.4).tolist() == [1.0, 1.5]
    assert fusion.fused(signals, weights, 0.05).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(("share", "as_if"), [(0.0, 0.02), (0.001, 0.02), (0.9, 0.5), (7.0, 0.5)])
def test_beyond_the_fitted_shares_the_ends_hold(share: float, as_if: float) -> None:
    assert fusion.doublings(share) == fusion.doublings(as_if) == math.log2(as_if / 0.1)


def test_the_weights_of_the_package_name_signals_that_there_are() -> None:
    weights = fusion.load()
    assert weights.keys() <= set(NAMES) and weights["head"][0] > 0
    assert all(len(pair) == 2 and all(map(math.isfinite, pair)) for pair in weights.values())


def test_weights_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "fusion.json"
    path.write_text(json.dumps({"head": [1, 0]}))
    assert fusion.load(path) == {"head": [1, 0]}


@given(st.lists(st.floats(-100, 100, width=32), max_size=50))
def test_standard_numbers(values: list[float]) -> None:
    found = standard(np.array(values, np.float32))
    assert np.isfinite(found).all()
    if len(values) and float(np.std(np.array(values, np.float32))) > 1e-3:
        assert abs(float(found.mean())) < 1e-2 and float(found.std()) == pytest.approx(1, abs=1e-2)


def test_smoothing_stays_within_a_passage() -> None:
    values = np.array([1, 1, 1, 0, 0, 0], np.float32)
    passage = np.array([0, 0, 0, 1, 1, 1])
    assert smoothed(values, passage, 3).tolist() == pytest.approx([1, 1, 1, 0, 0, 0])
    one = smoothed(values, np.zeros(6, np.intp), 1)
    assert one[0] > one[2] > one[3] > one[5] > 0


def test_surroundings_that_tell_nothing_are_not_made_to() -> None:
    """In a text shorter than the bell a mean around each unit only says which end of the text is nearer."""
    values = np.array([0, 0, 1, 0, 0, 0], np.float32)
    around = smoothed(values, np.zeros(6, np.intp), 8)
    assert standard(around).std() == pytest.approx(1, abs=1e-2)
    assert standard(around, chance(values, 8)).std() < 0.2


def test_surroundings_of_a_long_text_count_as_ever() -> None:
    values = np.repeat(np.array([0, 1, 0, 1], np.float32), 60)
    around = smoothed(values, np.zeros(len(values), np.intp), 8)
    assert standard(around, chance(values, 8)).tolist() == standard(around).tolist()
