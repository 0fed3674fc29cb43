"""Training rows: what is held out never trains, batches depend on seed and step alone, and gold is never a negative."""

import gzip
import json
from pathlib import Path

import pytest

from memoryops.compressors.qr_head.examples import SHARES, Row, Sampler, contexts, read, split


def row(source: str, number: int, negatives: tuple[int, ...] = ()) -> Row:
    def passage(n: int) -> tuple[str, ...]:
        return tuple(f"{source} {n} says {word} and some more words" for word in ("this", "that", "nothing"))

    return Row(source, f"what of {source} {number}?", passage(number), (1,), tuple(passage(n) for n in negatives))


ROWS = [row(source, n, (n + 1, n + 2)) for source in SHARES for n in range(0, 240, 3)]


def test_no_held_out_passage_is_seen_in_training() -> None:
    training, validation = split(ROWS)
    assert len(training) + len(validation) == len(ROWS)
    assert {each.source for each in validation} == set(SHARES)
    held = {each.units for each in validation}
    for each in training:
        assert each.units not in held and held.isdisjoint(each.negatives)
    assert split(ROWS) == (training, validation)


def test_policies_are_held_out_whole() -> None:
    linked = [row("policy", n, (n + 1 if n % 10 < 9 else n - 9,)) for n in range(100)]
    _, validation = split(linked)
    documents = {int(each.query.split()[-1].rstrip("?")) // 10 for each in validation}
    assert len(documents) == 2 and len(validation) == 20


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


def test_contexts_hold_the_answer_at_its_place() -> None:
    _, validation = split(ROWS)
    for each, passages, place in contexts(validation, 5, seed=0):
        assert passages[place] == each.units and 3 <= len(passages) <= 5
        assert set(each.negatives) <= set(passages) and len(set(passages)) == len(passages)


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
