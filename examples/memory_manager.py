"""`LLMMemoryManager`: large texts around a model's window, compressed when it fills and whole when they are needed."""

import os
import tempfile
from pathlib import Path

from memoryops import LLMMemoryManager
from memoryops.stores.embedded.ending import stop_owner

DOCUMENTS = sorted(Path(__file__).parent.joinpath("documents").glob("*.md"))

os.environ.setdefault("MEMORYOPS_WINDOW", "1500")  # tokens; so small that these documents fill it

with tempfile.TemporaryDirectory(prefix="mo-", ignore_cleanup_errors=True) as folder:
    with LLMMemoryManager(folder, model_name="gpt-4o-mini") as manager:
        ids = {}
        for priority, path in enumerate(DOCUMENTS, start=1):
            ids[path.name] = manager.add_memory_item(path.read_text(encoding="utf-8"), "docs", priority)
            state = manager.get_memory_state()
            print(f"{path.name}: context {state['context_utilization_percentage']:.1f}% used")
        best = manager.search_memory_semantic("Who may change DNS records?", limit=1)[0]
        print("found:", best["content"].splitlines()[0])
        whole = all(manager.retrieve_memory_item(ids[path.name]) == path.read_text("utf-8") for path in DOCUMENTS)
        print("every text whole:", whole)
        print("compressed:", manager.get_memory_state()["tiers"]["compressed"])
    stop_owner(Path(folder))
