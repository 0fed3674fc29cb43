"""What is ours alone: the encoder, times to live, workspaces, how it opens and closes, and real graphs on top of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain.tools import ToolRuntime, tool
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.base import GetOp, InvalidNamespaceError, ListNamespacesOp, MatchCondition, PutOp, SearchOp

from memoryops.graphs import QdrantStore, ScriptedChatModel
from memoryops.graphs.testing import call
from memoryops.memory.errors import InvalidInput
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.errors import StoreUnavailable
from memoryops.stores.in_memory import InMemoryStore
from memoryops.stores.ports import Change, Written

NS = ("users", "anna")
Make = Callable[..., QdrantStore]


class TestIndex:
    def test_the_whole_value_is_searched_by_default(self, ours: QdrantStore) -> None:
        ours.put(NS, "k", {"deep": {"er": "cats purr"}})
        ours.put(NS, "none", {"deep": {"er": "cats purr"}}, index=False)
        assert [item.key for item in ours.search(NS, query="purr")] == ["k"]

    def test_without_an_index_a_query_is_an_error(self, make: Make) -> None:
        store = make(index=False)
        store.put(NS, "k", {"text": "cats purr"}, index=["text"])
        assert len(store.search(NS)) == len(store.search(NS, query="")) == 1
        with pytest.raises(InvalidInput, match="index=False"):
            store.search(NS, query="cats")

    @pytest.mark.parametrize("index", [{"dims": 64}, {"embed": "hashing:64"}, {"dims": 64, "embed": "hashing:64"}, {}])
    def test_the_memorys_own_encoder_may_be_named(self, make: Make, index: Any) -> None:
        store = make(index=index)
        store.put(NS, "k", {"text": "cats purr"})
        assert len(store.search(NS, query="cats")) == 1

    @pytest.mark.parametrize(
        "index", [{"dims": 1536}, {"embed": "openai:text-embedding-3-small"}, {"dims": 64, "embed": lambda texts: []}]
    )
    def test_another_encoder_is_refused_with_the_remedy(self, make: Make, index: Any) -> None:
        with pytest.raises(InvalidInput, match=r"hashing:64 of 64 dimensions.*MEMORYOPS_ENCODER.*reembed"):
            make(index=index)

    @pytest.mark.parametrize("index", [{"fields": "text"}, {"fields": [1]}, {"text_fields": ["a"]}, True, ["text"]])
    def test_a_malformed_index_is_refused(self, make: Make, index: Any) -> None:
        with pytest.raises(InvalidInput, match="index"):
            make(index=index)


class TestTtl:
    def test_minutes_and_the_default(self, make: Make) -> None:
        store = make(ttl={"default_ttl": 2})
        store.put(NS, "default", {"a": 1})
        store.put(NS, "own", {"a": 1}, ttl=10)
        store.put(NS, "stays", {"a": 1}, ttl=None)
        now = time.time()
        left = {}
        for key in ("default", "own", "stays"):
            entry = store.ops.entries.get(NS, key)
            assert entry is not None
            left[key] = None if entry.expires_at is None else round((entry.expires_at - now) / 60, 1)
        assert left == {"default": 2, "own": 10, "stays": None}

    def test_refresh_on_read_is_configured_and_overridden(self, make: Make) -> None:
        store = make(ttl={"default_ttl": 2, "refresh_on_read": False})
        store.put(NS, "k", {"a": 1})

        def expiry() -> float:
            entry = store.ops.entries.get(NS, "k", refresh=False)
            assert entry is not None
            assert entry.expires_at is not None
            return entry.expires_at

        before = expiry()
        store.get(NS, "k")
        store.search(NS)
        assert expiry() == before
        store.get(NS, "k", refresh_ttl=True)
        assert expiry() > before

    def test_what_has_expired_is_not_returned_and_swept(self, make: Make) -> None:
        store = make()
        store.put(NS, "k", {"text": "cats"}, ttl=0.2 / 60)
        assert store.get(NS, "k", refresh_ttl=False) is not None
        time.sleep(0.3)
        assert store.get(NS, "k") is None
        assert store.search(NS) == store.search(NS, query="cats") == store.list_namespaces() == []
        assert store.sweep_ttl() == 2

    def test_bad_ttl(self, ours: QdrantStore) -> None:
        with pytest.raises(InvalidInput, match="ttl"):
            ours.put(NS, "k", {}, ttl=0)

    def test_the_sweeper_sweeps_until_it_is_stopped(self) -> None:
        ops = MemoryOps(InMemoryStore())
        store = QdrantStore(ops, ttl={"default_ttl": 0.05 / 60, "sweep_interval_minutes": 1})
        store.put(("cache",), "k", {"a": 1})
        future = store.start_ttl_sweeper(sweep_interval_minutes=0.02 / 60)
        assert store.start_ttl_sweeper() is future
        until = time.monotonic() + 10
        while store.ops.store.info().records and time.monotonic() < until:
            time.sleep(0.01)
        assert store.ops.store.info().records == 0
        assert not future.done()
        assert store.stop_ttl_sweeper(5)
        assert future.result(1) is None
        again = store.start_ttl_sweeper()
        assert again.cancel()
        assert store.stop_ttl_sweeper(5)
        with store:
            assert not store.start_ttl_sweeper().done()
        assert [thread for thread in threading.enumerate() if thread.name == "memoryops-ttl"] == []

    def test_no_sweeper_without_ttl(self, ours: QdrantStore) -> None:
        assert ours.start_ttl_sweeper().result(0) is None
        assert ours.stop_ttl_sweeper()


class TestBatchDirectly:
    """`batch` is open to anybody; what `put` and `search` check has to hold there, too."""

    @pytest.mark.parametrize(
        "op",
        [
            GetOp(("a.b",), "k"),
            PutOp(("a", ""), "k", {}),
            SearchOp(("a.b",)),
            ListNamespacesOp((MatchCondition("prefix", ("a.b",)),)),
        ],
    )
    def test_namespaces_are_checked(self, ours: QdrantStore, op: Any) -> None:
        with pytest.raises(InvalidNamespaceError):
            ours.batch([PutOp(NS, "k", {"a": 1}), op])
        assert ours.search(()) == []

    @pytest.mark.parametrize(
        "op",
        [
            "get",
            None,
            GetOp(NS, 5),  # type: ignore[arg-type]  # wrong on purpose
            PutOp((), "k", {}),
            PutOp(NS, "k", [1]),  # type: ignore[arg-type]  # wrong on purpose
            PutOp(NS, "k", {}, index="text"),  # type: ignore[arg-type]  # wrong on purpose
            PutOp(NS, "k", {}, index=True),  # type: ignore[arg-type]  # wrong on purpose
            PutOp("ab", "k", {}),  # type: ignore[arg-type]  # wrong on purpose
            GetOp("ab", "k"),  # type: ignore[arg-type]  # wrong on purpose
            SearchOp("ab"),  # type: ignore[arg-type]  # wrong on purpose
            SearchOp(NS, limit=-1),
        ],
    )
    def test_what_is_no_operation(self, ours: QdrantStore, op: Any) -> None:
        with pytest.raises(InvalidInput):
            ours.batch([PutOp(NS, "k", {"a": 1}), op])
        assert ours.search(()) == []

    def test_an_unknown_way_to_match(self, ours: QdrantStore) -> None:
        with pytest.raises(InvalidInput, match="infix"):
            ours.batch([ListNamespacesOp((MatchCondition("infix", ("a",)),))])  # type: ignore[arg-type]  # on purpose


def test_other_workspaces_are_out_of_reach(make: Make) -> None:
    store, other = make(), make(workspace="somebody else's")
    store.put(NS, "k", {"text": "secret cats"})
    assert other.get(NS, "k") is None
    assert other.search((), query="secret cats") == other.search(()) == other.list_namespaces() == []
    other.delete(NS, "k")
    assert store.get(NS, "k") is not None
    assert make(user="anna").get(NS, "k") is None


def test_memories_and_entries_do_not_mix(make: Make) -> None:
    store = make()
    store.ops.add("Anna likes cats")
    store.put(NS, "k", {"text": "Anna likes cats"})
    assert len(store.ops.search("cats").hits) == 1
    assert len(store.search((), query="cats")) == 1


def test_a_closed_memory_says_so() -> None:
    ops = MemoryOps(InMemoryStore())
    store = QdrantStore(ops)
    ops.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        store.get(NS, "k")


class Waiting(InMemoryStore):
    """A store whose writes wait until they are released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def write(self, workspace: str, changes: Sequence[Change], *, durable: bool = True) -> Written:
        assert self.released.wait(60)
        return super().write(workspace, changes, durable=durable)


