"""A context of 128,000 tokens through which ten times as much text goes: what stays, what comes back, how fast.

    python benchmarks/window_scale.py --data selection.jsonl.gz

The text is real: the contexts of the questions in the file ({set, query, units, groups, evidence, need}, as in
`selection.py`), put together to documents of about 1,500 tokens, and this Python's standard library in between. An
agent reads one document after the other, a message each; whenever its context passes 75 % of the window, `ops.fit`
makes room down to --target, the originals stored first. At the end every question is asked: is its evidence still in
the context, word for word? And if it is searched for and the hits are retrieved in full, is it there then: in the
first 8 documents (about 12,000 tokens, a tenth of the window), and in the first 20 (a quarter)?

What the figures do not say. The window used *at the end* is where the stream happens to stop between --target and
75 %; what a setting decides is what is left when room was made, and that is shown, too. A question counts as answered
when its evidence is there word for word: another document that says the same does not count. The questions of the
set "policy" were written beside one policy ("what does the company collect?") and do not name it, while this text
holds some twenty; nothing can tell which is meant, so the share without them is shown, too. --rerank ranks each search
once more by the retrieval head, without its time limit.

Aims, from the scale test this repeats: 20.44 % of the window used after 1.28 million tokens, the whole run in under
four minutes on two cores, nine of ten questions answered.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest import sources
from measure import cpu_seconds
from rich.console import Console
from rich.progress import track
from rich.table import Table

from memoryops import MemoryOps
from memoryops.compressors import tokens
from memoryops.compressors.qr_head.cases import Case, read
from memoryops.memory.evaluation import wait_until_embedded
from memoryops.memory.settings import Settings
from memoryops.memory.window import ContextWindow
from memoryops.stores.embedded import rendezvous
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.embedded.folder import Folder

WINDOW = 128_000
TARGET = 0.1
DOCUMENT_TOKENS = 1500
SYSTEM = "You read documents one after the other and answer questions about them later."
RERANK_SECONDS = 60.0
DEPTHS = (8, 20)
"""How many documents found are retrieved."""
UNNAMED = "policy"
"""The set whose questions do not say which document they are about."""


@dataclass(frozen=True, slots=True)
class Room:
    """Room that was made once: in how many *seconds*, and what *tokens* were left."""

    seconds: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Question:
    """*alternatives*: of each, the texts that must all be there."""

    set: str
    query: str
    alternatives: tuple[tuple[str, ...], ...]

    def answered_by(self, text: str) -> bool:
        return any(all(each in text for each in wanted) for wanted in self.alternatives)


def documents(cases: Sequence[Case]) -> list[str]:
    """The contexts of *cases*, each passage once, several passages of one context in a document."""
    seen: set[tuple[str, ...]] = set()
    found = []
    for case in cases:
        some: list[str] = []
        for passage in case.passages:
            if passage in seen:
                continue
            seen.add(passage)
            some.append("\n".join(passage))
            if tokens.count("\n\n".join(some)) >= DOCUMENT_TOKENS:
                found.append("\n\n".join(some))
                some = []
        if some:
            found.append("\n\n".join(some))
    return found


def asked(cases: Sequence[Case], text: str) -> list[Question]:
    """The questions whose evidence lies in *text*; those that want a whole stretch of a meeting are left out."""
    found = []
    for case in cases:
        units = case.units
        alternatives = tuple(tuple(units[unit] for unit in each) for each in case.evidence if 0 < len(each) <= 6)
        question = Question(case.set, case.query, alternatives)
        if alternatives and question.answered_by(text):
            found.append(question)
    return found


def stream(cases: Sequence[Case], wanted: int) -> list[str]:
    """About *wanted* tokens of documents, with files of the standard library among them, in a fixed drawn order."""
    texts = documents(cases)
    chance = random.Random(4)
    chance.shuffle(texts)
    chosen, size = [], 0
    for text in texts:
        if size >= 0.8 * wanted:
            break
        chosen.append(text)
        size += tokens.count(text)
    for _, source in sources(wanted - size):
        step = 4 * DOCUMENT_TOKENS
        chosen.extend(source[start : start + step] for start in range(0, len(source), step))
    chosen = [text for text in chosen if text.strip()]
    chance.shuffle(chosen)
    return chosen


def messages_of(text: str) -> Iterator[dict[str, Any]]:
    yield {"role": "user", "content": text}
    yield {"role": "assistant", "content": "Read."}


def content(messages: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(str(message["content"]) for message in messages)


def run(cases: Sequence[Case], wanted: int, base: Path, target: float, rerank: bool) -> dict[str, Any]:
    """One stream through one window."""
    texts = stream(cases, wanted)
    questions = asked(cases, "\n".join(texts))
    folder = base / f"data-{wanted}"
    window = ContextWindow(WINDOW, target=target)
    with MemoryOps.open(settings=Settings(data_dir=folder)) as opened:
        ops = MemoryOps(opened.store, opened.scope, window=window, compressor=opened.compressor, owns_store=False)
        ops.recall.reranker.limit_seconds = RERANK_SECONDS
        pointer = rendezvous.find(Folder(folder.absolute()))
        pids = [pointer.pid] if pointer is not None else []
        used, began = cpu_seconds(pids), time.perf_counter()
        context: list[Mapping[str, Any]] = [{"role": "system", "content": SYSTEM}]
        size, total, fits = tokens.count(SYSTEM), 0, list[Room]()
        sizes = []
        for text in track(texts, f"{wanted:,} tokens", console=Console(stderr=True), transient=True):
            context += messages_of(text)
            read_now = tokens.count(text)
            total += read_now
            size += read_now + 8
            if size > window.trigger_tokens:
                size = _fit(ops, context, fits)
            sizes.append(size)
        size = window.plan(context, "").tokens_before
        read_s = time.perf_counter() - began
        wait_until_embedded(ops)
        embedded_s = time.perf_counter() - began
        text = content(context)
        found: dict[str, Any] = {
            "tokens": total,
            "documents": len(texts),
            "utilization": window.utilization(size),
            "utilization_mean": window.utilization(round(statistics.mean(sizes))),
            "utilization_made": window.utilization(round(statistics.median(fit.tokens for fit in fits))),
            "ratio": size / total,
            "fits": len(fits),
            "fit_ms_p50": 1000 * statistics.median(fit.seconds for fit in fits),
            "read_s": read_s,
            "embedded_s": embedded_s,
            "questions": len(questions),
            "in_context": statistics.mean(question.answered_by(text) for question in questions),
        }
        found |= _ask(ops, questions, rerank)
        found["whole_s"] = time.perf_counter() - began
        found["cpu_s"] = cpu_seconds(pids) - used
    stop_owner(folder)
    return found


def _fit(ops: MemoryOps, context: list[Mapping[str, Any]], fits: list[Room]) -> int:
    began = time.perf_counter()
    fitted = ops.fit(context, "")
    fits.append(Room(time.perf_counter() - began, fitted.tokens_after))
    context[:] = fitted.messages
    return fitted.tokens_after


def _ask(ops: MemoryOps, questions: Sequence[Question], rerank: bool) -> dict[str, Any]:
    """How many of *questions* a search and the retrieval of its hits answer, and what each of the two takes."""
    searched, fetched, answered = [], [], dict[str, list[list[bool]]]()
    for question in questions:
        began = time.perf_counter()
        hits = ops.search(question.query, limit=DEPTHS[-1], rerank=rerank).hits
        searched.append(time.perf_counter() - began)
        brought = []
        for hit in hits:
            began = time.perf_counter()
            brought.append(ops.retrieve(hit.id).content)
            fetched.append(time.perf_counter() - began)
        row = [question.answered_by("\n".join(brought[:depth])) for depth in DEPTHS]
        answered.setdefault(question.set, []).append(row)
    named = [row for name, several in answered.items() if name != UNNAMED for row in several]
    return {
        "answered": _shares([row for several in answered.values() for row in several]),
        "answered_named": _shares(named),
        "named": len(named),
        "answered_by_set": {name: _shares(several) for name, several in answered.items()},
        "search_ms_p50": 1000 * statistics.median(searched),
        "fetch_ms_p50": 1000 * statistics.median(fetched),
    }


def _shares(rows: Sequence[Sequence[bool]]) -> list[float]:
    """The share of *rows* that hold, at each of `DEPTHS`."""
    return [statistics.mean(column) for column in zip(*rows, strict=True)]


def _percents(shares: Sequence[float]) -> str:
    return " / ".join(f"{100 * share:.1f}" for share in shares) + " %"


ROWS = (
    ("documents read", lambda f: f"{f['documents']:,}"),
    ("window used when room was made (p50)", lambda f: f"{f['utilization_made']:.2f} %"),
    ("window used at the end / mean", lambda f: f"{f['utilization']:.2f} / {f['utilization_mean']:.2f} %"),
    ("tokens left of those read", lambda f: f"{100 * f['ratio']:.2f} %"),
    ("times room was made, ms each (p50)", lambda f: f"{f['fits']}, {f['fit_ms_p50']:.0f}"),
    ("read, s / also embedded, s", lambda f: f"{f['read_s']:.0f} / {f['embedded_s']:.0f}"),
    ("questions", lambda f: f"{f['questions']}"),
    ("evidence still in the context", lambda f: f"{100 * f['in_context']:.1f} %"),
    ("evidence in what a search brings back, 8 / 20", lambda f: _percents(f["answered"])),
    ("the same without policies", lambda f: f"{_percents(f['answered_named'])} of {f['named']}"),
    ("search / fetch, ms (p50)", lambda f: f"{f['search_ms_p50']:.1f} / {f['fetch_ms_p50']:.2f}"),
    ("the whole run, s / CPU-s", lambda f: f"{f['whole_s']:.0f} / {f['cpu_s']:.0f}"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the file of questions and contexts")
    parser.add_argument("--tokens", default="640000,1280000", help="how much text goes through, one run for each")
    parser.add_argument("--target", type=float, default=TARGET, help="share of the window left full (default: 0.1)")
    parser.add_argument("--rerank", action="store_true", help="rank each search once more")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    try:
        cases = read(options.data)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    with tempfile.TemporaryDirectory(prefix="mo-window-") as base:
        sizes = [int(wanted) for wanted in options.tokens.split(",")]
        found = [run(cases, wanted, Path(base), options.target, options.rerank) for wanted in sizes]
    table = Table("", *(f"{each['tokens']:,} tokens" for each in found))
    for name, shown in ROWS:
        table.add_row(name, *(shown(each) for each in found))
    Console(width=100).print(table)
    for each in found:
        parts = ", ".join(f"{name} {_percents(shares)}" for name, shares in each["answered_by_set"].items())
        print(f"brought back at {each['tokens']:,} tokens: {parts}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
