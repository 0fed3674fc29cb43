"""The laws of the port for the compressor that a decoder stands behind, and what it keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memoryops.compressors import tokens
from memoryops.compressors.chain import Chain
from memoryops.compressors.errors import CompressorFailed, InvalidBudget, ModelUnavailable
from memoryops.compressors.extractive import Extractive
from memoryops.compressors.ports import Passage
from memoryops.compressors.qr_head.decoder import head_lists
from memoryops.compressors.qr_head.decoder.compressor import DecoderQRHead
from memoryops.compressors.qr_head.decoder.head_lists import HeadList
from memoryops.compressors.qr_head.decoder.scorer import QRHeadScorer
from memoryops.compressors.render import rendered

from ...strategies import BUDGETS, QUERIES, TEXTS, TYPES
from .models import DOCUMENTS, HEADS, model, tokenizer
from .test_detect import PLANTED, planted

pytestmark = pytest.mark.extra
pytest.importorskip("torch", reason="needs torch: pip install 'memoryops[qrhead]'")

few = settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
PASSAGES = st.lists(st.builds(Passage, st.just("p"), TEXTS, st.sampled_from(TYPES)), max_size=3)
COMPRESSOR = None


def compressor() -> DecoderQRHead:
    global COMPRESSOR  # noqa: PLW0603  # made once: a fixture would be made before torch is known to be there
    if COMPRESSOR is None:
        COMPRESSOR = DecoderQRHead(QRHeadScorer(model("llama"), tokenizer(), HEADS, window=600))
    return COMPRESSOR


@few
@given(PASSAGES, QUERIES.filter(str.strip), BUDGETS)
def test_laws(passages: list[Passage], query: str, budget: int) -> None:
    kept = compressor().compress(passages, query, budget)
    assert tokens.count(kept.text) == kept.tokens_after <= budget
    assert kept.tokens_before == sum(tokens.count(passage.text) for passage in passages)
    assert kept == compressor().compress(passages, query, budget)
    assert kept.texts == rendered(passages, kept.spans)
    at = (0, 0)
    for span in kept.spans:
        assert (span.passage, span.start) >= at
        at = (span.passage, span.end)
        assert passages[span.passage].text[span.start : span.end] in kept.texts[span.passage]
    if kept.tokens_before <= budget:
        assert kept.texts == tuple(passage.text for passage in passages)


@few
@given(TEXTS, st.sampled_from(TYPES), QUERIES.filter(str.strip), BUDGETS)
def test_compressing_again_changes_nothing(text: str, content_type: str, query: str, budget: int) -> None:
    once = compressor().compress([Passage("a", text, content_type)], query, budget).text
    assert compressor().compress([Passage("a", once, content_type)], query, budget).text == once


@pytest.mark.parametrize("length_normalized", [False, True])
def test_the_unit_with_the_asked_word_is_kept(length_normalized: bool) -> None:
    text = (
        "Here under the old wall lies gobtul. On the hill beside it there stood kirfam. "
        "And last of all came pelsod in the rain. Nobody ever saw the rest of them."
    )
    words = tokenizer(known=["gobtul", "kirfam", "pelsod"])
    scorer = QRHeadScorer(planted(), words, [PLANTED], length_normalized=length_normalized)
    kept = DecoderQRHead(scorer).compress([Passage("a", text)], "kirfam kirfam", 13)
    assert kept.text == "On the hill beside it there stood kirfam."
    assert kept.compressor == "qr_head_decoder"


def test_without_a_query_the_next_compressor_is_asked() -> None:
    passages = [Passage(str(number), text) for number, text in enumerate(DOCUMENTS)]
    with pytest.raises(CompressorFailed, match="need a query"):
        compressor().compress(passages, " ", 20)
    kept = Chain([compressor(), Extractive()]).compress(passages, " ", 20)
    assert kept.compressor == "extractive"
    assert kept.reason == "qr_head_decoder: retrieval heads need a query, and there is none"


def test_top_k_caps_the_budget() -> None:
    passages = [Passage(str(number), text) for number, text in enumerate(DOCUMENTS)]
    scorer = QRHeadScorer(model("llama"), tokenizer(), HEADS)
    assert DecoderQRHead(scorer, top_k=15).compress(passages, "kite", 1000).tokens_after <= 15
    with pytest.raises(InvalidBudget):
        DecoderQRHead(scorer, top_k=-1)


def test_a_model_by_path_is_loaded_when_first_asked(tmp_path: Path) -> None:
    model("llama").save_pretrained(tmp_path / "model")
    tokenizer().save_pretrained(tmp_path / "model")
    head_lists.write(HeadList("m", HEADS), tmp_path / "heads.json")
    passages = [Passage(str(number), text) for number, text in enumerate(DOCUMENTS)]
    made = DecoderQRHead(tmp_path / "model", heads=tmp_path / "heads.json", device="cpu")
    scorer = QRHeadScorer(model("llama"), tokenizer(), HEADS)
    assert made.compress(passages, "kite", 20).spans == DecoderQRHead(scorer).compress(passages, "kite", 20).spans
    with pytest.raises(ModelUnavailable):
        DecoderQRHead(tmp_path / "none", heads=tmp_path / "heads.json").compress(passages, "kite", 20)
