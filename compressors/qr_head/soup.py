"""One adapter out of several runs: the mean of what they changed, scaled, brought back to a low rank.

    python -m memoryops.compressors.qr_head.soup --runs RUN0 RUN1 RUN2 --out SOUP

The mean of several runs' weights answers better than the mean of their answers costs (model soups, Wortsman et al.
2022), and part of the way from the base model to what was trained keeps more of what the base model knew about texts
unlike the training data (WiSE-FT, Wortsman et al. 2022). *SOUP* gets `adapter.npz` and `gate.npy`, as a run has them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...encoders.minilm.adapter import ADAPTER_SHAPES, Adapter
from .head import ADAPTER

GATE = "gate.npy"
RANK, SCALE = 24, 1.2
MAPS = ("attention", "ffn_in", "ffn_out")

Floats = NDArray[np.float32]


def mean(adapters: Sequence[Adapter], rank: int, scale: float) -> Adapter:
    """*scale* times the mean of the weight changes of *adapters*, as near to it as *rank* allows (least squares)."""
    arrays: dict[str, Floats] = {}
    for name in MAPS:
        left = np.concatenate([each.feeds[f"{name}_a"] for each in adapters], axis=-1)
        right = np.concatenate([each.feeds[f"{name}_b"] for each in adapters], axis=-2)
        right *= np.float32(scale / len(adapters))
        arrays[f"{name}_a"], arrays[f"{name}_b"] = lowered(left, right, rank)
    assert set(arrays) == set(ADAPTER_SHAPES)
    return Adapter(**arrays)


def lowered(left: Floats, right: Floats, rank: int) -> tuple[Floats, Floats]:
    """The two factors of *rank* whose product is nearest to that of *left* (…, n, r) and *right* (…, r, m).

    A *rank* of more than r is filled up with zeros.
    """
    outer, inner = np.linalg.qr(left.astype(np.float64))
    other, turned = np.linalg.qr(np.swapaxes(right.astype(np.float64), -1, -2))
    ahead, sizes, behind = np.linalg.svd(inner @ np.swapaxes(turned, -1, -2))
    roots = np.sqrt(sizes[..., :rank])
    one = (outer @ ahead[..., :rank]) * roots[..., None, :]
    two = np.swapaxes(other @ np.swapaxes(behind[..., :rank, :], -1, -2), -1, -2) * roots[..., :, None]
    missing = rank - roots.shape[-1]
    if missing > 0:
        still = [(0, 0)] * (one.ndim - 2)
        one, two = np.pad(one, [*still, (0, 0), (0, missing)]), np.pad(two, [*still, (0, missing), (0, 0)])
    return one.astype(np.float32), two.astype(np.float32)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="folders that train.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for the mean")
    parser.add_argument("--rank", type=int, default=RANK, help=f"of the mean (default: {RANK})")
    parser.add_argument("--scale", type=float, default=SCALE, help=f"of the mean change (default: {SCALE})")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    mixed = mean([Adapter.load(run / ADAPTER) for run in chosen.runs], chosen.rank, chosen.scale)
    feeds = {name: array.astype(np.float16) for name, array in mixed.feeds.items()}
    with (chosen.out / ADAPTER).open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **feeds)
    np.save(chosen.out / GATE, np.mean([np.load(run / GATE) for run in chosen.runs], axis=0).astype(np.float32))
    print(chosen.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
