"""What is held out: no long sentence of it trains anything, and policies go whole."""

from memoryops.compressors.qr_head.examples import SHARES, Row, long
from memoryops.compressors.qr_head.held_out import split


def passage(source: str, number: int) -> tuple[str, ...]:
    return tuple(f"{source} {number} says {word} and some more words after it" for word in ("this", "that", "nothing"))


def row(source: str, number: int, negatives: tuple[int, ...] = ()) -> Row:
    others = tuple(passage(source, n) for n in negatives)
    return Row(source, f"what of {source} {number}?", passage(source, number), (1,), others)


def test_nothing_that_is_held_out_trains() -> None:
    rows = [row(source, n, (n + 1, n + 2)) for source in SHARES for n in range(0, 240, 3)]
    training, validation = split(rows)
    assert {each.source for each in validation} == set(SHARES)
    assert len(training) + len(validation) == len(rows)
    held = {each.units for each in validation}
    for each in training:
        assert each.units not in held and held.isdisjoint(each.negatives)
    assert split(rows) == (training, validation)


def test_overlapping_passages_are_held_out_by_the_stretch_and_its_edge_is_dropped() -> None:
    text = [f"This is sentence {n} of a very long article about birds." for n in range(3000)]
    rows = [
        Row("squad", f"{n}?", tuple(text[n - 2 : n + 3]), (2,), (tuple(text[n - 9 : n - 5]),)) for n in range(9, 2990)
    ]
    training, validation = split(rows)
    held = {unit for each in validation for unit in long(each.units)}
    seen = {unit for each in training for p in (each.units, *each.negatives) for unit in p}
    assert held.isdisjoint(seen)
    assert 300 < len(validation) < len(rows) / 3 and len(rows) - len(training) - len(validation) < len(validation)


def test_policies_are_held_out_whole() -> None:
    linked = [row("policy", n, (n + 1 if n % 10 < 9 else n - 9,)) for n in range(100)]
    _, validation = split(linked)
    documents = {int(each.query.split()[-1].rstrip("?")) // 10 for each in validation}
    assert len(documents) == 2 and len(validation) == 20
