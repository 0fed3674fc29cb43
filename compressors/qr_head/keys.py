"""Keys as they are kept: 8 bits a number, by window, the least recently used ones let go of."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MOST_KEYS = 400_000
"""Keys that one process keeps: 53 MB at 128 dimensions."""


@dataclass(frozen=True, slots=True, eq=False)
class Keys:
    """*values*: (keys, dimension) int8; *scale*: (keys,) float32, by which a row's length becomes 1."""

    values: NDArray[np.int8]
    scale: Floats

    def __len__(self) -> int:
        return len(self.scale)

    @classmethod
    def of(cls, rows: Floats) -> Keys:
        """*rows* (n, dimension), each brought to length 1 and to 8 bits; none of them may be all zeros."""
        most = np.abs(rows).max(axis=1, keepdims=True)
        values = np.rint(rows * (127 / most)).astype(np.int8)
        length = np.sqrt(np.einsum("ij,ij->i", values, values, dtype=np.float32))
        return cls(values, (1 / length).astype(np.float32))

    @property
    def rows(self) -> Floats:
        """The keys, (n, dimension) float32, each of length 1."""
        rows = self.values.astype(np.float32)
        rows *= self.scale[:, None]
        return rows


def joined(several: Sequence[Keys]) -> Keys:
    """All of *several*, in order."""
    return Keys(np.concatenate([each.values for each in several]), np.concatenate([each.scale for each in several]))


class KeyCache:
    """Keys by their window's word pieces. Safe to use from several threads."""

    def __init__(self, most_keys: int = MOST_KEYS) -> None:
        self._most, self._held = most_keys, 0
        self._found: OrderedDict[bytes, Keys] = OrderedDict()
        self._lock = Lock()

    def get(self, windows: Sequence[Sequence[int]], make: Callable[[list[Sequence[int]]], list[Keys]]) -> list[Keys]:
        """The keys of each of *windows*; those that are not held come from *make*, each window once."""
        names = [hashlib.blake2b(np.asarray(each, np.int32).tobytes(), digest_size=16).digest() for each in windows]
        with self._lock:
            found = {name: self._found[name] for name in names if name in self._found}
            for name in found:
                self._found.move_to_end(name)
        missing = {name: each for name, each in zip(names, windows, strict=True) if name not in found}
        made = dict(zip(missing, make(list(missing.values())), strict=True)) if missing else {}
        with self._lock:
            for name, keys in made.items():
                self._keep(name, keys)
        found.update(made)
        return [found[name] for name in names]

    def _keep(self, name: bytes, keys: Keys) -> None:
        if name in self._found or len(keys) > self._most:
            return
        self._found[name] = keys
        self._held += len(keys)
        while self._held > self._most:
            _, gone = self._found.popitem(last=False)
            self._held -= len(gone)

    def __len__(self) -> int:
        """How many keys are held."""
        return self._held
