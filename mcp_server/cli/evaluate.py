"""`memoryops eval`: how well and how fast the user's own memory answers, with this encoder and with others."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ...memory import evaluation
from ...memory.errors import InvalidInput
from ...memory.evaluation import Asked, Evaluation
from ...memory.settings import Settings
from . import output

if TYPE_CHECKING:
    from ...memory.service import MemoryOps


def evaluate(settings: Settings, args: Namespace) -> int:
    """Measure, and print one report."""
    from ...memory.service import MemoryOps

    if not 1 <= args.sample <= 1000:
        raise InvalidInput(f"--sample is {args.sample}; give 1 to 1000")
    with MemoryOps.open(settings=settings, scope=settings.scope) as ops:
        asked, source = _questions(ops, args)
        reports = [_measured(ops, asked, source, "this memory")]
        with tempfile.TemporaryDirectory(prefix="mo-eval-") as name:
            for number, spec in enumerate(args.encoder):
                with _copied(ops, settings, Path(name), number, spec) as other:
                    reports.append(_measured(other, asked, source, spec))
    if args.json:
        output.as_json(reports)
    else:
        for report in reports:
            _show(report)
    return 0


def _questions(ops: MemoryOps, args: Namespace) -> tuple[list[Asked], str]:
    if args.questions is not None:
        return evaluation.read(args.questions), str(args.questions)
    asked = evaluation.known_items(ops, args.sample)
    if not asked:
        raise InvalidInput("nothing is stored in this scope yet; add memories, or give a file of questions")
    return asked, f"{len(asked)} of the memories themselves, by a few of their words"


def _measured(ops: MemoryOps, asked: Sequence[Asked], source: str, what: str) -> Evaluation:
    with output.progress(f"asking {what}") as report:
        return evaluation.evaluate(ops, asked, source, report)


@contextmanager
def _copied(ops: MemoryOps, settings: Settings, folder: Path, number: int, spec: str) -> Iterator[MemoryOps]:
    """A copy of this scope's memory in *folder*, embedded with the encoder *spec*; gone afterwards."""
    from dataclasses import replace

    from ...memory.service import MemoryOps

    exported = folder / "memory.jsonl"
    if not exported.exists():
        ops.export(exported)
    place = replace(settings, data_dir=folder / f"copy-{number}", qdrant_url=None, encoder=spec, in_process=True)
    with MemoryOps.open(settings=place, scope=settings.scope) as other:
        with output.progress(f"embedding a copy with {spec}") as report:
            other.import_(exported, progress=report)
        evaluation.wait_until_embedded(other)
        yield other


def _show(report: Evaluation) -> None:
    from rich.table import Table

    title = f"{report.encoder}: {report.questions} questions ({report.source}), {report.memories} memories"
    quality = Table("found among the first", *map(str, evaluation.KS), "mean reciprocal rank", title=title)
    for each in report.quality:
        shares = (f"{100 * each.found_at[k]:.1f} %" for k in evaluation.KS)
        quality.add_row(each.way, *shares, f"{each.reciprocal_rank:.3f}")
    speed = Table("milliseconds", "median", "95th percentile", "calls")
    for one in report.speed:
        speed.add_row(one.what, f"{one.p50:.1f}", f"{one.p95:.1f}", str(one.calls))
    output.console().print(quality, speed)
