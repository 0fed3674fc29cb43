"""Training: it learns, an interrupted run goes on where it was, and the shipped encoder computes what torch does."""

import json
from pathlib import Path

import numpy as np
import pytest

from memoryops.compressors.qr_head.train import main, original, rate, train
from memoryops.encoders.minilm import Adapter, MiniLM

pytestmark = pytest.mark.extra

FACTS = ["Anna keeps bees", "Bruno repairs violins", "Clara sails to Kos", "David bakes rye bread", "Eva maps caves"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    lines = []
    for source in ("squad", "friends", "qmsum", "policy"):
        for n in range(12):
            fact = FACTS[n % 5]
            units = [f"Line {n} of the {source} is idle.", f"{fact}, as the {source} says in {n}.", "Nothing else."]
            negatives = [[f"In {source} {n}, somebody sleeps.", "And then wakes."]]
            query = f"Who is it that {fact.split(maxsplit=1)[1]} in {n}?"
            lines.append({"source": source, "query": query, "units": units, "gold": [1], "negatives": negatives})
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / "log.jsonl").read_text().splitlines()]


def run(data: Path, out: Path, steps: int) -> int:
    return main(["--data", str(data), "--out", str(out), "--steps", str(steps), "--words", "120", "--rank", "4"])


def test_it_learns_and_the_shipped_encoder_computes_the_same(data: Path, tmp_path: Path) -> None:
    import torch

    from memoryops.compressors.qr_head.trained import Reader, Trained

    out = tmp_path / "run"
    assert run(data, out, 12) == 0
    seen = losses(out)
    assert len(seen) == 12 and np.mean(seen[-4:]) < np.mean(seen[:4])
    adapter = Adapter.load(out / "adapter.npz")
    assert adapter.rank == 4 and np.abs(adapter.ffn_out_b).max() > 0
    assert (out / "adapter.npz").stat().st_size < 2_000_000

    trained = Trained(original(), 4, 32, 0)
    saved = torch.load(out / "state.pt")
    for each, value in zip(trained.parameters, saved["parameters"], strict=True):
        each.data.copy_(value)
    framed = Reader().query("Who repairs violins in the town by the sea?")
    with torch.no_grad():
        (states,) = trained.states([framed])
    (ours,) = MiniLM(threads=1).window_states([framed[1:-1]], adapter, special=True)
    theirs = states.numpy()
    cosines = (ours * theirs).sum(1) / (np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1))
    assert cosines.min() > 0.98  # int8 and float16 on our side, bfloat16 on theirs


def test_an_interrupted_run_goes_on(data: Path, tmp_path: Path) -> None:
    whole, halves = tmp_path / "whole", tmp_path / "halves"

    def interrupt(step: int) -> None:
        if step == 1:
            raise KeyboardInterrupt

    run(data, whole, 4)
    with pytest.raises(KeyboardInterrupt):
        train(data, original(), halves, seed=0, steps=4, words=120, rank=4, save_every=2, watch=interrupt)
    assert len(losses(halves)) == 2
    run(data, halves, 4)
    assert losses(halves) == pytest.approx(losses(whole), abs=1e-3)


def test_the_rate_rises_and_falls() -> None:
    rates = [rate(step, 100) for step in range(100)]
    top = rates.index(max(rates))
    assert rates[0] > 0 and rates[:top] == sorted(rates[:top]) and rates[top:] == sorted(rates[top:], reverse=True)
