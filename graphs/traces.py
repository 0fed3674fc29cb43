"""What messages were, so that a put looks only at those that are new or have changed, in place too.

A message is known by its *fingerprint*: its fields as `marshal` writes them, which keeps every type and value apart and
costs a tenth of serialising it. Of a list the fields stand one behind the other in flat lists, which compare a thousand
messages in half a millisecond; most of their texts are one object in both, and are not even looked at.
"""

from __future__ import annotations

import marshal
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, chain
from operator import attrgetter
from sys import getsizeof
from typing import Any

from langchain_core.messages import BaseMessage

EXACT = 0
"""The version of `marshal` that writes equal values alike: later ones also write which of them are one object."""
RECENT = 1024
"""Texts at hand for what was read just after it was put, or put just after it was read."""

_FIELDS, _EXTRA = attrgetter("__dict__"), attrgetter("__pydantic_extra__")
MUTABLE = (list, dict)
"""What `marshal` writes and a message could change in place; it refuses anything else that could be."""
_EMPTY: dict[type, Any] = {list: [], dict: {}}


def fingerprint(message: Any) -> bytes | None:
    """Bytes that two messages share only if they are alike; None for what `marshal` does not tell apart."""
    if not _plain(type(message)) or message.__pydantic_private__ is not None:
        return None
    fields = message.__dict__
    if fields.get("artifact") is not None:  # of a tool: anything at all, arrays too, whose types marshal forgets
        return None
    return _written((type(message).__qualname__, fields, message.__pydantic_extra__))


class Texts:
    """The texts of the last messages, so that what is read of a message and its trace hold the same ones."""

    def __init__(self) -> None:
        self._recent: dict[str, str] = {}

    def shared(self, fields: dict[str, Any]) -> dict[str, Any]:
        """A copy of *fields*."""
        if len(self._recent) > RECENT:
            self._recent = {}
        known = self._recent
        return {name: known.setdefault(value, value) if type(value) is str else value for name, value in fields.items()}


@dataclass(frozen=True, slots=True)
class Traces:
    """The messages of a list as they were, up to the first that is not known by a fingerprint. Never changes.

    There are *count* of them; the lists may hold more, as what comes after these shares and prolongs them. *kinds* and
    *lengths*: of each message its type, and how many fields it has; *names* and *values*: those of all fields;
    *places*: where a value holds more than texts, and *written*: how `marshal` writes it, which keeps 1 and True apart.
    Such a value is not among the values. *size*: bytes of those texts, about.
    """

    texts: Texts
    count: int = 0
    size: int = 0
    kinds: list[type] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    written: list[bytes | None] = field(default_factory=list)

    def same(self, parts: Sequence[Any]) -> int:
        """How many of *parts*, from the first, are surely as those were."""
        parts = parts[: self.count]
        parts = parts[: _alike(list(map(type, parts)), self.kinds)]
        fields = list(map(_FIELDS, parts))
        fields = fields[: _alike(list(map(len, fields)), self.lengths)]
        names = list(chain.from_iterable(fields))
        values = list(chain.from_iterable(map(dict.values, fields)))
        places = self.places[: bisect_left(self.places, len(values))]
        written = [_written(values[at]) for at in places]
        for at in places:
            values[at] = None
        known = _alike(written, self.written)
        alike = min(_alike(names, self.names), _alike(values, self.values), *places[known : known + 1])
        count = len(fields) if alike == len(values) else bisect_right(list(accumulate(self.lengths)), alike)
        if any(map(_EXTRA, parts)):
            return next((at for at, part in enumerate(parts[:count]) if _EXTRA(part)), count)
        return count

    def then(self, same: int, parts: Iterable[Any]) -> Traces:
        """The first *same* of these, and *parts* behind them."""
        made = self._first(same)
        size = made.size
        for part in parts:
            if fingerprint(part) is None or part.__pydantic_extra__:
                break
            size += made._add(part)
        return replace(made, count=len(made.kinds), size=size)

    def _first(self, same: int) -> Traces:
        """The first *same*, with lists that end there."""
        if same == len(self.kinds):
            return self
        end = sum(self.lengths[:same])
        places = self.places[: bisect_left(self.places, end)]
        values, written = self.values[:end], self.written[: len(places)]
        size = sum(map(getsizeof, values)) + sum(map(getsizeof, written))
        kinds, lengths, names = self.kinds[:same], self.lengths[:same], self.names[:end]
        return Traces(self.texts, same, size, kinds, lengths, names, values, places, written)

    def _add(self, part: Any) -> int:
        """Put *part* behind the others; how many bytes its texts take."""
        first, kept = len(self.values), len(self.written)
        fields = self.texts.shared(part.__dict__)
        self.kinds.append(type(part))
        self.lengths.append(len(fields))
        self.names.extend(fields)
        for value in fields.values():
            if value is None or isinstance(value, str):
                self.values.append(value)
            elif not value and isinstance(value, MUTABLE):
                self.values.append(_EMPTY[type(value)])
            else:
                self.places.append(len(self.values))
                self.written.append(_written(value))
                self.values.append(None)
        return sum(map(getsizeof, self.values[first:])) + sum(map(getsizeof, self.written[kept:]))


def _alike(now: Sequence[Any], was: Sequence[Any]) -> int:
    """How many of the first of both are equal."""
    count = min(len(now), len(was))
    if _equal(now if len(now) == count else now[:count], was if len(was) == count else was[:count]):
        return count
    return next((at for at in range(count) if not _equal(now[at], was[at])), count)


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one is other or one == other)
    except Exception:  # a value put in place later may be anything: an array is not equal, it says where it is
        return False


def _written(value: Any) -> bytes | None:
    try:
        return marshal.dumps(value, EXACT)
    except ValueError:
        return None


_known: dict[type, bool] = {}


def _plain(kind: type) -> bool:
    """Whether *kind* is one of LangChain's own messages, whose state is in its fields."""
    known = _known.get(kind)
    if known is None:
        known = issubclass(kind, BaseMessage) and kind.__module__.startswith("langchain_core.messages.")
        _known[kind] = known
    return known
