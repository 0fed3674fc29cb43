"""Ranking the best of what a search found once more, by a head that reads question and passage word by word.

The first stage compares one vector a passage; the retrieval head (`compressors/qr_head`) compares every word piece of
the question with every one of the passage, read with the turns before it. Its keys are kept in this process, so what
was read for one question costs the next one a matrix product. Where reading takes longer than it may, the order of the
first stage stands, and the answer says so.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from ..stores.ports import Candidate
from .ranking import Ranked

if TYPE_CHECKING:
    from ..compressors.qr_head.head import Head

DEPTH = 64
"""How many memories are ranked once more."""
WEIGHT = 0.3
"""What the head's best match is worth more than its worst, beside the first stage's score; fitted on training data."""
LIMIT_SECONDS = 1.0
PASSAGE_CHARS = 2000
"""How much of a passage is read."""

Line = tuple[str, int, int]
"""A text, and where in it the passage stands that is to be judged (characters)."""


class Reader(Protocol):
    """Judges how well passages answer a question."""

    def scores(self, query: str, lines: Sequence[Line]) -> Sequence[float]:
        """A number for each of *lines*; higher answers better, and only differences mean anything."""
        ...


class HeadReader:
    """The retrieval head, that of this process unless given."""

    def __init__(self, head: Head | None = None) -> None:
        self._head = head

    def scores(self, query: str, lines: Sequence[Line]) -> Sequence[float]:
        from ..compressors.qr_head.compressor import shared
        from ..compressors.qr_head.head import scores

        head = self._head or shared()
        context = head.context([text for text, _, _ in lines], [[(start, end)] for _, start, end in lines])
        found: list[float] = scores([head.query(query)], context)[0].tolist()
        return found


class Reranker:
    """Ranks once more with *reader*, unless that takes more than *limit_seconds*."""

    def __init__(self, reader: Reader | None = None, limit_seconds: float = LIMIT_SECONDS) -> None:
        self._reader, self.limit_seconds = reader or HeadReader(), limit_seconds
        self._busy: threading.Thread | None = None

    def rank(
        self, query: str, ranked: Sequence[tuple[Candidate, Ranked]], rows: Mapping[str, Candidate]
    ) -> tuple[list[tuple[Candidate, Ranked]], str]:
        """*ranked*, the first `DEPTH` of them in their new order, and "" or why it is still the old one.

        *rows* are the passages that are known, by id: among them, what was said before each.
        """
        first, rest = ranked[:DEPTH], list(ranked[DEPTH:])
        found, reason = self._read(query, [line(candidate, rows) for candidate, _ in first])
        if found is None:
            return list(ranked), reason
        parts = weighed(found)
        again = [(c, _with_part(each, part)) for (c, each), part in zip(first, parts, strict=True)]
        return sorted(again, key=lambda pair: (-pair[1].score, pair[1].key)) + rest, ""

    def _read(self, query: str, lines: Sequence[Line]) -> tuple[Sequence[float] | None, str]:
        if self._busy is not None and self._busy.is_alive():
            return None, "the reader is still busy with a question that it was given up at"
        answer: list[Sequence[float] | str] = []

        def read() -> None:
            try:
                answer.append(self._reader.scores(query, lines))
            except Exception as error:  # the first stage's order stands, whatever the reader raises
                answer.append(f"{type(error).__name__}: {error}")

        thread = threading.Thread(target=read, name="rerank", daemon=True)
        thread.start()
        thread.join(self.limit_seconds)
        if not answer:
            self._busy = thread
            return None, f"reading took more than {self.limit_seconds:g} s"
        return (None, answer[0]) if isinstance(answer[0], str) else (answer[0], "")


def line(candidate: Candidate, rows: Mapping[str, Candidate]) -> Line:
    """What is read of *candidate*: what *rows* hold of what was said before it, then itself with its speaker."""
    from ..stores.embedding import said  # brings numpy, which a process that only searches does not need

    payload, text = candidate.point.payload, (candidate.point.text or "")[:PASSAGE_CHARS]
    before = [rows[id] for id in reversed(payload.get("follows", ())) if id in rows]
    speaker = payload.get("speaker")
    head = "".join(f"{said(each.point.text or '', each.point.payload)}\n" for each in before)
    own = f"{speaker}: {text}" if speaker else text
    return head + own, len(head), len(head) + len(own)


def weighed(scores: Sequence[float]) -> list[float]:
    """*scores* as parts of a ranking: `WEIGHT` for the best, 0 for the worst."""
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    if high - low < 1e-9:
        return [0.0] * len(scores)
    return [WEIGHT * (score - low) / (high - low) for score in scores]


def _with_part(ranked: Ranked, part: float) -> Ranked:
    return replace(ranked, score=ranked.score + part, parts={**ranked.parts, "rerank": part})
