"""Another encoder for a folder: everything is found as before, an interruption costs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from memoryops.encoders.errors import EncoderError
from memoryops.encoders.hashing import HashingEncoder
from memoryops.encoders.registry import load
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.embedded.reembed import reembed
from memoryops.stores.errors import EncoderMismatch, InvalidRequest, StoreBusy
from memoryops.stores.ports import Put, Query


def filled(folder: Path, count: int = 200) -> None:
    store = EmbeddedStore(folder, load, "hashing:64")
    for n in range(count):
        store.write("w", [Put("memory", f"p{n}", {"item": f"i{n}"}, f"passage number {n} of the lot")])
    store.close()


def test_the_folder_works_with_its_new_encoder_only(data_dir: Path) -> None:
    filled(data_dir)
    steps: list[tuple[int, int]] = []
    assert reembed(data_dir, load, "hashing:32", lambda done, total: steps.append((done, total))) == 200
    assert steps[-1] == (200, 200)
    with pytest.raises(EncoderMismatch):
        EmbeddedStore(data_dir, load, "hashing:64")
    store = EmbeddedStore(data_dir, load)
    assert store.info().dimension == 32
    assert store.verify() == {"checked": 200, "missing": 0, "stale": 0, "surplus": 0}
    found = store.search("w", Query("passage number 17 of the lot", limit=200))
    expected = HashingEncoder(32).embed(["passage number 17 of the lot"])[0]
    best = max(found, key=lambda each: each.dense or 0)
    assert best.dense == pytest.approx(float(expected @ expected), abs=1e-3)
    store.write("w", [Put("memory", "new", {"item": "new"}, "a new one")])
    store.close()


class Interrupted(HashingEncoder):
    """Fails after a number of calls, as a lost connection would."""

    def __init__(self, calls: int) -> None:
        super().__init__(32)
        self.calls = calls

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        self.calls -= 1
        if self.calls < 0:
            raise EncoderError("the connection was lost")
        return super().embed(texts)


def test_an_interrupted_run_changes_nothing_and_goes_on_later(data_dir: Path) -> None:
    filled(data_dir)
    with pytest.raises(EncoderError, match="lost"):
        reembed(data_dir, lambda spec: Interrupted(2), "hashing:32")
    store = EmbeddedStore(data_dir, load, "hashing:64")
    store.write("w", [Put("memory", "p0", {"item": "i0"}, "changed meanwhile")])
    assert store.verify()["stale"] == 0
    store.close()

    counting = Interrupted(1000)
    reembed(data_dir, lambda spec: counting, "hashing:32")
    assert 1000 - counting.calls < 6
    store = EmbeddedStore(data_dir, load, "hashing:32")
    assert [c.point.id for c in store.search("w", Query("meanwhile", limit=1, dense=False))] == ["p0"]
    assert store.embedding("w") == "ready"
    store.close()


def test_a_folder_in_use_or_without_a_memory_is_refused(data_dir: Path) -> None:
    with pytest.raises(InvalidRequest, match="holds no memory"):
        reembed(data_dir / "nothing", load, "hashing:32")
    filled(data_dir, 2)
    store = EmbeddedStore(data_dir, load)
    with pytest.raises(StoreBusy):
        reembed(data_dir, load, "hashing:32")
    store.close()
