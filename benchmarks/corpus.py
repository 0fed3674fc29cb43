"""A deterministic corpus for the speed suites: varied sentences, questions about them, and their vectors on disk.

Words follow Zipf's law over the 21,719 whole English words of MiniLM's vocabulary, which is in the order of their
frequency, so that keyword indexes meet lists as long and as short as in real text.
"""

from __future__ import annotations

import bisect
import itertools
import json
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from memoryops.encoders.minilm.tokenizer import TOKENIZER
from memoryops.encoders.registry import load

SEED = 7
BLOCK = 5000
"""Sentences that are made, embedded and kept together."""
OPENINGS = (
    "We decided that",
    "Remember:",
    "She told me",
    "The report says",
    "On Monday",
    "For the release,",
    "He prefers",
    "According to the log,",
    "My plan:",
    "Nobody knew that",
    "In {place},",
    "Ticket {number}:",
)
QUESTIONS = ("what do you know about {words}", "when did {words} come up", "{words}", "who mentioned {words}")


def vocabulary() -> list[str]:
    """Whole English words of two letters and more, most frequent first."""
    entries = json.loads(TOKENIZER.read_text("utf-8"))["model"]["vocab"]
    ordered = sorted(entries, key=lambda word: int(entries[word]))
    return [word for word in ordered if len(word) > 1 and word.isascii() and word.isalpha()]


class Sentences:
    """Sentence *n* is always the same one: about twenty words, no two alike."""

    def __init__(self) -> None:
        self.words = vocabulary()
        self._weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(self.words))))

    def __call__(self, start: int, count: int) -> list[str]:
        return [self._sentence(number) for number in range(start, start + count)]

    def _sentence(self, number: int) -> str:
        chance = random.Random(SEED * 1_000_003 + number)
        place = self._word(chance).capitalize()
        opening = chance.choice(OPENINGS).format(place=place, number=number)
        body = " ".join(self._word(chance) for _ in range(chance.randint(10, 24)))
        return f"{opening} {body} {number % 97}-{number}."

    def _word(self, chance: random.Random) -> str:
        return self.words[bisect.bisect(self._weights, chance.random() * self._weights[-1])]

    def questions(self, among: int, count: int) -> list[str]:
        """Questions with three to six words, each from one of the first *among* sentences."""
        chance = random.Random(SEED)
        made = []
        for number in range(count):
            told = self._sentence(chance.randrange(among)).split()[2:-1]
            wanted = chance.sample(told, min(len(told), chance.randint(3, 6)))
            made.append(QUESTIONS[number % len(QUESTIONS)].format(words=" ".join(wanted)))
        return made


def embedded(texts: Sequence[str], name: str, folder: Path) -> np.ndarray:
    """The MiniLM vectors of *texts*, float32 (n, 384), kept in *folder* under *name* for the next run."""
    encoder = load("minilm")
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for start in range(0, len(texts), BLOCK):
        some = list(texts[start : start + BLOCK])
        file = folder / f"{name}-{encoder.fingerprint}-{start}-{len(some)}.npy"
        if not file.exists():
            np.save(file, encoder.embed(some))
        parts.append(np.load(file))
    return np.concatenate(parts)
