"""Programs that the fault tests run as processes of their own, and kill."""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import TextIO

from memoryops.encoders.hashing import HashingEncoder
from memoryops.memory.service import MemoryOps
from memoryops.memory.settings import Settings
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.filters import Eq
from memoryops.stores.ports import Change, Delete, DeleteWhere, Patch, Put

ENCODER = "hashing:64"


def text_of(who: str, number: int) -> str:
    """A text that only this item has: found by its own word, compared byte by byte."""
    return f"Item {number} of {who} is known as word{who}x{number}: Grüße 🚀 \u0000end\r\n"


def add(folder: str, who: str, count: str, log: str, encoder: str = ENCODER) -> None:
    """Add *count* items and write down each that was acknowledged, with the longest wait of a call."""
    ops = MemoryOps.open(settings=Settings(data_dir=Path(folder), encoder=encoder))
    longest = 0.0
    with Path(log).open("a", encoding="utf-8") as file:
        for number in range(int(count)):
            content = text_of(who, number)
            started = time.monotonic()
            id = ops.add(content).id
            longest = max(longest, time.monotonic() - started)
            _note(file, {"id": id, "content": content})
        _note(file, {"longest": longest})
    ops.close()


def churn(folder: str, seed: str, log: str) -> None:
    """Write, change, delete and tidy one store in this process until killed; note each write before and after."""
    chance = random.Random(int(seed))
    store = EmbeddedStore(Path(folder), lambda spec: HashingEncoder(), ENCODER)
    known = sorted(point.id for point in store.scroll("w", "records", limit=10_000).points)
    with Path(log).open("a", encoding="utf-8") as file:
        for step in range(1_000_000):
            deed = chance.random()
            if deed < 0.06:
                store.tidy(optimize=chance.random() < 0.5)
                continue
            id = chance.choice(known) if known and deed < 0.55 else f"{seed}-{step}"
            gone = deed < 0.2 and id in known
            value = f"v{seed}x{step}"
            _note(file, {"trying": id, "value": None if gone else value})
            store.write("w", _removal(id) if gone else _upsert(id, value, patch=deed < 0.3 and id in known))
            _note(file, {"done": id})
            known = [each for each in known if each != id] + ([] if gone else [id])


def _upsert(id: str, value: str, *, patch: bool) -> list[Change]:
    record = Put("records", id, {"type": "item", "item": id, "tags": [value]}, f"record {value}")
    if patch:
        return [record, Patch("memory", Eq("item", id), {"tags": [value]})]
    passages = [
        Put("memory", f"{id}:{n}", {"type": "passage", "item": id, "tags": [value]}, f"passage {n} {value}")
        for n in range(2)
    ]
    return [record, DeleteWhere("memory", Eq("item", id)), *passages]


def _removal(id: str) -> list[Change]:
    return [Delete("records", id), DeleteWhere("memory", Eq("item", id))]


def _note(file: TextIO, entry: object) -> None:
    file.write(json.dumps(entry) + "\n")
    file.flush()


if __name__ == "__main__":
    (add if sys.argv[1] == "add" else churn)(*sys.argv[2:])
