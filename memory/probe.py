"""Whether a memory can be used now: a write and a search, done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..stores.ports import PointStore, Put, Query

ID = "probe"
SECONDS = 60.0
"""How long the row that is written can be seen; each probe writes it anew."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried; *error* is None where it went well."""

    name: str
    milliseconds: float
    error: Exception | None = None


def probe(store: PointStore, workspace: str, now: float) -> Iterator[Check]:
    """Try a durable write and a search in *workspace*; after one that fails, nothing more is tried."""
    row = Put("records", ID, {"type": "probe", "created_at": now, "expires_at": now + SECONDS})
    trials: list[tuple[str, Callable[[], object]]] = [
        ("write", lambda: store.write(workspace, [row])),
        ("search", lambda: store.search(workspace, Query("is anybody there", limit=1))),
    ]
    for name, trial in trials:
        began = time.perf_counter()
        error: Exception | None = None
        try:
            trial()
        except Exception as failure:  # told, whatever it is: that is what a probe is for
            error = failure
        yield Check(name, round(1000 * (time.perf_counter() - began), 2), error)
        if error is not None:
            return
