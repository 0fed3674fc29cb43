"""How values of a graph's channels become bytes: lists of messages one by one, everything else as a whole.

A message that has been stored, or read, is known by its *fingerprint*: its fields as `marshal` writes them, which keeps
every type and value apart and costs a tenth of serialising it. So of a list of a thousand messages a put serialises
only what is new in it, even where a node has changed a message in place. A message that has been read once is
afterwards copied, field by field, instead of being validated again.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Sequence
from operator import attrgetter, eq, is_, itemgetter
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from ..memory.checkpoints import Split

LIST, DELTA, FIELDS = "list", "delta", "fields"
LONG, LARGE = 8, 128
"""A list of other things than messages is divided if it has so many parts of so many bytes (by three of them)."""
EXACT = 0
"""The version of `marshal` that writes equal values alike: later ones also write which of them are one object."""

_set = object.__setattr__
_FIELDS, _EXTRA = attrgetter("__dict__"), attrgetter("__pydantic_extra__")
_KIND, _KNOWN_FIELDS, _MARK = itemgetter(0), itemgetter(1), itemgetter(2)
_MUTABLE = (list, dict)
"""What `marshal` writes and a message could change in place; it refuses anything else that could be."""


class SerdeCodec:
    """The codec (`memory.checkpoints.Codec`) that uses a LangGraph serializer for what it stores."""

    def __init__(self, serde: SerializerProtocol) -> None:
        self.serde = serde

    def split(self, value: Any) -> Split | None:
        if type(value) is list:
            return Split(parts=value, wrap=LIST) if self._worth(value) else None
        if isinstance(value, _DeltaSnapshot) and type(value.value) is list and self._worth(value.value):
            return Split(parts=value.value, wrap=DELTA)
        if type(value) is dict and any(type(each) is list and _messages(each) for each in value.values()):
            return Split(fields=value, wrap=FIELDS) if all(type(key) is str for key in value) else None
        return None

    def join(self, wrap: str, divided: Any) -> Any:
        return _DeltaSnapshot(divided) if wrap == DELTA else divided

    def _worth(self, value: list[Any]) -> bool:
        if _messages(value):
            return True
        if len(value) < LONG:
            return False
        return sum(len(self.dump(value[at])) for at in (0, len(value) // 2, -1)) >= 3 * LARGE

    def dump(self, part: Any) -> bytes:
        kind, data = self.serde.dumps_typed(part)
        return kind.encode() + b"\0" + data

    def load(self, data: bytes) -> Any:
        kind, _, rest = data.partition(b"\0")
        return self.serde.loads_typed((kind.decode(), rest))

    def fingerprint(self, part: Any) -> bytes | None:
        if not _plain_message(type(part)) or part.__pydantic_private__ is not None:
            return None
        fields = part.__dict__
        if fields.get("artifact") is not None:  # of a tool: anything at all, arrays too, whose types marshal forgets
            return None
        try:
            return marshal.dumps((type(part).__qualname__, fields, part.__pydantic_extra__), EXACT)
        except ValueError:
            return None

    def trace(self, part: Any) -> Any:
        """A message's fields, and its fingerprint where they hold more than texts; None for what `same` cannot tell."""
        mark = self.fingerprint(part)
        if mark is None or part.__pydantic_extra__:
            return None
        _, copied, _ = marshal.loads(mark)  # noqa: S302 - it was written some lines above
        own = {name: value for name, value in copied.items() if isinstance(value, list | dict)}
        fields = part.__dict__ | own  # texts are shared with the message
        return type(part), fields, None if all(map(_is_text, fields.values())) else mark

    def same(self, parts: Sequence[Any], traces: Sequence[Any]) -> int:
        """Compares all fields at once; only of messages that hold numbers, fingerprints tell 1 from True."""
        count = min(len(parts), len(traces))
        if None in traces[:count]:
            count = list(traces).index(None)
        some, known = parts[:count], traces[:count]
        alike = (
            all(map(is_, map(type, some), map(_KIND, known)))
            and all(map(eq, map(_FIELDS, some), map(_KNOWN_FIELDS, known)))
            and not any(map(_EXTRA, some))
        )
        if not alike:
            pairs = enumerate(zip(some, known, strict=True))
            count = next((at for at, (part, (kind, fields, _)) in pairs if not _alike(part, kind, fields)), count)
        if not any(map(_MARK, known)):
            return count
        marked = ((at, known[at][2]) for at in range(count) if known[at][2] is not None)
        return next((at for at, mark in marked if self.fingerprint(parts[at]) != mark), count)

    def copier(self, part: Any) -> tuple[bytes, Callable[[], Any]] | None:
        mark = self.fingerprint(part)
        if mark is None:
            return None
        kind, named = type(part), part.__pydantic_fields_set__.copy()
        fields = part.__dict__.copy()
        fresh = [(name, _maker(value)) for name, value in fields.items() if value.__class__ in _MUTABLE]
        more = _maker(part.__pydantic_extra__ or {})

        def copy() -> Any:
            made = object.__new__(kind)
            own = fields.copy()
            for name, make in fresh:
                own[name] = make()
            _set(made, "__dict__", own)
            _set(made, "__pydantic_fields_set__", named.copy())
            _set(made, "__pydantic_extra__", more())
            _set(made, "__pydantic_private__", None)
            return made

        return mark, copy


def _messages(value: list[Any]) -> bool:
    return bool(value) and (isinstance(value[0], BaseMessage) or isinstance(value[-1], BaseMessage))


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str) or value in ([], {})


def _alike(part: Any, kind: type, fields: dict[str, Any]) -> bool:
    if not isinstance(part, BaseMessage) or type(part) is not kind:
        return False
    return part.__dict__ == fields and not part.__pydantic_extra__


_plain: dict[type, bool] = {}


def _plain_message(kind: type) -> bool:
    """Whether *kind* is one of LangChain's own messages, whose state is in its fields."""
    known = _plain.get(kind)
    if known is None:
        known = issubclass(kind, BaseMessage) and kind.__module__.startswith("langchain_core.messages.")
        _plain[kind] = known
    return known


def _maker(value: list[Any] | dict[Any, Any]) -> Callable[[], Any]:
    """What makes independent values like *value*."""
    if not value:
        return type(value)
    written = marshal.dumps(value, EXACT)
    return lambda: marshal.loads(written)  # noqa: S302 - as above
