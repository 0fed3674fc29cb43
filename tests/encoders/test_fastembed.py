"""The fastembed encoder over a real model folder: our own model in the layout that fastembed reads."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from memoryops.encoders import Encoder, EncoderUnavailable, FastEmbedEncoder, MiniLM, minilm

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
SHIPPED = Path(minilm.__file__).parent
TEXTS = ["A cat sleeps.", "", "The market fell by three percent on Tuesday.", "x" * 3000, "\ud800 🎉\x00"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """fastembed pools the first output, (batch, tokens, 384), itself; the adapter inputs have defaults."""
    pytest.importorskip("fastembed", reason="needs fastembed: pip install 'memoryops[fastembed]'")
    target = tmp_path_factory.mktemp("model")
    for name in ("model.onnx", "tokenizer.json"):
        shutil.copy(SHIPPED / name, target / name)
    settings = {
        "config.json": {"pad_token_id": 0},
        "tokenizer_config.json": {"pad_token": "[PAD]", "model_max_length": 256},
        "special_tokens_map.json": {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"},
    }
    for name, content in settings.items():
        (target / name).write_text(json.dumps(content))
    return target


@pytest.fixture(scope="module")
def encoder(folder: Path) -> FastEmbedEncoder:
    return FastEmbedEncoder(MODEL, folder, threads=1)


def test_it_measures_what_it_promises(encoder: FastEmbedEncoder) -> None:
    assert isinstance(encoder, Encoder)
    assert (encoder.dimension, encoder.max_tokens) == (384, 256)
    assert encoder.name == f"fastembed:{MODEL}"


def test_vectors_equal_those_of_the_shipped_encoder(encoder: FastEmbedEncoder) -> None:
    vectors = encoder.embed(TEXTS)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (vectors * MiniLM(threads=1).embed(TEXTS)).sum(axis=1).min() > 0.999
    assert np.allclose(encoder.embed_query(TEXTS[0]), vectors[0], atol=1e-6)
    assert encoder.embed([]).shape == (0, 384)


def test_a_vector_does_not_depend_on_its_neighbours(encoder: FastEmbedEncoder) -> None:
    assert np.array_equal(encoder.embed(TEXTS)[2], encoder.embed([TEXTS[2]])[0])


def test_the_fingerprint_follows_the_files(encoder: FastEmbedEncoder, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    assert FastEmbedEncoder(MODEL, other).fingerprint == encoder.fingerprint
    with (other / "tokenizer.json").open("a") as file:
        file.write(" ")
    assert FastEmbedEncoder(MODEL, other).fingerprint != encoder.fingerprint


def test_a_missing_folder_is_said(folder: Path) -> None:
    with pytest.raises(EncoderUnavailable, match=r"missing.*does not exist"):
        FastEmbedEncoder(MODEL, folder / "missing").embed(["x"])


@pytest.mark.parametrize("broken", ["model.onnx", "tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("content", [None, b"not a model"])
def test_a_broken_folder_is_said(folder: Path, tmp_path: Path, broken: str, content: bytes | None) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / broken).unlink()
    if content is not None:
        (copy / broken).write_bytes(content)
    with pytest.raises(EncoderUnavailable, match="memoryops models pull"):
        FastEmbedEncoder(MODEL, copy).embed(["x"])


def test_an_unknown_model_is_said(folder: Path) -> None:
    with pytest.raises(EncoderUnavailable, match="does not know the model 'no/such'"):
        FastEmbedEncoder("no/such", folder).embed(["x"])


def test_nothing_is_downloaded_unasked(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network_attempts: list[str]
) -> None:
    monkeypatch.setenv("FASTEMBED_CACHE_PATH", str(tmp_path))
    with pytest.raises(EncoderUnavailable, match="from fastembed's cache"):
        FastEmbedEncoder(MODEL).embed(["x"])
    assert not network_attempts


def test_without_the_extra_the_command_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastembed", None)  # how Python marks what cannot be imported
    with pytest.raises(EncoderUnavailable, match=r"pip install 'memoryops\[fastembed\]'"):
        FastEmbedEncoder(MODEL).embed(["x"])
