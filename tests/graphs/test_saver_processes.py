"""Several processes on one thread, and one that is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage, messages_to_dict

from memoryops.graphs import QdrantSaver
from memoryops.memory.service import MemoryOps
from memoryops.stores.embedded.client import OwnedStore
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.in_memory import InMemoryStore

from .saver_children import CONFIG, PUTS, answering, two_steps

CHILDREN = Path(__file__).parent / "saver_children.py"


def start(role: str, folder: Path, *rest: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(CHILDREN), role, str(folder), *rest])


@pytest.fixture
def saver(data_dir: Path) -> Iterator[QdrantSaver]:
    ops = MemoryOps(OwnedStore(data_dir, "hashing:64"))
    yield QdrantSaver(ops)
    ops.close()
    stop_owner(data_dir)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_graph_resumes_after_its_process_was_killed_between_put_and_put_writes(
    saver: QdrantSaver, data_dir: Path
) -> None:
    assert start("dies", data_dir).wait() == -signal.SIGKILL
    graph = two_steps(saver)
    state = graph.get_state(CONFIG)
    assert [message.content for message in state.values["messages"]] == ["hello", "first"]
    assert state.next == ("second",)
    assert [message.content for message in graph.invoke(None, CONFIG)["messages"]] == ["hello", "first", "second"]


def test_two_processes_on_one_thread_lose_and_mix_nothing(saver: QdrantSaver, data_dir: Path) -> None:
    children = [start("writes", data_dir, name) for name in ("anna", "bert")]
    assert [child.wait() for child in children] == [0, 0]
    found = list(saver.list(CONFIG))
    assert len(found) == 2 * PUTS
    for each in found:
        first, *own = [message.content for message in each.checkpoint["channel_values"]["messages"]]
        name = own[0].split()[0]
        assert first == "shared by all"
        assert own == [f"{name} {number}" for number in range(len(own))]
        assert [write[2][0].content for write in each.pending_writes or []] == [f"{name} {len(own)}"]
        assert (each.parent_config is None) == (len(own) == 1)
    kinds = saver.ops.store.facet("default", "records", "type")
    assert kinds["checkpoint_blob"] <= 1 + 2 * (PUTS + 1) + 2 * 2


def test_a_prune_beside_two_writers_takes_nothing_that_they_need(saver: QdrantSaver, data_dir: Path) -> None:
    children = [start("writes", data_dir, "anna"), start("writes", data_dir, "bert"), start("prunes", data_dir, "")]
    assert [child.wait() for child in children] == [0, 0, 0]
    found = list(saver.list(CONFIG))  # every blob that a checkpoint needs is there, or this raises
    assert found
    assert len(found[0].checkpoint["channel_values"]["messages"]) == PUTS + 1
    saver.prune(["shared"])
    assert len(list(saver.list(CONFIG))) == 1
    saver.delete_thread("shared")
    assert saver.ops.store.facet("default", "records", "type") == {}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_process_killed_while_it_compacts_has_stored_its_run(saver: QdrantSaver, data_dir: Path) -> None:
    assert start("dies_compacting", data_dir).wait() == -signal.SIGKILL
    graph = answering(saver.ops)
    state = graph.get_state(CONFIG)
    assert state.next == ()
    said = [message.id for message in state.values["messages"]]
    assert said == [id for number in range(len(said) // 2) for id in (f"q{number}", f"a{2 * number + 1}")]
    assert not any("memoryops" in message.response_metadata for message in state.values["messages"])
    graph.invoke({"messages": [HumanMessage("And?", id="q")]}, CONFIG)
    assert any("memoryops" in message.response_metadata for message in graph.get_state(CONFIG).values["messages"])


def test_what_one_process_showed_short_another_stores_whole(saver: QdrantSaver, data_dir: Path, tmp_path: Path) -> None:
    graph, twin = answering(saver.ops), answering(MemoryOps(InMemoryStore()), "off")
    for each in (graph, twin):
        for number in range(5):
            each.invoke({"messages": [HumanMessage(f"Question {number}?", id=f"q{number}")]}, CONFIG)
    shown = graph.get_state(CONFIG).values["messages"]
    assert any("memoryops" in message.response_metadata for message in shown)
    (tmp_path / "shown.json").write_text(json.dumps(messages_to_dict(shown)), encoding="utf-8")
    assert start("resends", data_dir, str(tmp_path / "shown.json")).wait() == 0
    sent = [*twin.get_state(CONFIG).values["messages"], HumanMessage("And?", id="again")]
    twin.invoke({"messages": sent}, CONFIG)
    later = answering(saver.ops)
    assert any("memoryops" in message.response_metadata for message in later.get_state(CONFIG).values["messages"])
    ours, theirs = (each.get_state_history(CONFIG) for each in (later, twin))
    assert [past.values for past in ours] == [past.values for past in theirs]
