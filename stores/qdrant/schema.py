"""What this store makes on the server, as numbered migrations that are only ever appended to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from qdrant_client import QdrantClient, models

from ...encoders.ports import Encoder
from ..errors import EncoderMismatch, SchemaTooNew, StoreUnavailable, Unsupported
from ..filters import FLAGS, KEYWORDS, LISTS, NUMBERS
from ..ports import Collection
from .filters import CLAIM, DELETED, EMBEDDING, ID, OWNER, SEQ, TERMS, WORKSPACE
from .gateway import Gateway
from .rows import BODY, DENSE, SPARSE, point_id

OLDEST_SERVER = (1, 19)
"""The first with BM25 statistics per tenant; an older one would quietly mix those of all workspaces."""
META = "\0meta"
"""The workspace of the store's own settings, which no caller can name."""

KEYWORD = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD)
INTEGER = models.IntegerIndexParams(type=models.IntegerIndexType.INTEGER)
FLOAT = models.FloatIndexParams(type=models.FloatIndexType.FLOAT)
FLAG = models.BoolIndexParams(type=models.BoolIndexType.BOOL)
TENANT = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
Index = models.KeywordIndexParams | models.IntegerIndexParams | models.FloatIndexParams | models.BoolIndexParams


@dataclass(frozen=True, slots=True)
class Sharding:
    """How the collections are spread over a cluster when they are made; None leaves it to the server."""

    shard_number: int | None = None
    replication_factor: int | None = None
    write_consistency_factor: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What belongs to the store, not to who opens it."""

    schema: int
    encoder: str
    fingerprint: str
    dimension: int


def prepare(gateway: Gateway, encoder: Encoder, sharding: Sharding) -> Settings:
    """The settings of the store, after making it or bringing it to `LATEST`.

    Raises `EncoderMismatch`, `SchemaTooNew`, `Unsupported` (an old server) or `StoreUnavailable`.
    """
    _check_server(gateway)
    found = read(gateway)
    if found is not None and found.schema > LATEST:
        raise SchemaTooNew(
            f"the memory at {gateway.address} has schema {found.schema}, this release knows {LATEST}; "
            "upgrade with `pip install -U memoryops`"
        )
    if found is not None:
        _check_encoder(gateway, found, encoder)
    for number in range(found.schema if found else 0, LATEST):
        MIGRATIONS[number](gateway, encoder.dimension, sharding)
    if found is None or found.schema < LATEST:
        _write(gateway, Settings(LATEST, encoder.name, encoder.fingerprint, encoder.dimension), found is None)
        found = read(gateway)
        if found is None:
            raise StoreUnavailable(f"{gateway.address} does not keep what is written to it; see its log")
        _check_encoder(gateway, found, encoder)
    return found


def read(gateway: Gateway) -> Settings | None:
    """The settings on the server, None where there is no store yet."""
    if not gateway.call(lambda client: client.collection_exists(gateway.name("records"))):
        return None
    id = point_id(META, "settings", "settings")
    record = gateway.retrieve("records", [id]).get(id)
    return Settings(**json.loads((record.payload or {})[BODY])) if record is not None else None


def _write(gateway: Gateway, settings: Settings, first: bool) -> None:
    """Of several processes that make the store at once, the first one's settings stand."""
    id = point_id(META, "settings", "settings")
    payload = {WORKSPACE: META, ID: "settings", BODY: json.dumps(asdict(settings))}
    point = models.PointStruct(id=id, payload=payload, vector={})
    if first:
        gateway.insert("records", [point])
    else:
        gateway.set_payload("records", payload, models.Filter(must=[models.HasIdCondition(has_id=[id])]))


def _check_encoder(gateway: Gateway, found: Settings, encoder: Encoder) -> None:
    if found.fingerprint != encoder.fingerprint:
        raise EncoderMismatch(
            f"the vectors at {gateway.address} were made by the encoder {found.encoder!r} ({found.fingerprint}), "
            f"not {encoder.name!r} ({encoder.fingerprint}); use that one, or run "
            f"`memoryops reembed --encoder {encoder.name}` to rebuild them"
        )


def _check_server(gateway: Gateway) -> None:
    version = gateway.server_version()
    known = tuple(int(part) for part in version.split("-")[0].split(".")[:2] if part.isdigit())
    if known < OLDEST_SERVER:
        raise Unsupported(
            f"the Qdrant server at {gateway.address} is {version}; MemoryOps needs "
            f"{'.'.join(map(str, OLDEST_SERVER))} or newer, upgrade the server"
        )


# migrations


def _first(gateway: Gateway, dimension: int, sharding: Sharding) -> None:
    dense = models.VectorParams(size=dimension, distance=models.Distance.DOT, datatype=models.Datatype.FLOAT16)
    sparse = models.SparseVectorParams(modifier=models.Modifier.IDF)
    _make(gateway, "memory", {DENSE: dense}, {SPARSE: sparse}, sharding)
    _make(gateway, "records", {}, None, sharding)
    fields: dict[str, Index] = {
        WORKSPACE: TENANT,
        SEQ: INTEGER,
        CLAIM: KEYWORD,
        OWNER: KEYWORD,
        DELETED: FLAG,
        EMBEDDING: KEYWORD,
        TERMS: INTEGER,
        **dict.fromkeys(sorted(KEYWORDS | LISTS), KEYWORD),
        **dict.fromkeys(sorted(NUMBERS), FLOAT),
        **dict.fromkeys(sorted(FLAGS), FLAG),
    }
    for collection in ("memory", "records"):
        for field, index in fields.items():
            _index(gateway, collection, field, index)


MIGRATIONS: tuple[Callable[[Gateway, int, Sharding], None], ...] = (_first,)
"""Migration n takes a store of schema n to schema n + 1, and may be repeated. Released ones never change."""

LATEST = len(MIGRATIONS)


def _make(
    gateway: Gateway,
    collection: Collection,
    vectors: dict[str, models.VectorParams],
    sparse: dict[str, models.SparseVectorParams] | None,
    sharding: Sharding,
) -> None:
    """Make *collection* unless it exists, or another process is faster."""
    name = gateway.name(collection)

    def exists(client: QdrantClient) -> bool:
        return client.collection_exists(name)

    if gateway.call(exists):
        return
    try:
        gateway.call(
            lambda client: client.create_collection(
                name,
                vectors_config=vectors,
                sparse_vectors_config=sparse,
                # one graph per tenant instead of one over all of them: every search is within a workspace
                hnsw_config=models.HnswConfigDiff(m=0, payload_m=16),
                shard_number=sharding.shard_number,
                replication_factor=sharding.replication_factor,
                write_consistency_factor=sharding.write_consistency_factor,
            )
        )
    except StoreUnavailable:
        if not gateway.call(exists):
            raise


def _index(gateway: Gateway, collection: Collection, field: str, index: Index) -> None:
    if gateway.local:
        return
    gateway.call(lambda client: client.create_payload_index(gateway.name(collection), field, index, wait=True))
