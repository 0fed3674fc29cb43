"""Blobs and values out of the store. What is read stays at hand: a blob never changes, and is the same everywhere."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ...stores.ports import PointStore
from ..batches import batched
from ..errors import Incomplete
from .refs import DATA, PIECES, Codec, Ref, apart, children, elements, names
from .rows import bare, blob_row, digest

BATCH = 128
"""Blobs of one call: with the longest pieces, some 180 MB."""
CACHE_BYTES = 48 * 1024 * 1024

Copier = Callable[[], Any]


class Cache:
    """Contents of blobs, or what makes the part that is in one, by name; the least used goes first."""

    def __init__(self, most: int = CACHE_BYTES) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, tuple[bytes | Copier, int]] = OrderedDict()
        self._size, self._most = 0, most

    def find(self, wanted: Iterable[bytes]) -> dict[bytes, bytes | Copier]:
        found: dict[bytes, bytes | Copier] = {}
        with self._lock:
            for name in wanted:
                entry = self._entries.get(name)
                if entry is not None:
                    self._entries.move_to_end(name)
                    found[name] = entry[0]
        return found

    def keep(self, name: bytes, entry: bytes | Copier, size: int) -> None:
        with self._lock:
            old = self._entries.pop(name, None)
            self._size += size - (old[1] if old else 0)
            self._entries[name] = (entry, size)
            while self._size > self._most:
                _, (_, freed) = self._entries.popitem(last=False)
                self._size -= freed


class Reader:
    """Reads the blobs of one workspace and makes values of them."""

    def __init__(self, store: PointStore, workspace: str, codec: Codec) -> None:
        self._store, self._workspace, self._codec = store, workspace, codec
        self._cache = Cache()

    def values(
        self,
        thread: str,
        refs: Sequence[Ref],
        marks: dict[bytes, bytes] | None = None,
        shared: dict[bytes, Any] | None = None,
    ) -> tuple[list[Any], set[bytes]]:
        """The values of *refs*, and the names of all blobs that they are made of. Raises `Incomplete`.

        *marks* takes up the names of parts that were decoded, by the digests of their fingerprints; *shared* the parts
        by name, and gives those that it has.
        """
        paged = self._pages(thread, refs)
        wanted = {name for ref in refs for name in self._leaves(ref, paged)}
        have = self._fetch(thread, wanted - shared.keys() if shared else wanted)
        pieces = {piece for entry in have.values() if _is(entry, PIECES) for piece in children(entry)}  # type: ignore[arg-type]  # _is has told
        have |= self._fetch(thread, pieces - have.keys())
        making = _Making(self._codec, self._cache, have, paged, {} if marks is None else marks, shared)
        return [making.value(ref) for ref in refs], {*paged, *wanted, *pieces}

    def known(self, thread: str, refs: Sequence[Ref]) -> set[bytes]:
        """The names of the blobs that *refs* are made of, pieces left out."""
        paged = self._pages(thread, refs)
        return {*paged, *(name for ref in refs for name in self._leaves(ref, paged))}

    def _leaves(self, ref: Ref, paged: Mapping[bytes, bytes]) -> list[bytes]:
        if ref[0] == "l":
            return elements(ref[2], paged.__getitem__)
        if ref[0] == "d":
            return [name for each in ref[2].values() for name in self._leaves(each, paged)]
        return list(names(ref))

    def _pages(self, thread: str, refs: Sequence[Ref]) -> dict[bytes, bytes]:
        """The contents of all pages of *refs*, level by level."""
        paged: dict[bytes, bytes] = {}
        depth = {name: level for ref in refs for name, level in _depths(ref)}
        while depth:
            contents = self._fetch(thread, depth)
            paged |= contents  # type: ignore[arg-type]  # pages are never kept as parts
            below = {
                child: level - 1
                for name, level in depth.items()
                if level > 1
                for child in children(paged[name])
                if child not in paged
            }
            depth = below
        return paged

    def _fetch(self, thread: str, wanted: Iterable[bytes]) -> dict[bytes, bytes | Copier]:
        asked = list(wanted)
        have = self._cache.find(asked)
        for some in batched([name for name in asked if name not in have], BATCH):
            rows = [blob_row(thread, name) for name in some]
            for name, point in zip(some, self._store.get(self._workspace, "records", rows), strict=True):
                if point is None:
                    raise Incomplete(thread)
                content = bare(point.text or "")
                have[name] = content
                self._cache.keep(name, content, len(content) + 200)
        return have


class _Making:
    """Values out of the blobs at hand."""

    def __init__(
        self,
        codec: Codec,
        cache: Cache,
        have: Mapping[bytes, bytes | Copier],
        paged: Mapping[bytes, bytes],
        marks: dict[bytes, bytes],
        shared: dict[bytes, Any] | None,
    ) -> None:
        self._codec, self._cache, self._have, self._paged, self._marks = codec, cache, dict(have), paged, marks
        self._shared = shared

    def value(self, ref: Ref) -> Any:
        if ref[0] == "v":
            return self._codec.load(ref[1])
        if ref[0] == "b":
            return self._part(ref[1])
        if ref[0] == "l":
            return self._codec.join(ref[1], [self._part(name) for name in elements(ref[2], self._paged.__getitem__)])
        return self._codec.join(ref[1], {key: self.value(each) for key, each in ref[2].items()})

    def _part(self, name: bytes) -> Any:
        if self._shared is None:
            return self._new(name)
        if name not in self._shared:
            self._shared[name] = self._new(name)
        return self._shared[name]

    def _new(self, name: bytes) -> Any:
        entry = self._have[name]
        if not isinstance(entry, bytes):
            return entry()
        part = self._codec.load(self._data(entry))
        known = self._codec.copier(part)
        if known is not None:
            mark, copier = known
            self._marks[digest(mark)] = name
            self._have[name] = copier
            self._cache.keep(name, copier, 2 * len(entry) + 800)
        return part

    def _data(self, content: bytes | Copier) -> bytes:
        assert isinstance(content, bytes)
        if content[:1] == DATA:
            return content[1:]
        return b"".join(self._data(self._have[name]) for name in children(content))


def _is(entry: bytes | Copier, kind: bytes) -> bool:
    return isinstance(entry, bytes) and entry[:1] == kind


def _depths(ref: Ref) -> Iterable[tuple[bytes, int]]:
    """The pages that *ref* names, with how many levels lie between each and the parts."""
    if ref[0] == "l":
        return [(name, depth) for depth, level in enumerate(ref[2]) for name in apart(level) if depth]
    if ref[0] == "d":
        return [pair for each in ref[2].values() for pair in _depths(each)]
    return ()
