"""The compressor over the head: what it keeps of which text, and what it reads of a very long one."""

import pytest

from memoryops.compressors.chain import standard
from memoryops.compressors.errors import CompressorFailed
from memoryops.compressors.pieces import cut
from memoryops.compressors.ports import Passage
from memoryops.compressors.qr_head.compressor import QRHead, likeliest, stretches

FILLER = [f"Nothing of note was written down on page {number} of the book." for number in range(120)]


def story(*told: str) -> str:
    lines = list(FILLER)
    for place, text in enumerate(told):
        lines.insert(20 + 30 * place, text)
    return "\n".join(lines)


def test_what_answers_is_kept_though_no_word_of_the_question_is_in_it() -> None:
    text = story("The boat departs from pier four at dawn.", "Her brother repairs violins in Cremona.")
    kept = QRHead().compress([Passage("p", text)], "When does the ferry leave?", 40)
    assert "pier four" in kept.text and kept.tokens_after <= 40
    assert max(kept.spans, key=lambda span: span.score).start == text.index("The boat")


def test_passages_share_the_budget_by_worth() -> None:
    passages = [Passage("a", story()), Passage("b", story("Her brother repairs violins in Cremona."))]
    kept = QRHead().compress(passages, "What is her sibling's profession?", 30)
    assert "violins" in kept.texts[1]
    best = max(kept.spans, key=lambda span: span.score)
    assert "violins" in passages[best.passage].text[best.start : best.end]


def test_without_a_query_the_next_one_is_asked() -> None:
    with pytest.raises(CompressorFailed, match="needs a query"):
        QRHead().compress([Passage("p", story())], "  ", 40)
    kept = standard().compress([Passage("p", story())], "", 40)
    assert kept.compressor == "extractive" and "needs a query" in kept.reason


def test_what_went_wrong_in_a_log_stays() -> None:
    lines = [f"2026-05-01T10:{number:02}:00 INFO request {number} served" for number in range(60)]
    lines[30] = "2026-05-01T10:30:00 ERROR disk full while writing segment 7"
    kept = QRHead().compress([Passage("p", "\n".join(lines), "log")], "request 12", 120)
    assert "disk full" in kept.text and "request 12 " in kept.text
    assert kept.text.startswith(lines[0]) and kept.text.endswith(lines[-1])


def test_of_a_very_long_text_what_holds_the_words_is_read() -> None:
    text = "\n\n".join([*(["Nothing here. " * 40] * 400), "The boat departs at dawn from pier four."])
    text += "\n\n" + "\n\n".join(["Nothing there. " * 40] * 400)
    kept = QRHead(read_chars=30_000).compress([Passage("p", text)], "From which pier?", 60)
    assert "pier four" in kept.text


def test_stretches_cover_every_unit_once() -> None:
    passages = [Passage("a", story()), Passage("b", ""), Passage("c", "One. Two. " * 5000)]
    found = cut(passages, 100)
    made = stretches(passages, found)
    units = [unit for own in found for unit in own]
    assert made[0].first == 0
    assert sum(len(each.units) for each in made) == len(units)
    texts = [each.text[start:end] for each in made for start, end in each.units]
    flat = [p.text[u.start : u.end] for p, own in zip(passages, found, strict=True) for u in own]
    assert texts == flat
    assert len(made) > 2 and all(each.chars < 25_000 for each in made)


def test_the_likeliest_stretches_keep_their_order() -> None:
    made = stretches([Passage("c", "One. Two. " * 9000)], cut([Passage("c", "One. Two. " * 9000)], 100))
    scores = [0.0] * sum(len(each.units) for each in made)
    scores[made[3].first] = 2.0
    scores[made[1].first] = 1.0
    assert likeliest(made, scores, made[1].chars + made[3].chars) == [made[1], made[3]]
    assert likeliest(made, scores, 10) == []


def test_a_short_text_is_judged_by_its_own_words() -> None:
    """What is around a unit tells nothing where the whole text is around it."""
    lines = [
        "Anna: Good morning. The supplier has not answered for two weeks.",
        "Ben: I wrote to them twice. Somebody should call.",
        "Anna: Carla will call the supplier on Thursday.",
        "Ben: Fine. What about the budget for the new machines?",
        "Anna: It was cut by ten percent. We talk about that next week.",
        "Carla: I need the phone number, please.",
    ]
    kept = QRHead().compress([Passage("meeting", "\n".join(lines))], "Who will call the supplier?", 30)
    assert lines[2] in kept.text
