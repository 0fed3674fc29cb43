"""Unique keys without a unique index: one claim point per key, which names the row that holds it.

A claim is made before its row is written, and given back after the row has let go of the key. A claim whose
row does not hold the key is either that of a write under way or of one that died; the row's seq tells which,
and where it cannot, the claim stands for some seconds of grace and may then be taken over.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from qdrant_client import models

from ..errors import StoreUnavailable
from ..ports import Collection
from .edits import Ref
from .filters import CLAIM, ID, OWNER, SEQ, WORKSPACE, among, between, equals
from .gateway import Gateway
from .rows import point_id

GRACE = 10.0
"""Seconds within which a write is over, or dead."""
CLAIMS = "\0claims"
"""The workspace of the claims, which no caller can name."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The key *unique* is held by *owner* since the write *seq*, whose mark is *token*."""

    point_id: str
    unique: str
    owner: Ref
    seq: int
    token: str

    def age(self) -> float:
        """Seconds since the write that made it began."""
        return time.time() - self.seq / 1e6


class Claims:
    """The claims of one workspace."""

    def __init__(self, gateway: Gateway, workspace: str) -> None:
        self._gateway, self._workspace = gateway, workspace

    def read(self, unique: str) -> Claim | None:
        id = point_id(self._workspace, "unique", unique)
        record = self._gateway.retrieve("records", [id]).get(id)
        if record is None or record.payload is None:
            return None
        collection, owner = json.loads(record.payload[OWNER])
        return Claim(id, unique, (_collection(collection), owner), record.payload[SEQ], record.payload[CLAIM])

    def take(self, unique: str, owner: Ref, seq: int, token: str, seen: Claim | None) -> bool:
        """Claim *unique* for *owner*, in place of *seen*; False when somebody else was faster."""
        id = point_id(self._workspace, "unique", unique)
        payload = {
            WORKSPACE: CLAIMS,
            ID: unique,
            OWNER: json.dumps(owner),
            SEQ: seq,
            CLAIM: token,
        }
        point = models.PointStruct(id=id, payload=payload, vector={})
        if seen is None:
            self._gateway.insert("records", [point])
        else:
            self._gateway.replace("records", [point], _exactly(seen))
        return self.holds(unique, token)

    def holds(self, unique: str, token: str) -> bool:
        claim = self.read(unique)
        return claim is not None and claim.token == token

    def release(self, unique: str, owner: Ref, seq: int) -> None:
        """Give back what *owner* has claimed until the write *seq*."""
        id = point_id(self._workspace, "unique", unique)
        self._gateway.delete(
            "records", models.Filter(must=[among([id]), between(SEQ, lte=seq), equals(OWNER, json.dumps(owner))])
        )


def wait_for(claim: Claim, patience: float) -> None:
    """Pause while the write behind *claim* is under way. Raises `StoreUnavailable` after *patience* seconds."""
    if patience <= 0:
        raise StoreUnavailable(f"another write holds the unique key {claim.unique!r}; repeat the call")
    time.sleep(min(0.05, patience))


def _exactly(claim: Claim) -> models.Filter:
    return models.Filter(must=[among([claim.point_id]), equals(CLAIM, claim.token)])


def _collection(name: str) -> Collection:
    return "memory" if name == "memory" else "records"
