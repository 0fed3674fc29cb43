"""How well a memory finds what it should, and how fast: measured on its own contents or on given questions."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..encoders.words import words
from ..stores.filters import Eq, all_of
from ..stores.ports import Candidate, Query
from . import inputs, paging
from .errors import InvalidInput, NotFound
from .forms import NOT_ARCHIVED

if TYPE_CHECKING:
    from .service import MemoryOps

KS = (1, 5, 10)
DEPTH = 128
PICKED_WORDS = 6
MOST_QUESTIONS = 10_000
SEED = 7

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and how to tell its answer: by *ids* of memories, or by a text that the memory *contains*."""

    question: str
    ids: Sequence[str] = ()
    contains: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """How one way to search did: the share of questions with an answer among the first k, for each of `KS`, and the
    mean of 1 / the first answer's place (0 beyond the tenth)."""

    way: str
    found_at: Mapping[int, float]
    reciprocal_rank: float


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds that callers of *what* waited: the median and the 95th percentile of *calls*."""

    what: str
    p50: float
    p95: float
    calls: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One memory, measured. *source*: where the questions are from."""

    encoder: str
    memories: int
    questions: int
    source: str
    quality: Sequence[Quality]
    speed: Sequence[Speed]


def read(path: Path) -> list[Asked]:
    """The questions in *path*: a JSON object a line, {"question": …} with "ids": […] or "contains": "…".

    Raises `InvalidInput` naming the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path} as UTF-8 text ({error})") from error
    asked = [_asked(line, number) for number, line in enumerate(lines, 1) if line.strip()]
    if not asked or len(asked) > MOST_QUESTIONS:
        raise InvalidInput(f"{path} has {len(asked)} questions; give 1 to {MOST_QUESTIONS}")
    return asked


def _asked(line: str, number: int) -> Asked:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"line {number} is no JSON") from error
    if not isinstance(value, dict) or not isinstance(value.get("question"), str):
        raise InvalidInput(f'line {number} has no question; write {{"question": "…", "contains": "…"}}')
    ids, contains = value.get("ids", []), value.get("contains", "")
    if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids) or not isinstance(contains, str):
        raise InvalidInput(f'line {number}: "ids" is a list of strings, "contains" a string')
    if not ids and not contains.strip():
        raise InvalidInput(f'line {number} does not say what answers it; add "ids" or "contains"')
    return Asked(inputs.text(value["question"], f"line {number}: question"), ids, contains)


def known_items(ops: MemoryOps, most: int) -> list[Asked]:
    """Questions made of memories that are there: a few telling words of each of up to *most*, to be found again.

    Easier than real questions, since the words are the memory's own; good for comparing settings, not for boasting.
    """
    where = all_of(Eq("type", "item"), Eq("status", "active"), NOT_ARCHIVED, ops.scope.filter)
    page = paging.newest(ops.store, ops.scope.workspace, where, 1000)
    points = sorted(page.points, key=lambda point: point.id)
    chance = random.Random(SEED)
    chosen = chance.sample(points, min(most, len(points)))
    made = [(point.id, _telling(point.text or "", chance)) for point in chosen]
    return [Asked(question, [id]) for id, question in made if question]


def _telling(text: str, chance: random.Random) -> str:
    """Some of the longer words of *text*, in their order."""
    several = list(dict.fromkeys(word for word in words(text[:4000]) if len(word) > 3)) or words(text[:200])[:3]
    longest = sorted(several, key=lambda word: -len(word))[: 3 * PICKED_WORDS]
    picked = set(chance.sample(longest, min(PICKED_WORDS, len(longest))))
    return " ".join(word for word in several if word in picked)


def evaluate(ops: MemoryOps, asked: Sequence[Asked], source: str, progress: Progress | None = None) -> Evaluation:
    """Ask every question in every way. Raises `NotFound` when there is nothing to ask."""
    if not asked:
        raise NotFound("memory", "to ask for")
    places: dict[str, list[int | None]] = {}
    spent: dict[str, list[float]] = {"search": [], "retrieve": []}
    for done, question in enumerate(asked, 1):
        began = time.perf_counter()
        hits = ops.search(question.question, limit=max(KS)).hits
        spent["search"].append(1000 * (time.perf_counter() - began))
        orders = {"MemoryOps": [hit.id for hit in hits], **dict(_parts(ops, question.question))}
        for way, ids in orders.items():
            places.setdefault(way, []).append(_place(ops, question, ids))
        if hits:
            began = time.perf_counter()
            ops.retrieve(hits[0].id)
            spent["retrieve"].append(1000 * (time.perf_counter() - began))
        if progress is not None:
            progress(done, len(asked))
    state = ops.state()
    quality = [_quality(way, found) for way, found in places.items()]
    speed = [_speed(what, times) for what, times in spent.items() if times]
    return Evaluation(state.encoder, state.items + state.messages, len(asked), source, quality, speed)


def _parts(ops: MemoryOps, question: str) -> Iterator[tuple[str, list[str]]]:
    """The memories by each side of the search alone, and by the textbook's fusion of both."""
    pool = ops.store.search(ops.scope.workspace, Query(question, DEPTH, ops.scope.filter))
    ways = ("meaning alone", "keywords alone", "reciprocal rank fusion")
    for way, order in zip(ways, orders(pool), strict=True):
        yield way, list(dict.fromkeys(str(each.point.payload["item"]) for each in order))


def orders(pool: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate], list[Candidate]]:
    """*pool* by meaning alone, by BM25 alone, and by reciprocal rank fusion of both (k = 60, ties by id)."""
    dense = sorted((each for each in pool if each.dense is not None), key=lambda each: -(each.dense or 0))
    sparse = sorted((each for each in pool if each.sparse), key=lambda each: -(each.sparse or 0))
    ranks: dict[str, float] = {}
    for side in (dense, sparse):
        for place, each in enumerate(side, 1):
            ranks[each.point.id] = ranks.get(each.point.id, 0.0) + 1 / (60 + place)
    ranked = [each for each in pool if each.point.id in ranks]
    return dense, sparse, sorted(ranked, key=lambda each: (-ranks[each.point.id], each.point.id))


def wait_until_embedded(ops: MemoryOps, seconds: float = 3600.0) -> None:
    """Return once no passage of the workspace waits for its embedding, or after *seconds*."""
    until = time.monotonic() + seconds
    while ops.store.embedding(ops.scope.workspace) == "pending" and time.monotonic() < until:
        time.sleep(0.05)


def _place(ops: MemoryOps, asked: Asked, ids: Sequence[str]) -> int | None:
    """The place of the first answer, from 1; None if there is none among the first ten."""
    first = ids[: max(KS)]
    if not asked.contains:
        return next((place for place, id in enumerate(first, 1) if id in asked.ids), None)
    wanted = asked.contains.casefold()
    points = ops.store.get(ops.scope.workspace, "records", first) if first else []
    for place, (id, point) in enumerate(zip(first, points, strict=True), 1):
        if id in asked.ids or (point is not None and wanted in (point.text or "").casefold()):
            return place
    return None


def _quality(way: str, places: Sequence[int | None]) -> Quality:
    found = {k: round(sum(place is not None and place <= k for place in places) / len(places), 4) for k in KS}
    return Quality(way, found, round(sum(1 / place for place in places if place) / len(places), 4))


def _speed(what: str, times: Sequence[float]) -> Speed:
    p95 = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
    return Speed(what, round(statistics.median(times), 2), round(p95, 2), len(times))
