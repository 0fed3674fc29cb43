"""MemoryOps beside mem0 and Chroma: what adding and searching cost, all with the same MiniLM vectors.

    python benchmarks/peers.py                                        # us alone
    python -m venv PEERS && PEERS/bin/pip install 'mem0ai==2.2.*' chromadb psutil
    python benchmarks/peers.py --peers mem0,chroma --peers-python PEERS/bin/python

First with the vectors cached, so that the system itself is seen, then live, the embedding included. Each system runs
in a process of its own; for us CPU and memory are those of client and owner together. The peers embed with our ONNX
MiniLM too (int8, about four times as fast as the one that they would load), and send no telemetry. mem0 runs as
`pip install mem0ai` leaves it: without its extras (spaCy, fastembed) it searches by meaning alone.

`--plot FILE` measures the sizes of `--items` with cached vectors and draws search and add against the item count.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from contestants import NAMES, PEERS, Table
from corpus import Sentences, embedded
from measure import WARM_UP
from plot import draw
from rich.console import Console
from rich.table import Table as Grid

from memoryops.encoders.registry import load

HERE = Path(__file__).parent
MEASURE = HERE / "measure.py"
LINKS = HERE.parent / ".links"
"""Where the peers' Python finds our encoder without an installation."""
PROBES = 3

Result = dict[str, Any]


