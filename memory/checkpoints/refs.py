"""Values as references to blobs, and back. Pure: what is to be stored is collected, what is needed is asked for.

A reference is one of four lists, as msgpack has them:

    ["v", data]                      the value itself, if it is short
    ["b", name]                      a blob
    ["l", wrap, [level, …]]          a list of blobs: level 0 names its last elements, level n pages of pages; the
                                     names of a level follow each other without a gap
    ["d", wrap, {key: reference}]    a mapping

A blob begins with a byte: DATA, or PIECES (names of blobs whose data follow each other), or PAGE (names of elements,
or of pages). What both are made of is fixed by their content alone, so equal lists share their pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .rows import digest

DATA, PIECES, PAGE = b"\0", b"\1", b"\2"
FANOUT = 8
INLINE_BYTES = 256
"""A value up to this length stands in its checkpoint's own row, which is smaller than a row for it."""
PIECE_BYTES = 1024 * 1024
NAME_BYTES = 16
PAGE_BYTES = FANOUT * NAME_BYTES

Ref = list[Any]
Slot = tuple[str, ...]
"""Where a value is: place, channel, and the keys on the way to it."""


@dataclass(frozen=True, slots=True)
class Split:
    """How a value is divided: into *parts* stored one by one, or by key into *fields* that are divided in turn.

    *wrap* is for the codec, which gets it back to put the value together again.
    """

    parts: Sequence[Any] | None = None
    fields: Mapping[str, Any] | None = None
    wrap: str = ""


class Traces(Protocol):
    """What the parts of a list were, whatever becomes of them."""

    @property
    def size(self) -> int:
        """Bytes that it takes, about."""
        ...

    def same(self, parts: Sequence[Any]) -> int:
        """How many of *parts*, from the first, are surely as those were."""
        ...

    def then(self, same: int, parts: Sequence[Any]) -> Traces:
        """The first *same* of these, and *parts* behind them."""
        ...


Traced = tuple[Traces, Sequence[bytes]]
"""A list's traces; the names of its parts, of their full pages, of the full pages of those, and so on, without gaps."""


class Codec(Protocol):
    """How values become bytes. `load(dump(part))` is the part again; two dumps of one part may differ."""

    def split(self, value: Any) -> Split | None:
        """How *value* is divided, None if it is stored as a whole."""
        ...

    def join(self, wrap: str, divided: Any) -> Any:
        """The value that was divided: a list of its parts, or a mapping of its fields."""
        ...

    def dump(self, part: Any) -> bytes: ...

    def load(self, data: bytes) -> Any: ...

    def fingerprint(self, part: Any) -> bytes | None:
        """Bytes that two parts share only if they are alike; None if that is not known without `dump`."""
        ...

    def traces(self) -> Traces | None:
        """Those of an empty list; None where lists are not compared."""
        ...

    def copier(self, part: Any) -> tuple[bytes, Callable[[], Any]] | None:
        """The fingerprint of *part*, and what makes parts like it is now; None where only `load` does that."""
        ...


@dataclass(slots=True)
class Draft:
    """References to values, and the blobs to store for them.

    *known*: names of blobs that are there; *names*: the names of parts by the digests of their fingerprints; *lists*:
    what the lists were last, by their slot, so that only what is new in one is looked at.
    """

    codec: Codec
    known: frozenset[bytes] | set[bytes] = frozenset()
    names: Mapping[bytes, bytes] = field(default_factory=dict)
    lists: Mapping[Slot, Traced] = field(default_factory=dict)
    blobs: dict[bytes, bytes] = field(default_factory=dict)
    learned: dict[bytes, bytes] = field(default_factory=dict)
    traced: dict[Slot, Traced] = field(default_factory=dict)

    def ref(self, value: Any, slot: Slot = ()) -> Ref:
        """The reference to *value*, which is in *slot* (empty: nowhere in particular)."""
        split = self.codec.split(value)
        if split is None:
            data = self.codec.dump(value)
            return ["v", data] if len(data) <= INLINE_BYTES else ["b", self._store(data)]
        if split.fields is not None:
            return [
                "d",
                split.wrap,
                {name: self.ref(each, slot and (*slot, name)) for name, each in split.fields.items()},
            ]
        levels = self._levels(split.parts or (), slot)
        return ["l", split.wrap, [names[len(names) - len(names) % PAGE_BYTES :] for names in levels]]

    def _levels(self, parts: Sequence[Any], slot: Slot) -> list[bytes]:
        """The names of *parts*, of their full pages, of the full pages of those, and so on."""
        traces, before = self.lists.get(slot) or (self.codec.traces(), (b"",))
        same = traces.same(parts) if traces is not None else 0
        rest = parts[same:]
        levels = [before[0][: same * NAME_BYTES] + b"".join(map(self._part, rest))]
        if slot and traces is not None:
            self.traced[slot] = traces.then(same, rest), levels
        for below in levels:
            if len(below) < PAGE_BYTES:
                break
            same //= FANOUT
            pages = before[len(levels)][: same * NAME_BYTES] if same else b""
            starts = range(len(pages) * FANOUT, len(below) - PAGE_BYTES + 1, PAGE_BYTES)
            levels.append(pages + b"".join(self._blob(PAGE + below[at : at + PAGE_BYTES]) for at in starts))
        return levels

    def _part(self, part: Any) -> bytes:
        known = self.codec.fingerprint(part)
        mark = digest(known) if known is not None else None
        if mark is not None:
            name = self.names.get(mark) or self.learned.get(mark)
            if name is not None and (name in self.known or name in self.blobs):
                return name
        name = self._store(self.codec.dump(part))
        if mark is not None:
            self.learned[mark] = name
        return name

    def _store(self, data: bytes) -> bytes:
        if len(data) <= PIECE_BYTES:
            return self._blob(DATA + data)
        starts = range(0, len(data), PIECE_BYTES)
        return self._blob(PIECES + b"".join(self._blob(DATA + data[at : at + PIECE_BYTES]) for at in starts))

    def _blob(self, content: bytes) -> bytes:
        name = digest(content)
        if name not in self.known:
            self.blobs[name] = content
        return name


def children(content: bytes) -> list[bytes]:
    """The names in a blob of pieces or in a page; none for one of data."""
    return [] if content[:1] == DATA else apart(content[1:])


def apart(names: bytes) -> list[bytes]:
    """Names that follow each other."""
    return [names[at : at + NAME_BYTES] for at in range(0, len(names), NAME_BYTES)]


def names(ref: Ref) -> Iterator[bytes]:
    """The blobs that *ref* names itself."""
    if ref[0] == "b":
        yield ref[1]
    elif ref[0] == "l":
        for level in ref[2]:
            yield from apart(level)
    elif ref[0] == "d":
        for each in ref[2].values():
            yield from names(each)


def elements(levels: Sequence[bytes], page: Callable[[bytes], bytes]) -> list[bytes]:
    """The names of a list's parts in order; *page* gives a page's content."""
    found: list[bytes] = []
    for level in reversed(range(len(levels))):
        spread = apart(levels[level])
        for _ in range(level):
            spread = [name for each in spread for name in children(page(each))]
        found.extend(spread)
    return found
