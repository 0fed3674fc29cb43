"""How values of a graph's channels become bytes: lists of messages one by one, everything else as a whole.

Of a list of a thousand messages a put serialises only what is new in it, even where a node has changed a message in
place (see `traces`). A message that has been read once is afterwards copied, field by field, instead of being
validated again.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from ..memory.checkpoints import Split
from .traces import EXACT, MUTABLE, Texts, Traces, fingerprint

LIST, DELTA, FIELDS = "list", "delta", "fields"
LONG, LARGE = 8, 128
"""A list of other things than messages is divided if it has so many parts of so many bytes (by three of them)."""

_set = object.__setattr__


class SerdeCodec:
    """The codec (`memory.checkpoints.Codec`) that uses a LangGraph serializer for what it stores."""

    def __init__(self, serde: SerializerProtocol) -> None:
        self.serde = serde
        self._texts = Texts()

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
        return fingerprint(part)

    def traces(self) -> Traces:
        return Traces(self._texts)

    def copier(self, part: Any) -> tuple[bytes, Callable[[], Any]] | None:
        mark = fingerprint(part)
        if mark is None:
            return None
        kind, named = type(part), part.__pydantic_fields_set__.copy()
        fields = self._texts.shared(part.__dict__)
        fresh = [(name, _maker(value)) for name, value in fields.items() if value.__class__ in MUTABLE]
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


def _maker(value: list[Any] | dict[Any, Any]) -> Callable[[], Any]:
    """What makes independent values like *value*."""
    if not value:
        return type(value)
    written = marshal.dumps(value, EXACT)
    return lambda: marshal.loads(written)  # noqa: S302 - as above
