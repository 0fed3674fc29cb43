"""Embeds, beside the calls, the passages that were too long to be embedded before they were acknowledged."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

import numpy as np
from qdrant_client import models

from ...encoders.errors import EncoderError
from ..embedding import dense_text, said
from ..errors import StoreError
from . import filters
from .filters import EMBEDDING
from .gateway import STRONG, Gateway
from .rows import DENSE, Row, parse, point_id
from .writing import unchanged

log = logging.getLogger(__name__)

BATCH = 16
RETRY = 5.0
WAITING = models.Filter(must=[filters.equals(EMBEDDING, "pending"), filters.equals(filters.DELETED, False)])


class PendingEmbeddings:
    """One thread. It looks when told to: after a long write, at open and at each sweep, for the dead's leavings too.

    *embed*: unit vectors of texts, rounded as they will be stored.
    """

    def __init__(self, gateway: Gateway, embed: Callable[[Sequence[str]], list[np.ndarray]]) -> None:
        self._gateway, self._embed = gateway, embed
        self.error = ""
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="memoryops-pending", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._wake.wait(RETRY if self.error else None)
            self._wake.clear()
            if self._stopped:
                return
            try:
                self._work()
                self.error = ""
            except (EncoderError, StoreError) as error:
                self.error = str(error)
                log.warning("embedding waits: %s", error)

    def _work(self) -> None:
        while not self._stopped and (rows := self._waiting()):
            for row, vector in zip(rows, self._embed([self._text(row) for row in rows]), strict=True):
                self._keep(row, vector)

    def _waiting(self) -> list[Row]:
        records, _ = self._gateway.call(
            lambda client: client.scroll(self._gateway.name("memory"), WAITING, limit=BATCH, with_payload=True)
        )
        return [parse("memory", record) for record in records]

    def _text(self, row: Row) -> str:
        return dense_text(row.text or "", row.context, texts(self._gateway, row.workspace, row.after))

    def _keep(self, row: Row, vector: np.ndarray) -> None:
        """Give *row* its vector, unless it has changed meanwhile; the state last, so that it never lies."""
        only = unchanged(row)
        points = [models.PointVectors(id=row.point_id, vector={DENSE: vector.tolist()})]
        self._gateway.call(
            lambda client: client.update_vectors(
                self._gateway.name("memory"), points, wait=True, ordering=STRONG, update_filter=only
            )
        )
        self._gateway.set_payload("memory", {EMBEDDING: "ready"}, only)


def texts(gateway: Gateway, workspace: str, ids: Sequence[str]) -> list[str]:
    """What the living passages among *ids* say, in that order, each as `said` gives it."""
    points = [point_id(workspace, "memory", id) for id in ids]
    records = gateway.retrieve("memory", list(dict.fromkeys(points))) if points else {}
    rows = [parse("memory", records[point]) for point in points if point in records]
    return [said(row.text, row.payload) for row in rows if not row.deleted and row.text]
