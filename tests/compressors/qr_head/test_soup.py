"""The mean of several runs: their mean change, as near to it as the rank allows, in the form that the encoder takes."""

from pathlib import Path

import numpy as np
import pytest

from memoryops.compressors.qr_head.soup import main, mean
from memoryops.encoders.minilm import Adapter
from memoryops.encoders.minilm.adapter import ADAPTER_SHAPES


def adapter(rank: int, seed: int) -> Adapter:
    chance = np.random.default_rng(seed)
    shapes = {name: [rank if size == "rank" else int(size) for size in shape] for name, shape in ADAPTER_SHAPES.items()}
    return Adapter(**{name: 0.1 * chance.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()})


def change(of: Adapter, name: str) -> np.ndarray:
    return np.asarray(of.feeds[f"{name}_a"] @ of.feeds[f"{name}_b"])


@pytest.mark.parametrize("name", ["attention", "ffn_in", "ffn_out"])
def test_with_rank_enough_the_mean_is_exact_and_scaled(name: str) -> None:
    runs = [adapter(2, seed) for seed in range(3)]
    wanted = 0.5 * np.mean([change(each, name) for each in runs], axis=0)
    for rank in (6, 8):
        mixed = mean(runs, rank, 0.5)
        assert mixed.rank == rank
        np.testing.assert_allclose(change(mixed, name), wanted, atol=1e-5)


def test_with_less_rank_it_is_the_nearest_there_is() -> None:
    runs = [adapter(2, seed) for seed in range(3)]
    wanted = np.mean([change(each, "attention")[0, 0] for each in runs], axis=0)
    sizes = np.linalg.svd(wanted, compute_uv=False)
    left = np.linalg.norm(wanted - change(mean(runs, 4, 1.0), "attention")[0, 0])
    assert left == pytest.approx(np.linalg.norm(sizes[4:]), rel=1e-3)


def test_it_writes_what_a_run_has(tmp_path: Path) -> None:
    for seed in range(2):
        (tmp_path / str(seed)).mkdir()
        adapter(2, seed).save(tmp_path / str(seed) / "adapter.npz")
        np.save(tmp_path / str(seed) / "gate.npy", np.full(384, seed, np.float32))
    runs = [str(tmp_path / str(seed)) for seed in range(2)]
    assert main(["--runs", *runs, "--out", str(tmp_path / "soup"), "--rank", "4", "--scale", "1"]) == 0
    assert Adapter.load(tmp_path / "soup" / "adapter.npz").rank == 4
    assert np.load(tmp_path / "soup" / "gate.npy").tolist() == [0.5] * 384
