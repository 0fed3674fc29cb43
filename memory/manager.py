"""`LLMMemoryManager`: large texts around the window of a language model, under names that programs of its kind use.

In process, on `MemoryOps`, and not on the HTTP client: who makes one names a database, not a server, and expects
nothing to be running. It is the same memory: what it stores is found over MCP, REST and LangGraph, and the other way
round.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .errors import InvalidInput
from .hygiene import Hygiene
from .service import MemoryOps
from .settings import Settings

PAGE = 1000
PAGE_TOKENS = 10_000_000


class LLMMemoryManager:
    """Texts are kept whole; where they pass the model's trigger (75 % of its window), those of the lowest priority are
    compressed, so that the working context has room; `retrieve_memory_item` brings each back byte for byte.

    *data_dir* or *qdrant_url*: where memories are kept, as in `MemoryOps.open`. *model_name*: whose window is meant.
    *openai_api_key*: for the compressor `llm`, where that is configured; nothing else is sent anywhere.
    *memory_approach*: "external_llm". Close it, or use it in a `with`. Raises `InvalidInput`, or as `MemoryOps.open`.
    """

    def __init__(
        self,
        data_dir: str | Path | None = None,
        qdrant_url: str | None = None,
        *,
        model_name: str | None = None,
        openai_api_key: str | None = None,
        memory_approach: str = "external_llm",
        **database: object,
    ) -> None:
        if database:
            raise InvalidInput(f"{', '.join(sorted(database))}: name a folder (data_dir=…) or a server (qdrant_url=…)")
        if memory_approach != "external_llm":
            raise InvalidInput(
                f"memory_approach is {memory_approach!r:.100}; use 'external_llm'. A local model can write summaries: "
                "MEMORYOPS_COMPRESSORS=llm,extractive with MEMORYOPS_LLM_BASE_URL and MEMORYOPS_LLM_MODEL"
            )
        settings = Settings.from_env(model=model_name, llm_api_key=openai_api_key)
        self.ops = MemoryOps.open(data_dir, qdrant_url, settings=settings)

    # memories

    def add_memory_item(
        self,
        content: str,
        content_type: str = "note",
        priority: int = 5,
        *,
        tags: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
    ) -> str:
        """Keep *content* and give its id. *priority* 1 to 10: 10 stays whole longest."""
        added = self.ops.add(content, content_type=content_type, priority=priority, tags=tags, metadata=metadata)
        self.make_room()
        return added.id

    def retrieve_memory_item(self, item_id: str, decompress: bool = True) -> str:
        """The text *item_id*, byte for byte; with *decompress* False what stands for it in its tier."""
        item = self.ops.retrieve(item_id)
        if decompress or item.tier == "full":
            return item.content
        return self.ops.retrieve(item_id, "compressed" if item.tier == "compressed" else "hint").content

    def search_memory_semantic(self, query: str, limit: int = 5) -> list[dict[str, Any]]:
        """What fits *query* best, the best first: mappings with id, content, score and more."""
        return [asdict(hit) for hit in self.ops.search(query, limit).hits]

    def get_working_context(self, purpose: str, budget_tokens: int | None = None) -> str:
        """A block for a prompt: memories that fit *purpose*, each whole, compressed or as one line with its id."""
        return self.ops.context(purpose, budget_tokens).text

    def make_room(self) -> int:
        """Compress what has the lowest priority while the memories are above the trigger of the window, down to its
        target; how many were. Texts of under a hundred tokens stay, so very many of them can fill a window."""
        taken, window = self.ops.state().context_tokens, self.ops.window
        if taken <= window.trigger_tokens:
            return 0
        room = Hygiene(self.ops.items, self.ops.policy).make_room(taken - window.target_tokens)
        return len(room.compressed)

    def quarantine_context(self, content: str, context_type: str, reason: str) -> str:
        """Set *content* apart in a thread of its own, whose name is given: no search and no context shows it until a
        person has released it."""
        thread = self.ops.threads.begin().thread
        self.ops.quarantine.add(content, reason=reason, content_type=context_type, thread=thread)
        return thread

    # work

    def create_task(self, title: str, priority: int = 5, description: str = "") -> str:
        """Note a task and give its id."""
        return self.ops.tasks.create(title, description, priority=priority).id

    def update_task(self, task_id: str, **changes: Any) -> dict[str, Any]:
        """Change status, result, priority, title, description, tags or metadata of a task."""
        return asdict(self.ops.tasks.update(task_id, **changes))

    def get_tasks(self, status: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """Tasks, the most urgent first."""
        return [asdict(task) for task in self.ops.tasks.list(status=status, limit=limit).tasks]

    def create_agent(self, name: str, capabilities: Sequence[str] = ()) -> dict[str, Any]:
        """Make an agent known."""
        return asdict(self.ops.agents.register(name, capabilities))

    def get_agents(self, limit: int = 100) -> list[dict[str, Any]]:
        """Who works here, the latest heard of first."""
        return [asdict(agent) for agent in self.ops.agents.list(limit=limit).agents]

    def request_human_input(self, question: str, options: Sequence[str] = ()) -> str:
        """Ask a person, and give the question's id: `memoryops hil` answers it."""
        return self.ops.hil.request(question, options=options).id

    def get_human_input(self, request_id: str, timeout: float = 0.0) -> dict[str, Any]:
        """The question with its status and, once it is there, its answer; waits *timeout* seconds for that."""
        found = self.ops.hil.wait(request_id, timeout=timeout) if timeout else self.ops.hil.get(request_id)
        return asdict(found)

    # the whole

    def get_memory_state(self) -> dict[str, Any]:
        """Counts, tokens, tiers, costs and `context_utilization_percentage`."""
        return self.ops.state().as_json()

    def export_memory_state_json(self) -> str:
        """The state and all records, as one JSON text; not what is in quarantine. `MemoryOps.export` writes a file that
        can be imported, and holds no more in memory than a page."""
        records: list[Mapping[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.ops.export_page(limit=PAGE, max_tokens=PAGE_TOKENS, cursor=cursor)
            records += page.records
            cursor = page.next_cursor
            if cursor is None:
                return json.dumps({"state": self.get_memory_state(), "records": records}, ensure_ascii=False)

    def close(self) -> None:
        """Let go of the store."""
        self.ops.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
