"""The code of docs/langgraph-store.md runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from langgraph.store.memory import InMemoryStore

from memoryops.memory.settings import default_folder
from memoryops.stores.embedded.ending import stop_owner

PAGE = Path(__file__).parents[3] / "docs" / "langgraph-store.md"


def test_the_page_runs() -> None:
    names: dict[str, Any] = {}
    try:
        for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
            exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102 - our own page
        old, new = InMemoryStore(), names["store"]
        old.put(("a",), "k", {"n": 1})
        old.put(("a", "b"), "k", {"n": 2})
        names["copy"](old, new)
        assert {item.namespace: item.value for item in new.search(("a",))} == {("a",): {"n": 1}, ("a", "b"): {"n": 2}}
        assert new.list_namespaces() == [("a",), ("a", "b"), ("users", "anna")]
        names["ops"].close()
    finally:
        stop_owner(default_folder())
