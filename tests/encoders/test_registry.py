"""Encoders by name."""

from __future__ import annotations

import pytest

from memoryops import encoders
from memoryops.encoders import (
    EncoderError,
    EncoderUnavailable,
    FastEmbedEncoder,
    MiniLM,
    OpenAIEncoder,
    UnknownEncoder,
    load,
)


def test_the_default_is_minilm() -> None:
    assert isinstance(load(), MiniLM)
    assert load("minilm", threads=1).fingerprint == MiniLM().fingerprint


@pytest.mark.parametrize(
    ("spec", "kind", "name"),
    [
        ("fastembed:BAAI/bge-small-en-v1.5", FastEmbedEncoder, "fastembed:BAAI/bge-small-en-v1.5"),
        ("fastembed:a/b@/models/x y@2", FastEmbedEncoder, "fastembed:a/b"),
        (
            "openai:text-embedding-3-small@https://h/v1",
            OpenAIEncoder,
            "openai:text-embedding-3-small@https://h/v1",
        ),
        ("openai:@cf/baai/bge-m3@https://h/v1/", OpenAIEncoder, "openai:@cf/baai/bge-m3@https://h/v1"),
    ],
)
def test_specs(spec: str, kind: type, name: str) -> None:
    encoder = load(spec, api_key="secret")
    assert isinstance(encoder, kind)
    assert encoder.name == name
    assert "secret" not in repr(encoder)


@pytest.mark.parametrize(
    "spec",
    ["", "MiniLM", "fastembed:", "openai:model", "openai:model@ftp://x", "openai:@https://h/v1", "bert"],
)
def test_unknown_specs_name_the_valid_forms(spec: str) -> None:
    with pytest.raises(UnknownEncoder, match=r"minilm, fastembed:NAME, .*openai:MODEL@"):
        load(spec)


def test_every_public_name_is_there() -> None:
    for name in encoders.__all__:
        assert getattr(encoders, name).__name__ == name
    with pytest.raises(AttributeError, match="nothing"):
        encoders.nothing  # noqa: B018 - the access is the test


def test_errors_form_one_tree() -> None:
    for name in encoders.__all__:
        value = getattr(encoders, name)
        if isinstance(value, type) and issubclass(value, Exception):
            assert issubclass(value, EncoderError)
    assert issubclass(encoders.EncoderTimeout, EncoderUnavailable)
