"""Which heads of which model are retrieval heads: the published lists, and those that `detect` writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ...errors import BadHeads

TEXTS = ("model", "method", "data", "source", "licence")

Head = tuple[int, int]
"""Layer and query head of it, both from 0."""

FOLDER = Path(__file__).parent / "heads"
PREFERRED = ("mean", "ndcg")
"""Where a model has several published lists, the one that the official code takes by default comes first."""


@dataclass(frozen=True, slots=True)
class HeadList:
    """The retrieval heads of *model*, best first.

    *method*: how they were found (mean: score on gold documents; ndcg: nDCG@10). *data*: on what. *source*: where the
    list is from. *scores*: of each head by that method, empty where they were not published.
    """

    model: str
    heads: tuple[Head, ...]
    method: str = ""
    data: str = ""
    source: str = ""
    licence: str = ""
    scores: tuple[float, ...] = ()

    def best(self, count: int) -> tuple[Head, ...]:
        """The first *count* heads."""
        return self.heads[:count]


def read(path: str | Path) -> HeadList:
    """The list in the JSON file at *path*. Raises `BadHeads`."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadHeads(f"{path} cannot be read ({error.strerror}); give the file of a head list") from error
    except ValueError as error:
        raise BadHeads(f"{path} is no JSON ({error}); `memoryops heads detect` writes such a list") from error
    if not isinstance(found, dict):
        raise BadHeads(f'{path} holds no object; give {{"model": "…", "heads": [[layer, head], …]}}')
    entries = found.get("heads")
    if not isinstance(entries, list) or not entries or not all(map(_is_entry, entries)):
        raise BadHeads(f"{path}: heads is no list of [layer, head] or [layer, head, score]")
    heads = tuple((int(entry[0]), int(entry[1])) for entry in entries)
    if len(set(heads)) < len(heads):
        raise BadHeads(f"{path} names a head twice")
    scores = tuple(float(entry[2]) for entry in entries) if all(len(entry) == 3 for entry in entries) else ()
    texts = {name: str(found.get(name, "")) for name in TEXTS}
    return HeadList(heads=heads, scores=scores, **texts)


def write(found: HeadList, path: str | Path) -> None:
    """Write *found* to *path*, one head on each line. Raises `BadHeads` where that cannot be written."""
    rows: Sequence[Sequence[float]] = found.heads
    if found.scores:
        rows = [(*head, round(score, 6)) for head, score in zip(found.heads, found.scores, strict=True)]
    texts = {name: getattr(found, name) for name in TEXTS}
    lines = [f"  {json.dumps(name)}: {json.dumps(text, ensure_ascii=False)}," for name, text in texts.items() if text]
    entries = ",\n".join(f"    {json.dumps(row)}" for row in rows)
    text = "\n".join(["{", *lines, '  "heads": [', entries, "  ]", "}", ""])
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadHeads(f"{path} cannot be written ({error.strerror})") from error


@lru_cache(maxsize=1)
def published() -> tuple[HeadList, ...]:
    """The lists that the paper's authors published, those of one model together and the preferred one first."""
    lists = [read(path) for path in FOLDER.glob("*.json")]
    return tuple(sorted(lists, key=lambda each: (each.model, PREFERRED.index(each.method))))


def published_for(model: str | Path) -> HeadList | None:
    """The published list for *model*, a hub name or a path that ends in the model's name; None if there is none."""
    name = _name(str(model))
    return next((each for each in published() if _name(each.model) == name), None)


def _name(model: str) -> str:
    return model.replace("\\", "/").rstrip("/").rpartition("/")[2].casefold()


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, list) or len(entry) not in (2, 3):
        return False
    numbers = all(isinstance(each, int) and not isinstance(each, bool) and each >= 0 for each in entry[:2])
    return numbers and all(isinstance(each, int | float) for each in entry[2:])
