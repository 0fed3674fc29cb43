"""The search index on Qdrant Edge: vectors and filterable fields of the passages, no text.

It can be thrown away and rebuilt from the documents at any time, and is whenever it cannot be trusted.
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import qdrant_edge as edge

from ..errors import IndexFailed, StoreFull
from ..filters import Filter
from . import edge_filters
from .edge_filters import TERMS, WORKSPACE
from .held import SEVERAL, Held

T = TypeVar("T")
DENSE, SPARSE = "dense", "bm25"
KEYWORD = edge.PayloadSchemaType.Keyword
NUMBER = edge.PayloadSchemaType.Float
INDEXED = {
    "item": KEYWORD,
    "kind": KEYWORD,
    "thread": KEYWORD,
    "follows": KEYWORD,
    "user": KEYWORD,
    "tags": KEYWORD,
    "created_at": NUMBER,
    "expires_at": NUMBER,
    TERMS: edge.PayloadSchemaType.Integer,
}
SCROLL = 5000


@dataclass(frozen=True, slots=True)
class Entry:
    """One passage as the index holds it. *vector*: float16 bytes of unit length, None while not embedded."""

    key: int
    fields: dict[str, Any]
    terms: tuple[list[int], list[float]]
    vector: bytes | None


class Index:
    """One Edge shard in *folder*. Errors are `IndexFailed` or `StoreFull`; after one, rebuild."""

    def __init__(self, folder: Path, dimension: int) -> None:
        self.folder = folder
        self.dimension = dimension
        self._shard = _guard(folder, self._open)
        self._held = _guard(folder, self._holders)

    def _open(self) -> edge.EdgeShard:
        if (self.folder / "edge_config.json").exists() or (self.folder / "segments").exists():
            return edge.EdgeShard.load(str(self.folder), self._config())
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shard = edge.EdgeShard.create(str(self.folder), self._config())
        shard.update(edge.UpdateOperation.create_field_index(WORKSPACE, edge.KeywordIndexParams(is_tenant=True)))
        for field, kind in INDEXED.items():
            shard.update(edge.UpdateOperation.create_field_index(field, kind))
        return shard

    def _config(self) -> edge.EdgeConfig:
        return edge.EdgeConfig(
            vectors={
                DENSE: edge.EdgeVectorParams(
                    size=self.dimension,
                    distance=edge.Distance.Dot,
                    datatype=edge.VectorStorageDatatype.Float16,
                )
            },
            sparse_vectors={SPARSE: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
            hnsw_config=edge.HnswIndexConfig(m=0, ef_construct=100, full_scan_threshold=10_000),
            max_search_threads=1,
        )

    def _holders(self) -> Held:
        workspaces, users = (
            [str(hit.value) for hit in self._shard.facet(edge.FacetRequest(field, limit=SEVERAL, exact=True)).hits]
            for field in (WORKSPACE, "user")
        )
        nobodys = self._shard.count(edge.CountRequest(filter=edge.Filter(must=[edge.IsEmptyCondition("user")])))
        return Held(workspaces, [*users, None] if nobodys else users)

    # writes

    def upsert(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._held.add(entry.fields[WORKSPACE], entry.fields.get("user"))
        for start in range(0, len(entries), 1000):
            some = entries[start : start + 1000]
            points = _guard(self.folder, lambda: [self._point(entry) for entry in some])  # noqa: B023 - called at once
            self._update(edge.UpdateOperation.upsert_points(points))

    def _point(self, entry: Entry) -> edge.Point:
        vectors: dict[str, Any] = {}
        if entry.vector is not None:
            vectors[DENSE] = np.frombuffer(entry.vector, np.float16).astype(np.float32).tolist()
        if entry.terms[0]:
            vectors[SPARSE] = edge.SparseVector(*entry.terms)
        return edge.Point(entry.key, vectors, entry.fields)

    def set_vectors(self, vectors: Mapping[int, bytes]) -> None:
        """Add the embeddings of passages that are in the index without one."""
        points = [
            edge.PointVectors(key, {DENSE: np.frombuffer(data, np.float16).astype(np.float32).tolist()})
            for key, data in vectors.items()
        ]
        self._update(edge.UpdateOperation.update_vectors(points))

    def delete(self, keys: Sequence[int]) -> None:
        if keys:
            self._update(edge.UpdateOperation.delete_points(list(keys)))

    def _update(self, operation: edge.UpdateOperation) -> None:
        _guard(self.folder, lambda: self._shard.update(operation))

    # reads

    def search(
        self,
        workspace: str,
        vector: np.ndarray | None,
        terms: tuple[list[int], list[float]] | None,
        where: Filter | None,
        limit: int,
        now: float | None,
        without: Sequence[int] = (),
    ) -> dict[int, tuple[float | None, float | None]]:
        """Up to *limit* keys from each side with both scores: (cosine or None, BM25 or None when not asked).

        *now* is the time by which entries have expired, None where none has. *without*: keys that are not wanted.
        """
        among = None if self._held.only(workspace) else workspace
        filter = edge_filters.living(among, now, self._held.needed(where), without=without)
        dense = self._nearest(_dense(vector), filter, limit) if vector is not None else {}
        sparse = self._nearest(_sparse(terms), filter, limit, workspace) if terms and terms[0] else {}
        if vector is not None and (missing := sparse.keys() - dense.keys()):
            these = edge_filters.living(workspace, None, ids=list(missing))
            dense |= self._nearest(_dense(vector), these, len(missing))
        if terms and terms[0] and (missing := dense.keys() - sparse.keys()):
            these = edge_filters.living(workspace, None, ids=list(missing))
            sparse |= self._nearest(_sparse(terms), these, len(missing), workspace)
        floor = 0.0 if terms is not None else None
        return {key: (dense.get(key), sparse.get(key, floor)) for key in dense | sparse}

    def _nearest(
        self, query: edge.Query, filter: edge.Filter | None, limit: int, workspace: str | None = None
    ) -> dict[int, float]:
        params = None
        if workspace is not None:
            params = edge.SearchParams(idf=edge.IdfParams(corpus=edge_filters.corpus(workspace)))
        request = edge.QueryRequest(limit=limit, query=query, filter=filter, params=params, with_payload=False)
        return {_key(hit.id): hit.score for hit in _guard(self.folder, lambda: self._shard.query(request))}

    def scan(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Every point's key and fields."""
        offset: Any = None
        while True:
            request = edge.ScrollRequest(offset=offset, limit=SCROLL, with_payload=True, with_vector=False)
            records, offset = _guard(self.folder, lambda: self._shard.scroll(request))  # noqa: B023 - called at once
            for record in records:
                yield _key(record.id), record.payload or {}
            if offset is None:
                return

    def vectors(self, keys: Sequence[int]) -> dict[int, np.ndarray | None]:
        """The dense vectors of *keys* as float32, None for a point without one."""
        records = _guard(self.folder, lambda: self._shard.retrieve(list(keys), False, True))
        found: dict[int, np.ndarray | None] = {}
        for record in records:
            vector = (record.vector or {}).get(DENSE) if isinstance(record.vector, dict) else None
            found[_key(record.id)] = np.asarray(vector, np.float32) if vector is not None else None
        return found

    def __len__(self) -> int:
        return _guard(self.folder, lambda: self._shard.count(edge.CountRequest()))

    # upkeep

    def flush(self) -> None:
        _guard(self.folder, self._shard.flush)

    def optimize(self) -> bool:
        """Merge segments and drop deleted points; whether anything was to do. Blocks: call at idle."""
        self.flush()
        changed = _guard(self.folder, self._shard.optimize)
        self.flush()
        return changed

    def close(self) -> None:
        try:
            self.flush()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Release the files without caring for what was not flushed."""
        _guard(self.folder, self._shard.close)


def checksum(folder: Path) -> str:
    """A checksum over the names, sizes and bytes of every file in *folder*; holes count as absent."""
    total = 0
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        header = f"{file.relative_to(folder)}\0{file.stat().st_size}\0"
        total = zlib.crc32(header.encode("utf-8", "surrogateescape"), total)
        for offset, data in _data(file):
            total = zlib.crc32(data, zlib.crc32(offset.to_bytes(8, "big"), total))
    return f"{total:08x}"


def _data(file: Path, block: int = 1 << 18) -> Iterator[tuple[int, bytes]]:
    """The blocks of *file* that are not all zeros, with their offsets (so that holes do not matter)."""
    with file.open("rb", buffering=0) as handle:
        for start, end in _extents(handle.fileno(), file.stat().st_size):
            handle.seek(start - start % block)
            while handle.tell() < end:
                offset = handle.tell()
                data = handle.read(block)
                if not data:
                    return
                if data.count(0) != len(data):
                    yield offset, data


def _extents(descriptor: int, size: int) -> Iterable[tuple[int, int]]:
    import os

    if not hasattr(os, "SEEK_DATA"):
        return [(0, size)]
    extents: list[tuple[int, int]] = []
    position = 0
    while position < size:
        try:
            start = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError:
            break
        position = os.lseek(descriptor, start, os.SEEK_HOLE)
        extents.append((start, position))
    return extents


def discard(folder: Path) -> None:
    """Remove the index in *folder*, whatever state it is in."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise IndexFailed(f"the index in {folder} cannot be removed; remove that folder by hand, it will be rebuilt")


def _dense(vector: np.ndarray) -> edge.Query:
    return edge.Query.Nearest(vector.tolist(), DENSE)


def _sparse(terms: tuple[list[int], list[float]]) -> edge.Query:
    return edge.Query.Nearest(edge.SparseVector(*terms), SPARSE)


def _key(id: Any) -> int:
    return int(id)


def _guard(folder: Path, call: Callable[[], T]) -> T:
    """Run *call* into Edge, whose errors are bare `Exception`s and panics, and give them a type."""
    try:
        return call()
    except Exception as error:
        raise _translate(folder, error) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise _translate(folder, error) from error


def _translate(folder: Path, error: BaseException) -> Exception:
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if any(sign in text for sign in ("No space left", "os error 28", "File too large", "os error 27", "Disk quota")):
        return StoreFull(f"no room for the search index in {folder} ({text}); free space, then repeat the call")
    return IndexFailed(f"the search index in {folder} failed: {text}")
