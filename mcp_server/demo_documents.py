"""The documents that `memoryops demo` stores, and the questions whose answers it checks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..memory.errors import InvalidInput
from .cli.memories import TYPES

SHIPPED = Path(__file__).resolve().parents[1] / "examples" / "documents"

QUESTIONS: Mapping[str, str] = {
    "Why is the job queue a table in Postgres and not a message broker?": "decision-job-queue.md",
    "Why could nobody board on the 2nd of April?": "incident-review-2026-04-02.md",
    "How do I undo a bad release?": "runbook-deploy.md",
    "How much does a child pay for a crossing?": "fares.py",
    "How does a passenger in a wheelchair get on board?": "accessibility.md",
    "Which change stopped refunds from being rounded down?": "refund-rounding.diff",
    "Who wants a dark theme in the gate app?": "crew-chat.jsonl",
    "let the customer choose a window seat": "seatmap.js",
    "TW-4009": "error-catalogue.json",
}
"""Which shipped document answers which question."""


@dataclass(frozen=True, slots=True)
class Document:
    """One file: a single memory, or a conversation with one memory for each turn."""

    name: str
    path: Path
    entries: Sequence[Mapping[str, Any]]

    @property
    def is_conversation(self) -> bool:
        return self.path.suffix == ".jsonl"


def load(folder: Path | None) -> list[Document]:
    """The documents in *folder* (default: the shipped ones). Raises `InvalidInput` when there are none."""
    chosen = folder or SHIPPED
    paths = sorted(path for path in chosen.iterdir() if path.is_file()) if chosen.is_dir() else []
    if not paths:
        raise InvalidInput(
            f"there are no documents in {chosen}; run the demo in a clone of the repository, or name a folder "
            "of text files with --documents"
        )
    return [_document(path) for path in paths]


def questions(documents: Sequence[Document]) -> dict[str, str]:
    """What to ask, and the name of the document that answers it; first lines where they are not ours."""
    names = {document.name for document in documents}
    known = {question: name for question, name in QUESTIONS.items() if name in names}
    return known or {_first_line(document): document.name for document in documents[:5]}


def _first_line(document: Document) -> str:
    lines = str(document.entries[0]["content"]).splitlines()
    return next(line.strip() for line in lines if line.strip())[:200]


def _document(path: Path) -> Document:
    try:
        text = path.read_bytes().decode("utf-8")
        if path.suffix == ".jsonl":
            return Document(path.name, path, _turns(path, text))
    except ValueError as error:
        raise InvalidInput(f"{path} is no UTF-8 text, or its lines are no JSON ({error}); leave it out") from error
    entry = {
        "content": text,
        "content_type": TYPES.get(path.suffix, "note"),
        "tags": ["demo"],
        "metadata": {"path": path.name},
    }
    return Document(path.name, path, [entry])


def _turns(path: Path, text: str) -> list[dict[str, Any]]:
    shared = {"kind": "message", "content_type": "chat", "thread": path.stem, "tags": ["demo"]}
    turns = [json.loads(line) for line in text.splitlines() if line.strip()]
    return [{**shared, **turn, "idempotency_key": f"{path.stem}/{n}"} for n, turn in enumerate(turns)]