def test_the_loop_is_not_blocked() -> None:
    waiting = Waiting()
    store = QdrantStore(MemoryOps(waiting))

    async def use() -> None:
        putting = asyncio.create_task(store.abatch([PutOp(NS, "k", {"text": "cats"})]))
        await asyncio.sleep(0.05)  # the write has begun; only a free loop comes back here to release it
        waiting.released.set()
        await putting

    asyncio.run(use())
    assert store.get(NS, "k") is not None


class TestOpening:
    def test_from_conn_string(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MEMORYOPS_ENCODER", "hashing:64")

        async def other() -> None:
            async with QdrantStore.from_conn_string(str(data_dir), scope=Scope("team")) as store:
                await store.aput(NS, "k", {"a": 2})
                assert (await store.asearch(NS))[0].value == {"a": 2}

        try:
            with QdrantStore.from_conn_string(str(data_dir), index={"fields": ["a"]}, ttl={"default_ttl": 5}) as store:
                store.setup()
                store.put(NS, "k", {"a": 1})
                future = store.start_ttl_sweeper()
            assert future.result(5) is None
            with pytest.raises(StoreUnavailable):
                store.get(NS, "k")
            with QdrantStore.from_conn_string(str(data_dir)) as store:
                item = store.get(NS, "k")
            assert item is not None
            assert item.value == {"a": 1}
            asyncio.run(other())
        finally:
            stop_owner(data_dir)

    def test_a_store_that_cannot_be_made_leaves_nothing_open(
        self, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MEMORYOPS_ENCODER", "hashing:64")
        try:
            with (
                pytest.raises(InvalidInput, match="dims"),
                QdrantStore.from_conn_string(str(data_dir), index={"dims": 3}),
            ):
                raise AssertionError("it was opened")
        finally:
            stop_owner(data_dir)

    def test_memory_is_no_folder(self) -> None:
        with pytest.raises(InvalidInput, match="InMemoryStore"):
            QdrantStore.from_conn_string(":memory:")


PROCESS = """
import sys
from memoryops import MemoryOps
from memoryops.graphs import QdrantStore
with QdrantStore.from_conn_string(sys.argv[1]) as store:
    for number in range(12):
        store.put(("shared",), f"{number}", {"by": sys.argv[2], "n": number, "text": "cats"})
        store.put(("own", sys.argv[2]), f"{number}", {"n": number})
"""


def test_two_processes_share_one_folder(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORYOPS_ENCODER", "hashing:64")
    started = [subprocess.Popen([sys.executable, "-c", PROCESS, str(data_dir), name]) for name in ("one", "two")]
    try:
        assert [process.wait(120) for process in started] == [0, 0]
        with QdrantStore.from_conn_string(str(data_dir)) as store:
            shared = store.search(("shared",), limit=100)
            assert sorted(item.value["n"] for item in shared) == list(range(12))
            assert len(store.search(("shared",), query="cats", limit=100)) == 12
            assert len(store.search(("own",), limit=100)) == 24
            assert store.list_namespaces() == [("own", "one"), ("own", "two"), ("shared",)]
    finally:
        stop_owner(data_dir)


# real graphs


class State(TypedDict):
    said: Annotated[list[str], lambda old, new: old + new]
    known: list[str]


def learn(state: State, runtime: Runtime[None]) -> dict[str, Any]:
    assert runtime.store is not None
    runtime.store.put(NS, f"{len(state['said'])}", {"text": state["said"][-1]})
    return {}


async def recall(state: State, runtime: Runtime[None]) -> dict[str, Any]:
    assert runtime.store is not None
    found = await runtime.store.asearch(("users",), query=state["said"][-1], limit=1)
    return {"known": [item.value["text"] for item in found]}


def test_a_graph_remembers_across_runs(make: Make) -> None:
    builder = StateGraph(State)
    builder.add_node("learn", learn)
    builder.add_node("recall", recall)
    builder.add_edge(START, "learn")
    builder.add_edge("learn", "recall")
    builder.add_edge("recall", END)
    graph = builder.compile(store=make())
    asyncio.run(graph.ainvoke({"said": ["Anna eats fish"], "known": []}))
    state = asyncio.run(graph.ainvoke({"said": ["", "does Anna eats fish too"], "known": []}))
    assert len(state["known"]) == 1
    other = builder.compile(store=make())
    asyncio.run(other.ainvoke({"said": ["", "", "trains run late"], "known": []}))
    assert {item.value["text"] for item in make().search(NS)} == {
        "Anna eats fish",
        "does Anna eats fish too",
        "trains run late",
    }


@tool
def save(fact: str, runtime: ToolRuntime) -> str:
    """Save a fact."""
    assert runtime.store is not None
    runtime.store.put(NS, "fact", {"text": fact})
    return "saved"


@tool
def look_up(question: str, runtime: ToolRuntime) -> str:
    """Look a fact up."""
    assert runtime.store is not None
    return "; ".join(item.value["text"] for item in runtime.store.search(NS, query=question))


def test_the_tools_of_an_agent_use_it(make: Make) -> None:
    script = [call("save", fact="Anna eats fish"), "noted", call("look_up", question="what does Anna eat?"), "fish"]
    agent = create_agent(ScriptedChatModel(script=script), [save, look_up], store=make())
    agent.invoke({"messages": [{"role": "user", "content": "Anna eats fish"}]})
    result = agent.invoke({"messages": [{"role": "user", "content": "what does Anna eat?"}]})
    assert [message.content for message in result["messages"][2:]] == ["Anna eats fish", "fish"]
    item = make().get(NS, "fact")
    assert item is not None
    assert item.value == {"text": "Anna eats fish"}
