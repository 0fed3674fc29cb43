"""An adapter that is added to the weights: the same model, rounded to 8 bits once more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memoryops.compressors.qr_head.head import HeadWeights
from memoryops.encoders import Adapter, MiniLM, minilm
from memoryops.encoders.minilm import merging
from memoryops.encoders.minilm.adapter import LAYERS

MODEL = Path(minilm.__file__).with_name("model.onnx").read_bytes()
TEXTS = [
    "The committee approved the budget on Monday, and nobody asked what it was for.",
    "def main(arguments: list[str]) -> int: return 0",
    "She said she would never go back to that restaurant, but on Friday she did.",
]


def noise(scale: float) -> Adapter:
    rng = np.random.default_rng(3)
    return Adapter(**{n: rng.normal(0, scale, a.shape).astype(np.float32) for n, a in Adapter.zeros(4).feeds.items()})


def test_the_constants_are_those_that_onnx_reads() -> None:
    onnx = pytest.importorskip("onnx", reason="reads the file another way: pip install 'memoryops[dev]'")
    expected = {c.name: onnx.numpy_helper.to_array(c) for c in onnx.load_from_string(MODEL).graph.initializer}
    found = merging.constants(MODEL)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array), name


def test_each_weight_is_the_sum_to_half_a_step() -> None:
    own, adapter = merging.constants(MODEL), noise(0.02)
    found = merging.merged(own, adapter)
    assert len(found) == 2 * 6 * LAYERS
    added = adapter.ffn_out_a[4] @ adapter.ffn_out_b[4]
    wanted = own["layer4_ffn_out0_weight"] * own["layer4_ffn_out0_scale"] + added
    scale = found["layer4_ffn_out0_scale"]
    assert (np.abs(found["layer4_ffn_out0_weight"] * scale - wanted) <= 0.501 * scale).all()
    assert (np.abs(found["layer4_ffn_out0_weight"]).max(axis=0) == 127).all()


def test_zeros_change_no_bit() -> None:
    assert merging.merged(merging.constants(MODEL), Adapter.zeros(2)) == {}
    model = MiniLM(threads=1)
    windows = [model.encode_tokens(text).ids for text in TEXTS]
    for mine, plain in zip(
        model.window_states(windows, Adapter.zeros(2), merge=True), model.window_states(windows), strict=True
    ):
        assert np.array_equal(mine, plain)


def test_states_are_near_those_with_branches_and_follow_the_adapter() -> None:
    """The shipped adapter first, then another one, then the first again: the merged weights are those asked for."""
    model, shipped = MiniLM(threads=2), HeadWeights.load().adapter
    assert shipped is not None
    windows = [model.encode_tokens(text).ids for text in TEXTS]
    seen = []
    for adapter in (shipped, noise(0.05), shipped):
        merged = model.window_states(windows, adapter, merge=True)
        for mine, exact in zip(merged, model.window_states(windows, adapter), strict=True):
            cosines = (mine * exact).sum(1) / np.linalg.norm(mine, axis=1) / np.linalg.norm(exact, axis=1)
            assert cosines.mean() > 0.98
        seen.append(merged[0])
    assert np.array_equal(seen[0], seen[2]) and not np.array_equal(seen[0], seen[1])


def test_a_window_does_not_depend_on_its_neighbours_nor_on_threads() -> None:
    one, two = MiniLM(threads=1), MiniLM(threads=2)
    windows = [one.encode_tokens(text).ids for text in TEXTS] * 3
    adapter = noise(0.05)
    alone = [one.window_states([window], adapter, merge=True)[0] for window in windows]
    for mine, lonely in zip(two.window_states(windows, adapter, merge=True), alone, strict=True):
        assert np.array_equal(mine, lonely)
