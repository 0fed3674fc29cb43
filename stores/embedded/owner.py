"""The owner: the one process that holds a data folder open, and serves every client on this machine.

Started on demand by a client (`client.py`), detached from it, ended by idleness, a newer client or SIGTERM.
"""

from __future__ import annotations

import contextlib
import gc
import hmac
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ...encoders.errors import EncoderError
from ...encoders.registry import load
from ..errors import InvalidRequest, StoreBusy, StoreError, StoreReadOnly, StoreUnavailable
from . import rendezvous, schema, wire
from .engine import EmbeddedStore
from .rendezvous import IDLE_SECONDS
from .version import VERSION

log = logging.getLogger(__name__)

DRAIN_SECONDS = 30.0

CALLS = frozenset("write get search scroll count facet total embedding watch sweep purge info backup verify".split())


class Owner:
    """Serves *store* on a socket until it is idle for *idle* seconds, drained or told to stop."""

    def __init__(self, store: EmbeddedStore, idle: float = IDLE_SECONDS, version: str = VERSION) -> None:
        self.store, self.idle, self.version = store, idle, version
        self.server, self.address = rendezvous.listen(store.folder)
        self.pointer = rendezvous.publish(store.folder, self.address, version, wire.PROTOCOL)
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._active = 0
        self._stopping = self._closing = False

    def run(self) -> None:
        """Accept connections until it is time to go; then finish what runs, close the store, clean up."""
        try:
            while not self._stopping:
                self._accept()
                self._keep_socket()
                if self._idle():
                    break
        finally:
            self._drain()

    def stop(self) -> None:
        """Let `run` return soon."""
        self._stopping = True

    def _accept(self) -> None:
        self.server.settimeout(0.5)
        try:
            connection, _ = self.server.accept()
        except TimeoutError:
            return
        except OSError as error:
            log.warning("accept: %s", error)
            time.sleep(0.05)
            return
        threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _keep_socket(self) -> None:
        """Listen anew if somebody cleaned our socket away."""
        if self.address.isdigit() or Path(self.address).exists():
            return
        log.warning("the socket %s is gone; listening anew", self.address)
        self.server.close()
        self.server, self.address = rendezvous.listen(self.store.folder)
        self.pointer = rendezvous.publish(self.store.folder, self.address, self.version, wire.PROTOCOL)

    def _idle(self) -> bool:
        unused = time.monotonic() - self.store.last_use
        return unused > self.idle and not self._active and not self.store.upkeep.busy

    def _drain(self) -> None:
        self._stopping = True
        self.server.close()
        deadline = time.monotonic() + DRAIN_SECONDS
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        self.store.stop_watching()
        while not self._closing:
            with self._lock:
                self._closing = not self._active or time.monotonic() > deadline
            time.sleep(0.002)
        current = rendezvous.find(self.store.folder)
        if current is not None and current.pid == os.getpid():
            self.store.folder.pointer.unlink(missing_ok=True)
        if not self.address.isdigit():
            Path(self.address).unlink(missing_ok=True)
        self.store.close()

    # one connection

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(None)
        with self._lock:
            self._connections.add(connection)
        try:
            if rendezvous.same_user(connection) and self._greet(connection):
                while not self._stopping:
                    self._answer(connection, wire.receive_frame(connection))
        except (EOFError, OSError, InvalidRequest) as error:
            log.debug("connection ended: %s", error)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _greet(self, connection: socket.socket) -> bool:
        hello = wire.receive(connection)
        if not isinstance(hello, Mapping) or not hmac.compare_digest(str(hello.get("token")), self.pointer.token):
            return False
        spec = self.store.info().encoder
        welcome = {
            "protocol": wire.PROTOCOL,
            "version": self.version,
            "schema": schema.LATEST,
            "encoder": spec,
            "pid": os.getpid(),
        }
        wire.send(connection, welcome)
        return True

    def _answer(self, connection: socket.socket, frame: bytes) -> None:
        with self._lock:
            if self._closing:
                raise EOFError("this owner is ending; the client repeats its call to the next one")
            self._active += 1
        try:
            connection.sendall(self._reply(frame))
        finally:
            with self._lock:
                self._active -= 1

    def _reply(self, frame: bytes) -> bytes:
        """The answer to *frame* as a frame; an error of any kind is an answer, too."""
        call: Any = None
        try:
            message = wire.unpack(frame)
            call = message.get("call")
            return wire.answer(self._call(message))
        except (StoreError, EncoderError) as error:
            if isinstance(error, StoreUnavailable) and self._stopping:
                raise EOFError("this owner is ending; the client repeats its call to the next one") from error
            return wire.pack({"error": wire.error_to_plain(error)})
        except Exception as error:
            log.exception("a call failed: %s", call)
            failure = StoreUnavailable(
                f"the store failed inside ({type(error).__name__}: {error}); see {self.store.folder.log}"
            )
            return wire.pack({"error": wire.error_to_plain(failure)})

    def _call(self, message: Mapping[str, Any]) -> Any:
        name = message.get("call")
        if name == "drain":
            self.stop()
            return None
        if name not in CALLS:
            raise InvalidRequest(f"the store has no call {name!r}")
        arguments = dict(message.get("kw") or {})
        if name == "backup":
            arguments["target"] = Path(arguments["target"])
            return str(self.store.backup(**arguments))
        method: Callable[..., Any] = self.store.find if name == "search" else getattr(self.store, name)
        return method(*message.get("args", ()), **arguments)


def main(folder: Path, options: Mapping[str, Any]) -> int:
    """Own *folder* until it is time to go. *options*: encoder (spec), idle (seconds), embeddings_key.

    Tells the starter how it went; 0 when it owned the folder or another process does.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        encoder = partial(load, api_key=options.get("embeddings_key"))
        owner = Owner(EmbeddedStore(folder, encoder, options.get("encoder")), options.get("idle", IDLE_SECONDS))
    except StoreBusy:
        _tell({"busy": True})
        return 0
    except (StoreError, EncoderError) as error:
        _tell({"error": wire.error_to_plain(error)})
        return 1
    except OSError as error:
        refusal = StoreReadOnly(f"cannot write to the data folder {folder} ({error.strerror}); see its permissions")
        _tell({"error": wire.error_to_plain(refusal)})
        return 1
    for name in ("SIGTERM", "SIGINT"):
        signal.signal(getattr(signal, name), lambda *_: owner.stop())
    _tell({"ready": os.getpid()})
    gc.freeze()  # what was loaded stays, and need not be gone through by each collection
    owner.run()
    return 0


def _tell(message: Mapping[str, Any]) -> None:
    """Send *message* to the starter and let go of its pipe."""
    with contextlib.suppress(OSError):
        print(json.dumps(message), flush=True)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
