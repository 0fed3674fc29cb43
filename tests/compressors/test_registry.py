"""Compressors by name."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest

from memoryops.compressors import registry
from memoryops.compressors.chain import standard
from memoryops.compressors.errors import MissingExtra, UnknownCompressor
from memoryops.compressors.llm import LLMConfig
from memoryops.compressors.qr_head.decoder.config import DecoderConfig

CONFIGS: dict[str, object] = {
    "llm": LLMConfig("m", "http://127.0.0.1:9/v1"),
    "qr_head_decoder": DecoderConfig("no/such/model"),
}


@pytest.mark.parametrize("name", registry.COMPRESSORS)
def test_each_is_made_by_its_name(name: str) -> None:
    if name == "qr_head_decoder" and find_spec("peft") is None:
        with pytest.raises(MissingExtra, match="qrhead"):
            registry.make(name, CONFIGS[name])
        return
    assert registry.make(name, CONFIGS.get(name)).name == name


def test_the_standard_chain_is_what_every_install_has() -> None:
    assert standard().name == " > ".join(registry.DEFAULT)
    assert standard(("truncate",)).name == "truncate"
    assert standard(("llm", "truncate"), CONFIGS).name == "llm > truncate"


def test_a_list_of_names_is_read_in_order() -> None:
    assert registry.parse(" truncate ,extractive,") == ("truncate", "extractive")


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "names no compressor"), (" ,", "names no compressor"), ("zip", "'zip'"), ("truncate,truncate", "twice")],
)
def test_a_name_that_is_none_is_refused_with_those_there_are(text: str, told: str) -> None:
    with pytest.raises(UnknownCompressor, match=re.escape(told)) as caught:
        registry.parse(text)
    assert "twice" in told or all(name in str(caught.value) for name in registry.COMPRESSORS)


def test_an_unknown_one_is_not_made() -> None:
    with pytest.raises(UnknownCompressor, match="no compressor is called 'zip'"):
        registry.make("zip")
