"""The owner's life: who starts it, who may reach it, what ends it, and what its clients notice of that."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memoryops.encoders.registry import load
from memoryops.stores.embedded import rendezvous, wire
from memoryops.stores.embedded.client import OwnedStore
from memoryops.stores.embedded.ending import await_end, owner_kept_away, stop_owner
from memoryops.stores.embedded.folder import Folder
from memoryops.stores.embedded.reembed import reembed
from memoryops.stores.errors import EncoderMismatch, ProtocolMismatch, StoreUnavailable
from memoryops.stores.ports import Put, Query

ENCODER = "hashing:64"


@pytest.fixture
def folder(data_dir: Path) -> Iterator[Path]:
    yield data_dir
    stop_owner(data_dir)


def owner_of(folder: Path) -> rendezvous.Pointer:
    pointer = rendezvous.find(Folder(folder))
    assert pointer is not None
    return pointer


def eventually(holds: Callable[[], bool], within: float = 15.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return False


def put(store: OwnedStore, id: str) -> None:
    store.write("w", [Put("memory", id, {"item": id}, f"text of {id}")])


def listening(store: OwnedStore, timeout: float) -> tuple[threading.Thread, list[str]]:
    """A thread that waits for the next write in `w`, and the list into which it puts what it hears of."""
    since, heard = store.info().last_seq, list[str]()
    thread = threading.Thread(
        target=lambda: heard.extend(event.id for event in store.watch("w", since, timeout=timeout))
    )
    thread.start()
    return thread, heard


def test_clients_share_one_owner_and_see_each_others_writes_at_once(folder: Path) -> None:
    first, second = OwnedStore(folder, ENCODER), OwnedStore(folder)
    for number in range(20):
        put(first, f"a{number}")
        assert second.get("w", "memory", [f"a{number}"])[0] is not None
    assert first.info().encoder == second.info().encoder == ENCODER
    first.close()
    second.close()


def test_an_encoder_that_is_not_the_folders_is_refused(folder: Path) -> None:
    OwnedStore(folder, ENCODER).close()
    with pytest.raises(EncoderMismatch, match="memoryops reembed --encoder hashing:32"):
        OwnedStore(folder, "hashing:32")


def test_an_idle_owner_ends_and_the_next_call_starts_another(folder: Path) -> None:
    store = OwnedStore(folder, ENCODER, idle=0.4)
    put(store, "a")
    pid = owner_of(folder).pid
    assert eventually(lambda: Folder(folder).is_free())
    assert not Folder(folder).pointer.exists()
    assert store.get("w", "memory", ["a"])[0] is not None
    assert owner_of(folder).pid != pid
    store.close()


def test_what_a_killed_owner_left_is_cleaned_up(folder: Path) -> None:
    store = OwnedStore(folder, ENCODER)
    put(store, "a")
    for _ in range(3):
        os.kill(owner_of(folder).pid, signal.SIGKILL)
        assert store.get("w", "memory", ["a"])[0] is not None
    address = Path(owner_of(folder).address)
    name = address.name.split("-")[0]
    assert [path for path in address.parent.iterdir() if path.name.startswith(name)] == [address]
    store.close()


def test_a_pointer_to_nobody_and_a_broken_one_are_replaced(folder: Path) -> None:
    for content in (
        '{"pid": 1, "version": "0.1.0", "protocol": 1, "address": "/nowhere.sock", "token": "x"}',
        "{broken",
    ):
        stop_owner(folder)
        Folder(folder).pointer.write_text(content)
        store = OwnedStore(folder, ENCODER)
        put(store, "a")
        store.close()


def test_a_socket_that_was_cleaned_away_is_made_again(folder: Path) -> None:
    store = OwnedStore(folder, ENCODER)
    put(store, "a")
    pid = owner_of(folder).pid
    Path(owner_of(folder).address).unlink()
    other = OwnedStore(folder)
    assert other.get("w", "memory", ["a"])[0] is not None
    assert owner_of(folder).pid == pid
    store.close()
    other.close()


def test_a_very_deep_folder_works(folder: Path) -> None:
    deep = folder.joinpath(*["d" * 50] * 5)
    assert len(str(deep)) > 250
    store = OwnedStore(deep, ENCODER)
    put(store, "a")
    assert [c.point.id for c in store.search("w", Query("text"))] == ["a"]
    store.close()
    assert stop_owner(deep)


OLD_OWNER = """
import sys
from pathlib import Path
from memoryops.encoders.registry import load
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.embedded.owner import Owner
Owner(EmbeddedStore(Path(sys.argv[1]), load, "hashing:64"), version="0.0.1").run()
"""


def test_an_older_owner_is_drained_and_replaced_while_clients_work(folder: Path) -> None:
    old = subprocess.Popen([sys.executable, "-c", OLD_OWNER, str(folder)])
    assert eventually(lambda: rendezvous.find(Folder(folder)) is not None)
    old_client = OwnedStore(folder, client_version="0.0.1")
    assert owner_of(folder).pid == old.pid
    stopped = threading.Event()
    written: list[str] = []
    failures: list[Exception] = []

    def work() -> None:
        while not stopped.is_set():
            try:
                put(old_client, f"w{len(written)}")
            except Exception as error:
                failures.append(error)
                return
            written.append(f"w{len(written)}")

    worker = threading.Thread(target=work)
    worker.start()
    assert eventually(lambda: len(written) > 20)
    newer = OwnedStore(folder)
    before = len(written)
    assert old.wait(timeout=15) == 0
    assert owner_of(folder).pid != old.pid
    assert eventually(lambda: len(written) > before + 20)
    stopped.set()
    worker.join()
    assert not failures
    assert all(newer.get("w", "memory", written))
    old_client.close()
    newer.close()


def test_an_owner_of_another_protocol_is_not_spoken_to(folder: Path) -> None:
    OwnedStore(folder, ENCODER).close()

    class Future(OwnedStore):
        def _gives_way(self, connection: socket.socket, welcome: object) -> bool:
            assert isinstance(welcome, dict)
            return super()._gives_way(connection, {**welcome, "protocol": wire.PROTOCOL + 1})

    with pytest.raises(ProtocolMismatch, match="upgrade this one"):
        Future(folder)


TERMINAL = """
import sys, time
from pathlib import Path
from memoryops.stores.embedded.client import OwnedStore
from memoryops.stores.ports import Put
store = OwnedStore(Path(sys.argv[1]), "hashing:64")
store.write("w", [Put("records", "a", {"type": "item"}, "text")])
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs POSIX process groups")
@pytest.mark.parametrize("number", [signal.SIGKILL, getattr(signal, "SIGHUP", signal.SIGTERM)])
def test_a_killed_terminal_does_not_take_the_owner_along(folder: Path, number: signal.Signals) -> None:
    terminal = subprocess.Popen(
        [sys.executable, "-c", TERMINAL, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert terminal.stdout is not None
    assert terminal.stdout.readline() == "ready\n"
    pid = owner_of(folder).pid
    os.killpg(terminal.pid, number)
    terminal.wait()
    terminal.stdout.close()
    store = OwnedStore(folder)
    assert store.get("w", "records", ["a"])[0] is not None
    assert owner_of(folder).pid == pid
    store.close()


FORKED = """
import os, sys
from pathlib import Path
from memoryops.stores.embedded.client import OwnedStore
from memoryops.stores.ports import Put
store = OwnedStore(Path(sys.argv[1]), "hashing:64")
store.write("w", [Put("records", "parent", {"type": "item"})])
children = []
for n in range(4):
    pid = os.fork()
    if pid == 0:
        for i in range(50):
            store.write("w", [Put("records", f"child{n}x{i}", {"type": "item"})])
        assert store.count("w", "records") >= 51
        os._exit(0)
    children.append(pid)
for i in range(50):
    store.write("w", [Put("records", f"parent{i}", {"type": "item"})])
assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
print(store.count("w", "records"))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_client_connects_anew(folder: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stdout == "251\n", answer.stderr


STRANGER = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
try:
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(sys.argv[1])
except PermissionError:
    print("refused")
"""


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become another user")
def test_another_user_cannot_reach_the_socket(folder: Path) -> None:
    OwnedStore(folder, ENCODER).close()
    address = owner_of(folder).address
    answer = subprocess.run(
        [sys.executable, "-c", STRANGER, address], capture_output=True, text=True, check=False, cwd="/"
    )
    assert answer.stdout == "refused\n", answer.stderr


def test_the_socket_and_its_pointer_are_private(folder: Path) -> None:
    OwnedStore(folder, ENCODER).close()
    address = Path(owner_of(folder).address)
    assert address.stat().st_mode & 0o077 == 0
    assert address.parent.stat().st_mode & 0o077 == 0
    assert Folder(folder).pointer.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\5\xc1\xc1\xc1\xc1\xc1", b"\xff\xff\xff\xff", b"\0\0\0\1\x01"],
)
def test_garbage_on_the_socket_harms_nobody(folder: Path, garbage: bytes) -> None:
    store = OwnedStore(folder, ENCODER)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
        stranger.connect(owner_of(folder).address)
        stranger.sendall(garbage)
    with rendezvous.connect(owner_of(folder)) as stranger:
        wire.send(stranger, {"token": "wrong"})
        with pytest.raises(EOFError):
            wire.receive(stranger)
    put(store, "a")
    assert "Traceback" not in Folder(folder).log.read_text()
    store.close()


def test_a_closed_client_says_so(folder: Path) -> None:
    store = OwnedStore(folder, ENCODER, patience=0.2)
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        store.count("w", "records")


def test_a_waiting_watcher_hears_of_another_clients_write(folder: Path) -> None:
    watching, writing = OwnedStore(folder, ENCODER), OwnedStore(folder)
    listener, heard = listening(watching, timeout=10)
    time.sleep(0.2)
    writing.write("elsewhere", [Put("records", "x", {"type": "item"})])
    put(writing, "a")
    listener.join()
    assert heard == ["a"]
    watching.close()
    writing.close()


def test_a_waiting_watcher_does_not_hold_up_the_end_of_the_owner(folder: Path) -> None:
    watching = OwnedStore(folder, ENCODER)
    listener, heard = listening(watching, timeout=60)
    time.sleep(0.3)
    began = time.monotonic()
    assert stop_owner(folder)
    assert time.monotonic() - began < 20
    writing = OwnedStore(folder)
    put(writing, "a")
    listener.join()
    assert heard == ["a"]
    watching.close()
    writing.close()


def test_an_owner_has_ended_though_a_waiting_client_has_started_the_next_one(folder: Path) -> None:
    store = OwnedStore(folder, ENCODER)
    ended = owner_of(folder)
    os.kill(ended.pid, signal.SIGKILL)
    store.info()
    assert not Folder(folder).is_free()
    await_end(ended, Folder(folder), within=1)
    store.close()


def test_a_waiting_watcher_starts_no_owner_where_it_is_kept_away(folder: Path) -> None:
    OwnedStore(folder, ENCODER).close()
    watching = OwnedStore(folder)
    put(watching, "a")
    listener, heard = listening(watching, timeout=20)
    time.sleep(0.3)
    with owner_kept_away(folder):
        time.sleep(0.5)
        assert Folder(folder).is_free()
        assert reembed(folder, load, "hashing:32") == 1
    writing = OwnedStore(folder)
    assert writing.info().encoder == "hashing:32"
    put(writing, "b")
    listener.join()
    assert heard == ["b"]
    watching.close()
    writing.close()


def test_a_long_call_survives_the_death_of_its_owner(folder: Path) -> None:
    watching = OwnedStore(folder, ENCODER, patience=2)
    listener, heard = listening(watching, timeout=15)
    time.sleep(2.5)
    os.kill(owner_of(folder).pid, signal.SIGKILL)
    writing = OwnedStore(folder)
    put(writing, "a")
    listener.join()
    assert heard == ["a"]
    watching.close()
    writing.close()
