"""What happens beside the calls: embedding what waits for it, sweeping, and tidying when nobody calls."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from ...encoders.errors import EncoderError
from ..embedding import dense_text
from ..errors import StoreError

if TYPE_CHECKING:
    from .engine import EmbeddedStore

log = logging.getLogger(__name__)

TICK = 1.0
SWEEP_EVERY = 30.0
IDLE_AFTER = 3.0
OPTIMIZE_AFTER_WRITES = 5000
REPLIES_KEPT = 3600.0
EMBED_BATCH = 64
RETRY_EMBEDDING = 5.0


class Upkeep:
    """One thread of the store's own. Nothing here is needed for a call to be right, only for it to stay fast."""

    def __init__(self, store: EmbeddedStore) -> None:
        self.store = store
        self.embedding_error = ""
        self.writes = 0
        self._unsynced = False
        self._wake = threading.Event()
        self._wake.set()
        self._stopped = False
        self._swept = time.monotonic()
        self._embed_at = 0.0
        self._thread = threading.Thread(target=self._run, name="memoryops-upkeep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wrote(self, points: int, *, waiting: bool) -> None:
        """So many passages were written; wake up if some of them wait for their embedding."""
        self.writes += points
        self._unsynced = True
        if waiting:
            self._wake.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def busy(self) -> bool:
        """Whether passages wait for their embedding and can get it."""
        return not self.embedding_error and bool(self.store.documents.passages.pending(1))

    def _run(self) -> None:
        self.store.live.wait()
        while not self._stopped:
            self._wake.wait(TICK)
            self._wake.clear()
            try:
                self._embed_pending()
                self._sweep()
                self._tidy()
            except StoreError as error:
                log.warning("upkeep: %s", error)
            except Exception:
                log.exception("upkeep failed and goes on")

    def _embed_pending(self) -> None:
        while not self._stopped and time.monotonic() >= self._embed_at and self._embed_batch():
            pass

    def _embed_batch(self) -> bool:
        store = self.store
        store.live.catch_up()
        passages = store.documents.passages.pending(EMBED_BATCH)
        if not passages:
            return False
        texts = [dense_text(p.text, p.context, store.documents.passages.before(p.key)) for p in passages]
        try:
            vectors = store.embed(texts)
        except EncoderError as error:
            self.embedding_error = str(error)
            self._embed_at = time.monotonic() + RETRY_EMBEDDING
            log.warning("embedding waits: %s", error)
            return False
        self.embedding_error = ""
        store.store_vectors(passages, vectors)
        return True

    def _sweep(self) -> None:
        if time.monotonic() - self._swept < SWEEP_EVERY:
            return
        self._swept = time.monotonic()
        self.store.sweep()
        self.store.forget_replies(time.time() - REPLIES_KEPT)

    def _tidy(self) -> None:
        idle = time.monotonic() - self.store.last_use
        if idle < IDLE_AFTER or not self._unsynced:
            return
        self._unsynced = False
        optimize, self.writes = self.writes >= OPTIMIZE_AFTER_WRITES, self.writes % OPTIMIZE_AFTER_WRITES
        self.store.tidy(optimize=optimize)