class Bench:
    """One corpus on disk and the systems that are measured on it."""

    def __init__(self, base: Path, vectors: Path, pythons: dict[str, Path], calls: int) -> None:
        self.base, self.vectors, self.pythons, self.calls = base, vectors, pythons, calls
        self.sentences = Sentences()

    def measure(self, items: int, *, live: bool) -> dict[str, Result]:
        """Each system's figures with *items* memories; *live*: with the embedding."""
        corpus = self.base / f"corpus-{items}-{live}"
        texts, questions = self._texts(items)
        table = None if live else corpus / "table"
        corpus.mkdir()
        if table is not None:
            everything = [*texts, *questions]
            held = [
                embedded(texts[:items], "sentences", self.vectors),
                embedded(texts[items:], f"added-{items}", self.vectors),
                embedded(questions, f"questions-{items}", self.vectors),
            ]
            Table.save(table, everything, np.concatenate(held), load("minilm").fingerprint)
        (corpus / "texts").write_text("\n".join(texts), "utf-8")
        (corpus / "questions").write_text("\n".join(questions), "utf-8")
        found = {}
        for system in self.pythons:
            folder = self.base / f"{system}-{items}-{live}"
            folder.mkdir()
            orders = {
                "system": system,
                "folder": str(folder),
                "table": str(table) if table else None,
                "texts": str(corpus / "texts"),
                "questions": str(corpus / "questions"),
                "items": items,
            }
            print(f"{system}: {items} memories, {'live' if live else 'cached vectors'}", file=sys.stderr, flush=True)
            (result,) = self._run("run", system, orders)
            found[system] = {**result, **self._probe(system, orders)}
            shutil.rmtree(folder)
        shutil.rmtree(corpus)
        return found

    def _texts(self, items: int) -> tuple[list[str], list[str]]:
        added = self.sentences(0, items + self.calls + WARM_UP)
        return added, self.sentences.questions(items, 2 * self.calls + WARM_UP)

    def _probe(self, system: str, orders: Result) -> Result:
        starts, last = [], {}
        for _ in range(PROBES):
            began = time.perf_counter()
            process = self._start("probe", system, orders)
            assert process.stdout is not None
            first = process.stdout.readline()
            starts.append(time.perf_counter() - began)
            rest, _ = process.communicate()
            if process.returncode or not first:
                raise SystemExit(f"{system} failed to open what it had written")
            last = json.loads(rest.strip().splitlines()[-1])
        return {**last, "start_s": statistics.median(starts)}

    def _run(self, what: str, system: str, orders: Result) -> list[Result]:
        process = self._start(what, system, orders)
        output, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"{system} failed; its error stands above")
        return [json.loads(line) for line in output.splitlines() if line.startswith("{")]

    def _start(self, what: str, system: str, orders: Result) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
        if system in PEERS:
            environment["PYTHONPATH"] = str(LINKS)
        command = [str(self.pythons[system]), str(MEASURE), what, json.dumps(orders)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def encoding(vectors: Path, calls: int) -> Result:
    """What MiniLM alone takes: CPU and wall ms of one question and of one sentence."""
    sentences, encoder = Sentences(), load("minilm")
    found = {}
    samples = {"question": sentences.questions(5000, calls), "sentence": sentences(10**6, calls)}
    for name, texts in samples.items():
        encoder.embed_query(texts[0])
        used, wall = time.process_time(), []
        for text in texts:
            began = time.perf_counter()
            encoder.embed_query(text)
            wall.append(1e3 * (time.perf_counter() - began))
        cpu = 1e3 * (time.process_time() - used) / len(texts)
        found[name] = {"cpu_ms": cpu, "p50_ms": statistics.median(wall)}
    return found


ROWS = (
    ("search, CPU ms", lambda r: f"{r['search']['cpu_ms']:.1f}"),
    ("search, wall ms p50 / p95", lambda r: f"{r['search']['p50_ms']:.1f} / {r['search']['p95_ms']:.1f}"),
    ("search while unmerged adds wait, CPU ms", lambda r: f"{r['search_after_adds']['cpu_ms']:.1f}"),
    ("add, CPU ms", lambda r: f"{r['add']['cpu_ms']:.1f}"),
    ("add, wall ms p50 / p95", lambda r: f"{r['add']['p50_ms']:.1f} / {r['add']['p95_ms']:.1f}"),
    ("bulk load, memories per second", lambda r: f"{r['ingest']['per_second']:,.0f}"),
    ("bulk load, CPU ms per memory", lambda r: f"{r['ingest']['cpu_ms']:.2f}"),
    ("start to first answer, s", lambda r: f"{r['start_s']:.2f}"),
    ("memory in use, MB", lambda r: f"{r['rss_mb']:.0f}"),
    ("disk, MB", lambda r: f"{r['disk_mb']:.0f}"),
)


def grid(title: str, results: dict[str, Result]) -> Grid:
    table = Grid("", *results, title=title)
    for name, shown in ROWS:
        table.add_row(name, *(shown(result) for result in results.values()))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", default="5000", help="memories with cached vectors: a number or several, by comma")
    parser.add_argument("--live-items", default="5000", help="the same for the live run; 0 for none")
    parser.add_argument("--calls", type=int, default=300, help="searches and adds that are timed")
    parser.add_argument("--peers", default="none", help=f"none, or some of {','.join(PEERS)}")
    parser.add_argument("--peers-python", type=Path, help="the Python that has them installed")
    parser.add_argument("--vectors", type=Path, help="folder that keeps the corpus's vectors between runs")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--plot", type=Path, help="SVG file for latency against the number of memories (--items)")
    options = parser.parse_args()
    peers = [] if options.peers == "none" else options.peers.split(",")
    if unknown := set(peers) - set(PEERS):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    if peers and options.peers_python is None:
        parser.error("--peers-python is missing: the Python of a virtual environment that has the peers")
    pythons = {name: Path(sys.executable) if name not in PEERS else options.peers_python for name in NAMES}
    chosen = {name: pythons[name].absolute() for name in NAMES if name in ("memoryops", *peers)}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    report: Result = {"machine": machine, "cached": {}, "live": {}}
    with tempfile.TemporaryDirectory(prefix="mo-peers-") as made:
        bench = Bench(Path(made), options.vectors or Path(made) / "vectors", chosen, options.calls)
        report["encoder"] = encoding(bench.vectors, options.calls)
        for live, sizes in ((False, options.items), (True, options.live_items)):
            for items in [int(size) for size in sizes.split(",") if int(size)]:
                results = bench.measure(items, live=live)
                mode = "live" if live else "cached"
                report[mode][str(items)] = results
                how = "embedding included" if live else "vectors cached"
                Console().print(grid(f"{items:,} memories, {how}", results))
                if options.json:
                    options.json.write_text(json.dumps(report, indent=1) + "\n")
    for name, spent in report["encoder"].items():
        print(f"MiniLM, one {name}: {spent['cpu_ms']:.1f} ms CPU, {spent['p50_ms']:.1f} ms wall (p50)")
    if options.plot:
        options.plot.write_text(draw(report["cached"]))


if __name__ == "__main__":
    main()
