"""`memoryops heads`: which attention heads of a local language model find what a question is about."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from ...compressors.qr_head.decoder import head_lists, questions
from ...compressors.qr_head.decoder.detect import detect as detected
from ...compressors.qr_head.decoder.scorer import QRHeadScorer
from ...memory.errors import InvalidInput
from . import output

if TYPE_CHECKING:
    from ...memory.settings import Settings


def detect(settings: Settings, args: Namespace) -> int:
    """Score every head on questions with known answers, and write the best as a list."""
    if args.top < 1:
        raise InvalidInput(f"--top is {args.top}; give 1 or more")
    if args.window is not None and args.window < 1:
        raise InvalidInput(f"--window is {args.window}; give a number of tokens from 1 up")
    asked = questions.read(args.data)
    scorer = QRHeadScorer.load(args.model, args.lora, "all", device=args.device, window=args.window)
    data = f"{len(asked)} questions of {args.data.name}"
    with output.progress(f"reading {len(scorer.heads)} heads") as report:
        found = detected(scorer, asked, args.method, args.top, model=args.model, data=data, progress=report)
    head_lists.write(found, args.out)
    if args.json:
        output.as_json(found)
        return 0
    rows = [(f"{layer}-{head}", f"{score:.4f}") for (layer, head), score in zip(found.heads, found.scores, strict=True)]
    output.table(("head", args.method), rows, "no heads")
    output.line(f"written to {args.out}")
    return 0
