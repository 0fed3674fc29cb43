"""Keys are kept with 8 bits, by window, and never more of them than allowed."""

from collections.abc import Sequence

import numpy as np
import pytest

from memoryops.compressors.qr_head.keys import KeyCache, Keys, joined


def random_keys(number: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(number, 64)).astype(np.float32)


def test_eight_bits_lose_little() -> None:
    rows = random_keys(500)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    kept = Keys.of(rows).rows
    assert np.linalg.norm(kept, axis=1) == pytest.approx(1, abs=1e-5)
    assert (kept * unit).sum(axis=1).min() > 0.9995


class Maker:
    """Makes keys and remembers which windows it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    def __call__(self, missing: Sequence[Sequence[int]]) -> list[Keys]:
        self.asked.extend(tuple(each) for each in missing)
        return [Keys.of(random_keys(len(each), seed=sum(each))) for each in missing]


def test_a_window_is_made_once() -> None:
    cache, make = KeyCache(100), Maker()
    first = cache.get([[1, 2], [3], [1, 2]], make)
    again = cache.get([[3], [1, 2]], make)
    assert make.asked == [(1, 2), (3,)]
    assert again[1] is first[0] is first[2] and again[0] is first[1]
    assert len(cache) == 3


def test_the_least_recently_used_go_first() -> None:
    cache, make = KeyCache(4), Maker()
    cache.get([[1, 1], [2, 2]], make)
    cache.get([[1, 1]], make)
    cache.get([[3]], make)
    assert len(cache) == 3
    cache.get([[1, 1]], make)
    assert make.asked == [(1, 1), (2, 2), (3,)]
    cache.get([[2, 2]], make)
    assert make.asked[-1] == (2, 2)


def test_a_window_larger_than_the_cache_is_given_and_not_kept() -> None:
    cache = KeyCache(2)
    (keys,) = cache.get([[1, 2, 3]], Maker())
    assert len(keys) == 3 and len(cache) == 0


def test_joined_keeps_the_order() -> None:
    one, other = Keys.of(random_keys(3)), Keys.of(random_keys(2, seed=1))
    assert (joined([one, other]).rows == np.concatenate([one.rows, other.rows])).all()
