"""What speaks for a unit as an answer to a query: logits of the head, keywords, the sentence, its surroundings.

Each signal is a number for each unit, brought to mean 0 and deviation 1 over the units of one call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..keywords import Keywords
from .head import Context, Head, Query, averaged, matches, means, scores, votes
from .windows import Span

Floats = NDArray[np.float32]

NAMES = ("head", "votes", "null", "words", "sentence", "near", "section", "topic", "hop")
NEAR, SECTION = 3, 8
"""Units over which logits or keywords are averaged on either side (one deviation), within a passage."""
BRIDGES = 2
"""How many of the best units a second hop starts from."""
BRIDGE_WORDS = 0.25
"""The weight of keywords beside the head when the units are chosen that a second hop starts from."""


def signals(
    head: Head,
    texts: Sequence[str],
    units: Sequence[Sequence[Span]],
    query: str,
    wanted: Collection[str] = NAMES,
) -> dict[str, Floats]:
    """The signals *wanted* of all *units* (character spans of each of *texts*, in order) for *query*, by name.

    *head*: the calibrated logit is `head` less a share of `null`. *votes*: the share of the query's votes. *words*:
    BM25. *sentence*: the cosine of the mean states. *near*, *section*: the head around the unit. *topic*: keywords
    around it. *hop*: the head for what the best units add to the query.
    """
    context = head.context(texts, units)
    asked = head.query(query)
    best = matches([asked, head.null], context)
    logits, null = averaged([asked, head.null], best)
    words = np.array(Keywords(_texts(texts, units)).scores(query), np.float32)
    passage = np.repeat(np.arange(len(units)), [len(own) for own in units])
    made: Mapping[str, Callable[[], Floats]] = {
        "head": lambda: logits,
        "votes": lambda: votes(asked, best[: len(asked.rows)]),
        "null": lambda: null,
        "words": lambda: words,
        "sentence": lambda: _sentence(asked, context),
        "near": lambda: smoothed(logits, passage, NEAR),
        "section": lambda: smoothed(logits, passage, SECTION),
        "topic": lambda: smoothed(words, passage, SECTION),
        "hop": lambda: _hop(standard(logits) + BRIDGE_WORDS * standard(words), asked, context),
    }
    least = {"near": chance(logits, NEAR), "section": chance(logits, SECTION), "topic": chance(words, SECTION)}
    return {name: standard(make(), least.get(name, 0.0)) for name, make in made.items() if name in wanted}


def standard(values: Floats, least: float = 0.0) -> Floats:
    """*values* with mean 0 and deviation 1, or less than 1 where they deviate less than *least*; zeros where all are
    equal."""
    deviation = float(values.std()) if len(values) else 0.0
    if deviation <= 1e-6:
        return np.zeros(len(values), np.float32)
    return np.asarray((values - values.mean()) / max(deviation, least), np.float32)


def chance(values: Floats, width: int) -> float:
    """How much a mean by a bell of deviation *width* would deviate if *values* stood in any order.

    Surroundings that differ by less tell nothing: in a text shorter than the bell, only which end of it is nearer.
    """
    return float(values.std()) / math.sqrt(2 * math.sqrt(math.pi) * width) if len(values) else 0.0


def smoothed(values: Floats, passage: NDArray[np.intp], width: int) -> Floats:
    """The mean of *values* around each place, by a bell of deviation *width*, within its *passage*."""
    reach = 3 * width
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    found = np.zeros(len(values), np.float32)
    edges = np.flatnonzero(np.diff(passage)) + 1
    for own in np.split(np.arange(len(values)), edges):
        here = slice(reach, reach + len(own))
        found[own] = np.convolve(values[own], bell)[here] / np.convolve(np.ones(len(own)), bell)[here]
    return found


def _sentence(asked: Query, context: Context) -> Floats:
    """The cosine of each unit's mean key with the query's."""
    centre = asked.weights @ asked.rows
    return means(context, len(centre)) @ (centre / max(float(np.linalg.norm(centre)), 1e-9))


def _hop(first: Floats, asked: Query, context: Context) -> Floats:
    """For each unit, its best match with what one of the best units by *first* says beyond the query.

    The keys of a unit are queries of the same head; each counts by how little the query itself matches it.
    """
    bridges = np.argsort(-first, kind="stable")[:BRIDGES]
    beyond = [(int(unit), _beyond(asked, context.keys_of(int(unit)))) for unit in bridges]
    extended = [(unit, query) for unit, query in beyond if query is not None]
    if not extended:
        return np.zeros(context.units, np.float32)
    found = scores([query for _, query in extended], context)
    for row, (unit, _) in zip(found, extended, strict=True):
        row[unit] = -1
    best = found.max(axis=0)
    best[bridges] = np.median(best)
    return np.asarray(best, np.float32)


def _beyond(asked: Query, keys: Floats) -> Query | None:
    """The *keys* of a unit as queries, weighted by how little *asked* says the same; None if there are none."""
    if not len(keys):
        return None
    novelty = np.maximum(1 - (keys @ asked.rows.T).max(axis=1), 1e-3)
    return Query(keys, novelty / novelty.sum())


def _texts(texts: Sequence[str], units: Sequence[Sequence[Span]]) -> list[str]:
    return [text[start:end] for text, own in zip(texts, units, strict=True) for start, end in own]
