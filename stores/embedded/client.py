"""`PointStore` over the owner of a data folder: starts it when there is none, and survives its death.

Every call is safe to repeat (writes carry a request id that the owner remembers), so a call whose owner is
killed midway is sent again to the next one, and the caller sees neither an error nor a second write.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from ..errors import EncoderMismatch, ProtocolMismatch, StoreUnavailable
from ..filters import Filter
from ..ports import (
    Candidate,
    Capabilities,
    Change,
    Collection,
    Embedding,
    Event,
    Page,
    Point,
    Query,
    StoreInfo,
    Written,
)
from . import rendezvous, version, wire
from .ending import await_end
from .folder import Folder, starting
from .rendezvous import IDLE_SECONDS
from .stamps import StampReader

PATIENCE = 30.0
"""Seconds without an owner after which a call gives up."""
ANSWER_WITHIN = 120.0
LOG_BYTES = 1_000_000
"""Length at which the owner's log is set aside when the next owner starts."""
MOST_BREAKS = 20
"""How often the owner may go away in the middle of one call before that call is taken for the reason."""
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.1

_running: list[subprocess.Popen[bytes]] = []
"""Owners that are our children (on Windows), kept so that their handles are not closed with a warning."""


class OwnedStore:
    """A client of the owner of *path*. One object may be used by many threads, and after a fork."""

    capabilities = Capabilities("embedded", atomic_writes=True, backup=True, purge=True, shared=True)

    def __init__(
        self,
        path: Path,
        spec: str | None = None,
        *,
        idle: float = IDLE_SECONDS,
        embeddings_key: str | None = None,
        client_version: str = version.VERSION,
        patience: float = PATIENCE,
    ) -> None:
        """Connect to the owner of the data folder *path*, starting one if need be.

        *spec* is the encoder asked for (None: the folder's own). Raises what `EmbeddedStore` raises.
        """
        self.folder = Folder(path.absolute())
        self.spec, self.idle, self.version, self.patience = spec, idle, client_version, patience
        self._embeddings_key = embeddings_key
        self._reset()
        self._call("info")

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []
        self._stamps: StampReader | None = None
        self._closed = False

    # calls

    def _call(self, name: str, *args: Any, answer_within: float | None = ANSWER_WITHIN, **kw: Any) -> Any:
        frame = wire.pack({"call": name, "args": args, "kw": kw})
        searching_since, pause, breaks = time.monotonic(), FIRST_PAUSE, 0
        while True:
            connection: socket.socket | None = None
            try:
                connection = self._connection(searching_since + self.patience)
                reply = self._exchange(connection, frame, answer_within)
            except TimeoutError as error:
                raise self._unavailable(error) from error
            except (OSError, EOFError) as error:
                now = time.monotonic()
                if connection is not None:  # it was there, and went away in the middle of the call
                    self._drop_idle()
                    searching_since, breaks = now, breaks + 1
                if breaks > MOST_BREAKS or now - searching_since > self.patience:
                    raise self._unavailable(error) from error
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            if "error" in reply:
                raise wire.error_from_plain(reply["error"])
            return reply["ok"]

    def _drop_idle(self) -> None:
        """Close the connections that lead to an owner that is gone."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        return StoreUnavailable(f"the owner of {self.folder.path} does not answer ({error}); see {self.folder.log}")

    def _exchange(self, connection: socket.socket, frame: bytes, answer_within: float | None) -> Mapping[str, Any]:
        try:
            connection.settimeout(answer_within)
            connection.sendall(frame)
            reply: Mapping[str, Any] = wire.receive(connection)
        except BaseException:
            connection.close()
            raise
        self._give_back(connection)
        return reply

    def _connection(self, deadline: float) -> socket.socket:
        if os.getpid() != self._pid:
            self._reset()
        if self._closed:
            raise StoreUnavailable(f"this store on {self.folder.path} was closed")
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._connect(deadline)

    def _give_back(self, connection: socket.socket) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    # meeting the owner

    def _connect(self, deadline: float) -> socket.socket:
        connection = self._greet(rendezvous.find(self.folder))
        if connection is not None:
            return connection
        self.folder.prepare()
        with starting(self.folder, deadline):
            connection = self._greet(rendezvous.find(self.folder))
            if connection is not None:
                return connection
            self._start()
        connection = self._greet(rendezvous.find(self.folder))
        if connection is None:
            raise ConnectionError("the owner has just ended")
        return connection

    def _greet(self, pointer: rendezvous.Pointer | None) -> socket.socket | None:
        """A connection to the owner at *pointer* that speaks with us; None if there is none, or it gives way."""
        if pointer is None:
            return None
        try:
            connection = rendezvous.connect(pointer)
        except OSError:
            return None
        try:
            wire.send(connection, {"token": pointer.token, "version": self.version, "protocol": wire.PROTOCOL})
            welcome = wire.receive(connection)
            if self._gives_way(connection, welcome):
                connection.close()
                await_end(pointer, self.folder)
                return None
        except (OSError, EOFError):
            connection.close()
            return None
        except BaseException:
            connection.close()
            raise
        self._stamps = StampReader.on(self.folder.stamps)
        return connection

    def _gives_way(self, connection: socket.socket, welcome: Mapping[str, Any]) -> bool:
        theirs, ours = version.key(welcome["version"]), version.key(self.version)
        if theirs < ours:
            wire.send(connection, {"call": "drain"})
            with contextlib.suppress(EOFError, OSError):
                wire.receive(connection)
            return True
        if welcome["protocol"] != wire.PROTOCOL:
            raise ProtocolMismatch(
                f"the memory in {self.folder.path} is open in version {welcome['version']}, this is {self.version}; "
                "upgrade this one with `pip install -U memoryops`"
            )
        if self.spec is not None and self.spec != welcome["encoder"]:
            raise EncoderMismatch(
                f"the vectors in {self.folder.path} were made by the encoder {welcome['encoder']!r}, "
                f"not {self.spec!r}; "
                f"leave the encoder unset to keep it, or run `memoryops reembed --encoder {self.spec}`"
            )
        return False

    def _start(self) -> None:
        """Start an owner, detached from us, and wait until it serves. Raises the error that it reports."""
        command = [sys.executable, "-P", "-m", "memoryops.stores.embedded.start", str(self.folder.path)]
        with _log(self.folder) as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=Path(os.sep).resolve(),
                **_detached(),
            )
        assert process.stdin is not None and process.stdout is not None
        options = {"encoder": self.spec, "idle": self.idle, "embeddings_key": self._embeddings_key}
        with contextlib.suppress(BrokenPipeError), process.stdin as orders:
            orders.write(json.dumps(options).encode() + b"\n")
        with process.stdout as answers:
            line = answers.readline()
        _let_go(process)
        if not line:
            raise StoreUnavailable(f"the owner of {self.folder.path} ended at once; see {self.folder.log}")
        report = json.loads(line)
        if "error" in report:
            raise wire.error_from_plain(report["error"])
        if "busy" in report:
            raise ConnectionError("another process owns the folder and does not serve it (yet)")

    # the port

    def write(self, workspace: str, changes: Sequence[Change], *, durable: bool = True) -> Written:
        written: Written = self._call("write", workspace, list(changes), durable=durable, request=uuid.uuid4().hex)
        return written

    def get(self, workspace: str, collection: Collection, ids: Sequence[str]) -> list[Point | None]:
        points: list[Point | None] = self._call("get", workspace, collection, list(ids))
        return points

    def search(self, workspace: str, query: Query) -> list[Candidate]:
        candidates: list[Candidate] = self._call("search", workspace, query)
        return candidates

    def scroll(
        self,
        workspace: str,
        collection: Collection,
        *,
        where: Filter | None = None,
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        page: Page = self._call(
            "scroll",
            workspace,
            collection,
            where=where,
            order_by=order_by,
            descending=descending,
            limit=limit,
            cursor=cursor,
        )
        return page

    def count(self, workspace: str, collection: Collection, where: Filter | None = None) -> int:
        return int(self._call("count", workspace, collection, where))

    def facet(
        self,
        workspace: str,
        collection: Collection,
        field: str,
        where: Filter | None = None,
        limit: int = 100,
    ) -> dict[str, int]:
        counts: dict[str, int] = self._call("facet", workspace, collection, field, where, limit)
        return counts

    def total(self, workspace: str, collection: Collection, field: str, where: Filter | None = None) -> float:
        return float(self._call("total", workspace, collection, field, where))

    def embedding(self, workspace: str, item: str | None = None) -> Embedding:
        state: Embedding = self._call("embedding", workspace, item)
        return state

    def watch(self, workspace: str, since_seq: int, *, timeout: float = 0.0, limit: int = 1000) -> list[Event]:
        within = timeout + ANSWER_WITHIN
        events: list[Event] = self._call(
            "watch", workspace, since_seq, answer_within=within, timeout=timeout, limit=limit
        )
        return events

    def stamp(self, workspace: str) -> int | None:
        stamps = self._stamps
        return None if stamps is None or self._closed else stamps.of(workspace)

    def sweep(self) -> int:
        return int(self._call("sweep", answer_within=None))

    def purge(self) -> None:
        self._call("purge", answer_within=None)

    def backup(self, target: Path) -> Path:
        return Path(self._call("backup", answer_within=None, target=str(target.absolute())))

    def verify(self) -> Mapping[str, int]:
        report: Mapping[str, int] = self._call("verify", answer_within=None)
        return report

    def info(self) -> StoreInfo:
        info: StoreInfo = self._call("info")
        return info

    def close(self) -> None:
        """Close this client's connections; the owner goes on for others until it is idle."""
        if os.getpid() != self._pid:
            self._reset()
        with self._lock:
            self._closed = True
        self._drop_idle()


def _log(folder: Folder) -> IO[bytes]:
    with contextlib.suppress(OSError):
        if folder.log.stat().st_size > LOG_BYTES:
            folder.log.replace(folder.log.with_suffix(".log.1"))
    try:
        return folder.log.open("ab")
    except OSError:
        return Path(os.devnull).open("ab")


def _detached() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """What we started has forked the owner and ended; on Windows it is the owner, and outlives us."""
    if sys.platform == "win32":
        _running.append(process)
    else:
        process.wait()
