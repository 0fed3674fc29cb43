"""Detection finds a head that was planted among random ones: one that attends to the query's own words."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from memoryops.compressors.qr_head.decoder import head_lists
from memoryops.compressors.qr_head.decoder.detect import METHODS, Method, detect
from memoryops.compressors.qr_head.decoder.questions import Question
from memoryops.compressors.qr_head.decoder.scorer import QRHeadScorer

from .models import model, tokenizer

pytestmark = pytest.mark.extra
torch = pytest.importorskip("torch", reason="needs torch: pip install 'memoryops[qrhead]'")

PLANTED = (1, 2)


def planted() -> Any:
    """A Llama whose head 1-2 compares tokens by identity, at any distance."""
    # With this base all but the first two pairs of a head's dimensions are hardly rotated at all.
    own = {"hidden_size": 128, "head_dim": 32, "rope_parameters": {"rope_type": "default", "rope_theta": 1e12}}
    made = model("llama", initializer_range=0.05, **own)
    with torch.no_grad():
        made.model.embed_tokens.weight.normal_(0, 1)
        made.model.layers[0].self_attn.o_proj.weight.zero_()
        made.model.layers[0].mlp.down_proj.weight.zero_()
        identity = torch.zeros(32, 128)
        still = [*range(4, 16), *range(20, 32)]
        identity[still] = torch.randn(len(still), 128) * 0.2
        attention = made.model.layers[1].self_attn
        attention.q_proj.weight[64:96] = identity
        attention.k_proj.weight[32:64] = identity
    return made


def questions() -> list[Question]:
    chance = random.Random(3)
    found = []
    for _ in range(12):
        names = ["".join(chance.choices("bcdfgklmnprst", k=6)) for _ in range(6)]
        gold = chance.randrange(6)
        found.append(
            Question(f"{names[gold]} {names[gold]}?", tuple(f"It is {name}." for name in names), frozenset({gold}))
        )
    return found


@pytest.mark.parametrize("method", METHODS)
def test_the_planted_head_is_found(method: Method, tmp_path: Path) -> None:
    scorer = QRHeadScorer(planted(), tokenizer(), "all")
    told: list[tuple[int, int]] = []
    found = detect(
        scorer,
        questions(),
        method,
        3,
        model="tiny",
        data="made",
        progress=lambda done, total: told.append((done, total)),
    )
    assert found.heads[0] == PLANTED
    assert len(found.heads) == 3
    assert found.scores[0] > 2 * found.scores[1] if method == "mean" else found.scores[0] > found.scores[1]
    assert told == [(done, 12) for done in range(13)]
    head_lists.write(found, tmp_path / "list.json")
    assert head_lists.read(tmp_path / "list.json").heads == found.heads


def test_the_planted_head_finds_the_documents() -> None:
    scorer = QRHeadScorer(planted(), tokenizer(), [PLANTED])
    for question in questions():
        scores = [each.score for each in scorer.score(question.documents, question.query)]
        assert scores.index(max(scores)) in question.gold
