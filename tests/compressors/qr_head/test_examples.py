"""Training rows: batches depend on seed and step alone, gold is never a negative, contexts hold the answer once."""

import gzip
import json
from pathlib import Path

import pytest

from memoryops.compressors.qr_head.examples import SHARES, Row, Sampler, contexts, read
from memoryops.compressors.qr_head.held_out import split


def row(source: str, number: int, negatives: tuple[int, ...] = ()) -> Row:
    def passage(n: int) -> tuple[str, ...]:
        return tuple(f"{source} {n} says {word} and some more words" for word in ("this", "that", "nothing"))

    return Row(source, f"what of {source} {number}?", passage(number), (1,), tuple(passage(n) for n in negatives))


LONG = "A sentence that is long enough to say where it stands."
ROWS = [row(source, n, (n + 1, n + 2)) for source in SHARES for n in range(0, 240, 3)]


def test_batches_depend_on_seed_and_step() -> None:
    sampler = Sampler(ROWS, 200, seed=1)
    assert sampler.batch(3) == Sampler(ROWS, 200, seed=1).batch(3)
    assert sampler.batch(3) != sampler.batch(4) != Sampler(ROWS, 200, seed=2).batch(4)


def test_gold_is_no_negative_and_policies_do_not_count_against_each_other() -> None:
    sampler = Sampler(ROWS, 400, seed=0)
    for step in range(20):
        batch = sampler.batch(step)
        texts = [unit for passage in batch.passages for unit in passage]
        assert sum(len(unit.split()) for unit in texts) >= 400
        for asked in batch.asked:
            answers = {texts[place] for place in asked.gold}
            assert all(" says that " in text for text in answers)
            assert answers.isdisjoint(texts[place] for place in asked.own)
            if asked.query.startswith("what of policy"):
                number = int(asked.query.split()[-1].rstrip("?"))
                near = {f"policy {n} " for n in range(number, number + 3)}
                assert all(
                    not texts[p].startswith("policy") or texts[p][:11].startswith(tuple(near)) for p in asked.own
                )


def test_a_passage_is_asked_what_overlapping_ones_answer_with_its_sentences() -> None:
    text = [f"This is sentence {n} of a long article about birds." for n in range(9)]
    rows = [Row("squad", f"what of {n}?", tuple(text[n - 1 : n + 2]), (1,), ()) for n in range(1, 8)]
    batch = Sampler(rows, 20, seed=0).batch(0)
    units = [unit for passage in batch.passages for unit in passage]
    assert len(batch.asked) > len(batch.passages)
    for asked in batch.asked:
        number = asked.query.split()[-1].rstrip("?")
        assert {units[place] for place in asked.gold} == {text[int(number)]}


def test_contexts_hold_the_answer_at_its_place() -> None:
    _, validation = split(ROWS)
    for each, passages, place in contexts(validation, 5, seed=0):
        assert passages[place] == each.units and 3 <= len(passages) <= 5
        assert set(each.negatives) <= set(passages) and len(set(passages)) == len(passages)
    overlapping = [Row("squad", "q", (LONG, "a"), (0,), ((LONG, "b"), ("c", "d")))]
    assert [set(passages) for _, passages, _ in contexts(overlapping, 5, seed=0)] == [{(LONG, "a"), ("c", "d")}]


def test_rows_are_read_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    good = {"source": "squad", "query": "q", "units": ["a", "b"], "gold": [1], "negatives": [["c"]]}
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(f"{json.dumps(good)}\n{json.dumps({**good, 'gold': [2]})}\n".encode()))
    with pytest.raises(ValueError, match="line 2"):
        read(path)
    path.write_bytes(gzip.compress(f"{json.dumps(good)}\n".encode()))
    assert read(path) == [Row("squad", "q", ("a", "b"), (1,), (("c",),))]
    (tmp_path / "empty").write_text("")
    with pytest.raises(ValueError, match="no training rows"):
        read(tmp_path / "empty")
