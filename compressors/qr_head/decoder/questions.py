"""Questions with documents of which some hold the answer, from JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import BadDetectionData
from .. import rows

SHAPE = '{"query": "…", "documents": ["…"], "gold": [0]}'


@dataclass(frozen=True, slots=True)
class Question:
    """A *query*, its *documents*, and the numbers of those that answer it, from 0."""

    query: str
    documents: tuple[str, ...]
    gold: frozenset[int]


def read(path: str | Path) -> list[Question]:
    """The questions in the file at *path*, one JSON object a line, gzipped or not.

    Each has *query*, *documents* (or *units*) and *gold* (or *evidence*): numbers of documents from 0, in lists or in
    lists of lists. Raises `BadDetectionData` with the line's number.
    """
    file = Path(path)
    try:
        questions = [_question(file, number, line) for number, line in rows.lines(file) if line.strip()]
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BadDetectionData(f"{file} cannot be read ({error})") from error
    if not questions:
        raise BadDetectionData(f"{file} holds no question; each line is {SHAPE}")
    return questions


def _question(file: Path, number: int, line: str) -> Question:
    where = f"{file}, line {number}"
    try:
        row = json.loads(line)
    except ValueError as error:
        raise BadDetectionData(f"{where} is no JSON ({error}); each line is {SHAPE}") from error
    if not isinstance(row, dict):
        raise BadDetectionData(f"{where} is no object; each line is {SHAPE}")
    query, documents = row.get("query"), row.get("documents", row.get("units"))
    if not isinstance(query, str) or not query.strip():
        raise BadDetectionData(f"{where}: query is {query!r}; give a text")
    if not isinstance(documents, list) or not documents or not all(isinstance(each, str) for each in documents):
        raise BadDetectionData(f"{where}: documents is no list of texts")
    gold = list(_numbers(row.get("gold", row.get("evidence")), where))
    if beyond := [each for each in gold if not 0 <= each < len(documents)]:
        raise BadDetectionData(f"{where}: gold names document {beyond[0]} of {len(documents)}; they count from 0")
    return Question(query, tuple(documents), frozenset(gold))


def _numbers(found: object, where: str) -> Iterator[int]:
    if not isinstance(found, list):
        raise BadDetectionData(f"{where}: gold is {found!r}; give a list of numbers of documents")
    for each in found:
        if isinstance(each, list):
            yield from _numbers(each, where)
        elif isinstance(each, int) and not isinstance(each, bool):
            yield each
        else:
            raise BadDetectionData(f"{where}: gold holds {each!r}; give numbers of documents")
