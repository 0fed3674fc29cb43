"""Training rows of the head: what they look like, how they are held out, how they are put into batches. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import rows as json_rows

SHARES: Mapping[str, float] = {"squad": 0.45, "friends": 0.25, "qmsum": 0.18, "policy": 0.12}
"""How much of a batch's text comes from each source: conversations are few, and weigh more than their number."""
HELD_OUT: Mapping[str, int] = {"squad": 300, "friends": 16, "qmsum": 150, "policy": 2}
"""What validation is made of: questions, but scenes for friends and whole policies."""
QUESTIONS_A_PASSAGE = 6
NEGATIVES = 2


@dataclass(frozen=True, slots=True)
class Row:
    """A question, the units of the passage that answers it, which of them do, and passages that do not."""

    source: str
    query: str
    units: tuple[str, ...]
    gold: tuple[int, ...]
    negatives: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a batch: *gold* as places in the batch's units, *own* the places that may count against it."""

    query: str
    gold: Sequence[int]
    own: Sequence[int]


@dataclass(frozen=True, slots=True)
class Batch:
    """Passages (each its units) and the questions that are asked of all of them."""

    passages: Sequence[tuple[str, ...]]
    asked: Sequence[Asked]


def read(path: Path) -> list[Row]:
    """The rows of a file of JSON lines, gzipped or not. Raises `ValueError` naming the line."""
    return json_rows.read(path, _row, "training row")


def _row(value: Mapping[str, Any]) -> Row:
    units = tuple(value["units"])
    gold = tuple(value["gold"])
    if not gold or not all(0 <= place < len(units) for place in gold):
        raise ValueError("gold names no unit")
    return Row(value["source"], value["query"], units, gold, tuple(tuple(each) for each in value["negatives"]))


def split(rows: Sequence[Row], seed: int = 0) -> tuple[list[Row], list[Row]]:
    """(for training, for validation): no validation passage occurs in training, not as a negative either.

    The same for every training seed, so that figures of several seeds compare.
    """
    chance = random.Random(f"held out {seed}")
    held: set[tuple[str, ...]] = set()
    for source, number in HELD_OUT.items():
        own = [row for row in rows if row.source == source]
        if source == "policy":
            held.update(_policies(own, number, chance))
        else:
            passages = sorted({row.units for row in own})
            held.update(chance.sample(passages, min(number, len(passages) // 4)))
    training, validation = [], []
    for row in rows:
        if row.units in held:
            validation.append(row)
        else:
            kept = tuple(each for each in row.negatives if each not in held)
            training.append(Row(row.source, row.query, row.units, row.gold, kept))
    return training, validation


def _policies(rows: Sequence[Row], number: int, chance: random.Random) -> set[tuple[str, ...]]:
    """The passages of *number* documents: passages that rows name together belong to one."""
    parent: dict[tuple[str, ...], tuple[str, ...]] = {}

    def root(passage: tuple[str, ...]) -> tuple[str, ...]:
        parent.setdefault(passage, passage)
        while parent[passage] != passage:
            parent[passage] = parent[parent[passage]]
            passage = parent[passage]
        return passage

    for row in rows:
        for negative in row.negatives:
            parent[root(negative)] = root(row.units)
    documents = sorted({root(row.units) for row in rows})
    chosen = set(chance.sample(documents, min(number, len(documents) // 4)))
    return {passage for passage in parent if root(passage) in chosen}


class Sampler:
    """Batches of about *words* words, drawn by *seed* and step alone, so that a run can be taken up again."""

    def __init__(self, rows: Sequence[Row], words: int, seed: int) -> None:
        self._words, self._seed = words, seed
        self._passages: dict[str, list[list[Row]]] = {}
        grouped: dict[tuple[str, tuple[str, ...]], list[Row]] = {}
        for row in rows:
            grouped.setdefault((row.source, row.units), []).append(row)
        for (source, _), several in grouped.items():
            self._passages.setdefault(source, []).append(several)

    def batch(self, step: int) -> Batch:
        """The batch of *step*."""
        chance = random.Random(f"{self._seed} {step}")
        passages: dict[tuple[str, ...], str] = {}
        chosen: list[Row] = []
        sources = [source for source in SHARES if source in self._passages]
        spent = dict.fromkeys(sources, chance.random() * 400)
        while sum(_size(passage) for passage in passages) < self._words:
            source = min(sources, key=lambda name: spent[name] / SHARES[name])
            several = chance.choice(self._passages[source])
            asked = chance.sample(several, min(QUESTIONS_A_PASSAGE, len(several)))
            before = sum(_size(passage) for passage in passages)
            for row in asked[:1]:
                negatives = chance.sample(row.negatives, min(NEGATIVES, len(row.negatives)))
                passages.update(dict.fromkeys([row.units, *negatives], source))
            spent[source] += sum(_size(passage) for passage in passages) - before + 1
            chosen.extend(asked)
        return _batch(passages, chosen)


def _batch(passages: Mapping[tuple[str, ...], str], rows: Sequence[Row]) -> Batch:
    first: dict[tuple[str, ...], int] = {}
    texts: list[str] = []
    sources: list[str] = []
    for passage, source in passages.items():
        first[passage] = len(texts)
        texts.extend(passage)
        sources.extend([source] * len(passage))
    asked = []
    for row in rows:
        gold = [first[row.units] + place for place in row.gold]
        answers = {texts[place] for place in gold}
        own = set(range(first[row.units], first[row.units] + len(row.units)))
        own.update(place for n in row.negatives if n in first for place in range(first[n], first[n] + len(n)))
        against = [
            place
            for place in range(len(texts))
            if texts[place] not in answers and (place in own or row.source != "policy" or sources[place] != "policy")
        ]
        asked.append(Asked(row.query, gold, against))
    return Batch(list(passages), asked)


def _size(passage: Sequence[str]) -> int:
    return sum(unit.count(" ") + 1 for unit in passage)


def contexts(rows: Sequence[Row], passages: int, seed: int) -> Iterator[tuple[Row, list[tuple[str, ...]], int]]:
    """Validation: each row with its passage among *passages* of its source, its own negatives first.

    Gives the row, the passages in a drawn order, and the place of the row's own among them.
    """
    chance = random.Random(f"contexts {seed}")
    pools: dict[str, list[tuple[str, ...]]] = {}
    for row in rows:
        pool = pools.setdefault(row.source, [])
        pool.extend(each for each in (row.units, *row.negatives))
    pools = {source: sorted(set(pool)) for source, pool in pools.items()}
    for row in rows:
        others = dict.fromkeys(each for each in row.negatives if each != row.units)
        pool = pools[row.source]
        for each in chance.sample(pool, min(len(pool), 2 * passages)):
            if len(others) >= passages - 1:
                break
            if each != row.units:
                others[each] = None
        found = [*others, row.units]
        chance.shuffle(found)
        yield row, found, found.index(row.units)
