"""Low-rank adapters: off is off, and on is what the arithmetic says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memoryops.encoders import Adapter, AdapterInvalid, MiniLM

REFERENCE = Path(__file__).with_name("reference.py")
TEXTS = ["The committee approved the budget on Monday.", "def main(): return 0", "Ja, 12 Äpfel!", "a"]


def load_reference() -> Any:
    spec = importlib.util.spec_from_file_location("encoders_reference", REFERENCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAPS = {"query": 0, "key": 1, "value": 2, "attention output": 3}


def hand_made(rank: int, only: str | None = None, scale: float = 0.2) -> Adapter:
    """Noise in every map, or in *only* one of each layer."""
    rng = np.random.default_rng(7)
    feeds = {name: array.copy() for name, array in Adapter.zeros(rank).feeds.items()}
    for name, array in feeds.items():
        noise = rng.normal(0, scale, array.shape).astype(np.float32)
        if only is None or name.startswith(only):
            feeds[name] = noise
        elif only in MAPS and name.startswith("attention"):
            feeds[name][:, MAPS[only]] = noise[:, MAPS[only]]
    return Adapter(**feeds)


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM(threads=1)


def cosines(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    result: np.ndarray[Any, Any] = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return result


@pytest.mark.parametrize("rank", [1, 4])
def test_an_adapter_of_zeros_changes_no_bit(minilm: MiniLM, rank: int) -> None:
    assert np.array_equal(MiniLM(threads=1, adapter=Adapter.zeros(rank)).embed(TEXTS), minilm.embed(TEXTS))


def test_plain_states_equal_the_reference(minilm: MiniLM) -> None:
    pytest.importorskip("onnx", reason="reads the shipped weights: pip install 'memoryops[dev]'")
    reference = load_reference()
    bert = reference.NumpyBert(reference.shipped_weights())
    for text in TEXTS:
        ((states, _),) = minilm.token_states([text], special=True)
        assert cosines(states, bert.states([101, *minilm.encode_tokens(text).ids, 102])).min() > 0.999


@pytest.mark.parametrize("only", [None, "query", "key", "value", "attention output", "ffn_in", "ffn_out"])
def test_adapted_states_equal_the_reference(minilm: MiniLM, only: str | None) -> None:
    """What remains is a rounding to 8 bits that fell to the other side, here and there."""
    pytest.importorskip("onnx", reason="reads the shipped weights: pip install 'memoryops[dev]'")
    reference = load_reference()
    adapter = hand_made(2, only)
    bert = reference.NumpyBert(reference.shipped_weights(), adapter)
    agreement: list[float] = []
    change: list[float] = []
    for text in TEXTS[:3]:
        ids = [101, *minilm.encode_tokens(text).ids, 102]
        ((plain, _),) = minilm.token_states([text], special=True)
        ((states, _),) = minilm.token_states([text], adapter, special=True)
        agreement.extend(cosines(states, bert.states(ids)))
        change.extend(cosines(states, plain))
    assert np.median(agreement) > 0.9999
    assert min(agreement) > 0.9
    assert np.mean(change) < 0.98


def test_adapted_vectors_do_not_depend_on_the_batch() -> None:
    adapted = MiniLM(threads=1, adapter=hand_made(3))
    many = adapted.embed([*TEXTS, *["some other passage of words"] * 70])
    assert np.array_equal(many[: len(TEXTS)], np.stack([adapted.embed_query(text) for text in TEXTS]))


def test_the_adapter_is_part_of_the_fingerprint(minilm: MiniLM) -> None:
    one, other = hand_made(2), hand_made(2, scale=0.1)
    prints = {minilm.fingerprint, *(MiniLM(adapter=a).fingerprint for a in (one, other, hand_made(2)))}
    assert len(prints) == 3


def test_save_and_load_keep_every_bit(tmp_path: Path) -> None:
    adapter = hand_made(2)
    adapter.save(tmp_path / "adapter.npz")
    adapter.save(tmp_path / "again.npz")
    assert Adapter.load(tmp_path / "adapter.npz").fingerprint == adapter.fingerprint
    assert (tmp_path / "adapter.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()


def test_wrong_shapes_and_values_are_refused() -> None:
    feeds = Adapter.zeros(2).feeds
    for broken in (
        {"ffn_in_a": np.zeros((6, 384, 3), np.float32)},
        {"attention_b": np.full((6, 4, 2, 384), np.nan, np.float32)},
        {"attention_a": np.zeros((), np.float32)},
    ):
        with pytest.raises(AdapterInvalid, match=next(iter(broken))):
            Adapter(**{**feeds, **broken})
    with pytest.raises(AdapterInvalid, match="rank >= 1"):
        Adapter.zeros(0)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"not an archive"])
def test_a_file_that_is_no_adapter_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "adapter.npz"
    path.write_bytes(content)
    with pytest.raises(AdapterInvalid, match=r"adapter\.npz"):
        Adapter.load(path)
