"""Training rows of the head: what they look like, how they are put into batches and into contexts. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import rows as json_rows

SHARES: Mapping[str, float] = {"squad": 0.56, "friends": 0.15, "qmsum": 0.17, "policy": 0.12}
"""How much of a batch's text comes from each source: conversations are few, and weigh more than their number."""
QUESTIONS_A_PASSAGE = 4
NEGATIVES: Mapping[str, int] = {"qmsum": 1, "policy": 2}
"""Passages of the same meeting or policy that come into a batch with one that is asked about: the hardest to tell."""
LONG = 40
"""Characters from which a unit says where it stands; a shorter one ("Thank you.") may be anywhere."""

FIRST_WORDS = 500
"""Up to so many words, by its share, a source is ahead of the others when a batch begins, so that batches differ."""

Passage = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A question, the units of the passage that answers it, which of them do, and passages that do not."""

    source: str
    query: str
    units: Passage
    gold: tuple[int, ...]
    negatives: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a batch: *gold* as places in the batch's units, *own* the places that may count against it."""

    query: str
    gold: Sequence[int]
    own: Sequence[int]


@dataclass(frozen=True, slots=True)
class Batch:
    """Passages (each its units) and the questions that are asked of all of them."""

    passages: Sequence[Passage]
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


def long(passage: Passage) -> set[str]:
    """The units of *passage* that are hardly anywhere else by chance."""
    return {unit for unit in passage if len(unit) >= LONG}


class Sampler:
    """Batches of about *words* words, drawn by *seed* and step alone, so that a run can be taken up again."""

    def __init__(self, rows: Sequence[Row], words: int, seed: int) -> None:
        self._words, self._seed = words, seed
        self._passages: dict[str, list[Passage]] = {}
        self._of: dict[Passage, list[Row]] = {}
        self._answered: dict[str, list[Row]] = {}
        for row in rows:
            if row.units not in self._of:
                self._passages.setdefault(row.source, []).append(row.units)
            self._of.setdefault(row.units, []).append(row)
            self._answered.setdefault(row.units[row.gold[0]], []).append(row)

    def batch(self, step: int) -> Batch:
        """The batch of *step*: passages by turns from the source that has had least of its share, and their questions.

        The units of the other passages are what a question's answer is to win against.
        """
        chance = random.Random(f"{self._seed} {step}")
        sources = [source for source in SHARES if source in self._passages]
        spent = {source: chance.random() * FIRST_WORDS * SHARES[source] for source in sources}
        found: dict[Passage, list[Row]] = {}
        sources_of: dict[Passage, str] = {}
        words = 0
        while words < self._words:
            source = min(sources, key=lambda name: spent[name] / SHARES[name])
            passage = chance.choice(self._passages[source])
            asked = self._asked(passage)
            some = chance.sample(asked, min(QUESTIONS_A_PASSAGE, len(asked)))
            beside = [each for row in self._of[passage] for each in row.negatives]
            hard = chance.sample(beside, min(NEGATIVES.get(source, 0), len(beside)))
            for each, rows in ((passage, some), *((each, []) for each in hard)):
                spent[source] += _size(each)
                words += 0 if each in found else _size(each)
                found[each] = found.get(each) or rows
                sources_of[each] = source
        return _batch(found, {each for each, source in sources_of.items() if source == "policy"})

    def _asked(self, passage: Passage) -> list[Row]:
        """The rows of *passage*, and those of overlapping passages whose answers are all in it, each question once."""
        units = long(passage)
        others = (row for unit in passage if unit in units for row in self._answered.get(unit, ()))
        inside = (row for row in others if units.issuperset(row.units[place] for place in row.gold))
        return list({row.query: row for row in (*self._of[passage], *inside)}.values())


def _batch(found: Mapping[Passage, Sequence[Row]], policies: Set[Passage]) -> Batch:
    """*found*: passages, and the rows that are asked of each of them; *policies*: those that are parts of policies."""
    texts: list[str] = []
    places: dict[Passage, range] = {}
    for passage in found:
        places[passage] = range(len(texts), len(texts) + len(passage))
        texts.extend(passage)
    asked = []
    for passage, rows in found.items():
        for row in rows:
            # policies say much the same, so those of others do not count against a question to one
            other = policies - {passage, *row.negatives} if row.source == "policy" else set()
            asked.append(_question(row, passage, places, texts, {place for each in other for place in places[each]}))
    return Batch(list(found), asked)


def _question(
    row: Row, passage: Passage, places: Mapping[Passage, range], texts: Sequence[str], out: Set[int]
) -> Asked:
    """What answers *row* in *passage*, and all that counts against it: what says something else, but for *out*."""
    answers = {row.units[place] for place in row.gold}
    own = places[passage]
    if passage == row.units:
        gold = [own[place] for place in row.gold]
    else:
        gold = [place for place in own if texts[place] in answers]
    return Asked(row.query, gold, [n for n, text in enumerate(texts) if text not in answers and n not in out])


def _size(passage: Sequence[str]) -> int:
    return sum(unit.count(" ") + 1 for unit in passage)


def contexts(rows: Sequence[Row], passages: int, seed: int) -> Iterator[tuple[Row, list[Passage], int]]:
    """Validation: each row with its passage among *passages* of its source that do not overlap, its negatives first.

    Gives the row, the passages in a drawn order, and the place of the row's own among them.
    """
    chance = random.Random(f"contexts {seed}")
    pools: dict[str, list[Passage]] = {}
    for row in rows:
        pool = pools.setdefault(row.source, [])
        pool.extend(each for each in (row.units, *row.negatives))
    pools = {source: sorted(set(pool)) for source, pool in pools.items()}
    for row in rows:
        pool = pools[row.source]
        found, sentences = [row.units], long(row.units)
        for each in (*row.negatives, *chance.sample(pool, min(len(pool), 4 * passages))):
            if len(found) == passages:
                break
            if sentences.isdisjoint(each) and each not in found:
                found.append(each)
                sentences |= long(each)
        chance.shuffle(found)
        yield row, found, found.index(row.units)
