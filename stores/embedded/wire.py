"""How client and owner talk: length-prefixed msgpack over a stream socket, with the port's own values in it."""

from __future__ import annotations

import dataclasses
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

import msgpack

from ...encoders import errors as encoder_errors
from .. import errors, filters, ports
from ..errors import InvalidRequest, StoreError, StoreUnavailable
from ..ports import Point
from .rows import Matches, candidates

PROTOCOL = 2
"""Raised whenever older clients could not talk to this owner any more."""
MAX_FRAME = 256 * 1024 * 1024

_VALUES: dict[str, type[Any]] = {
    value.__name__: value
    for value in (
        filters.Eq,
        filters.In,
        filters.Range,
        filters.Exists,
        filters.Not,
        filters.And,
        filters.Or,
        ports.Point,
        ports.Put,
        ports.Patch,
        ports.Delete,
        ports.DeleteWhere,
        ports.Written,
        ports.Query,
        ports.Candidate,
        ports.Page,
        ports.Event,
        ports.Capabilities,
        ports.StoreInfo,
    )
}
_FIELDS = {name: tuple(f.name for f in dataclasses.fields(value)) for name, value in _VALUES.items()}
_TUPLES = {
    name: tuple(n for n, f in enumerate(dataclasses.fields(value)) if str(f.type).startswith("tuple"))
    for name, value in _VALUES.items()
}
_POINT = attrgetter(*_FIELDS["Point"])
_POINTS, _MATCHES = 126, 127
"""Codes of lists that travel as rows: one level instead of two or three for each of some hundred values."""
_NAMES = dict(enumerate(_VALUES))
_CODES = {name: code for code, name in _NAMES.items()}
_ERRORS: dict[str, type[Exception]] = {
    name: value
    for module in (errors, encoder_errors)
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, Exception)
}
_HEADER = struct.Struct("!I")
AT_ONCE = 16 * 1024
DEEPEST = 64
"""Levels of values within values; filters are refused beyond 30."""
_nesting = threading.local()


def answer(result: Any) -> bytes:
    """The frame that gives *result* back; `Matches` arrive as candidates. Raises as `pack` does."""
    if isinstance(result, Matches):
        return pack({"ok": msgpack.ExtType(_MATCHES, msgpack.packb(list(result)))})
    return pack({"ok": _flat(result)})


def pack(message: Any) -> bytes:
    """*message* as one frame. Raises `InvalidRequest` for what cannot travel."""
    try:
        body: bytes = msgpack.packb(message, default=_to_plain)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidRequest(f"a value of the call cannot be sent to the store: {error}") from error
    if len(body) > MAX_FRAME:
        raise InvalidRequest(f"the call has {len(body) >> 20} MB, over {MAX_FRAME >> 20} MB; split it")
    return _HEADER.pack(len(body)) + body


def unpack(body: bytes) -> Any:
    """The message in the *body* of a frame. Raises `InvalidRequest` if it is none."""
    try:
        return msgpack.unpackb(body, ext_hook=_from_plain, strict_map_key=False)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidRequest(f"the message cannot be read: {error}") from error


def send(connection: socket.socket, message: Any) -> None:
    connection.sendall(pack(message))


def receive(connection: socket.socket) -> Any:
    """The next message. Raises `EOFError` when the other side has closed between two messages or within one."""
    return unpack(receive_frame(connection))


def receive_frame(connection: socket.socket) -> bytes:
    """The body of the next frame. Raises as `receive` does."""
    begun = _some(connection)
    while len(begun) < _HEADER.size:
        begun += _some(connection)
    (length,) = _HEADER.unpack_from(begun)
    if length > MAX_FRAME:
        raise ConnectionError(f"a frame of {length} bytes was announced")
    filled = len(begun) - _HEADER.size
    if filled > length:
        raise ConnectionError("a frame came before the one ahead of it was answered")
    body = bytearray(length)
    body[:filled] = begun[_HEADER.size :]
    with memoryview(body) as view:
        while filled < length:
            received = connection.recv_into(view[filled:])
            if not received:
                raise EOFError("the connection was closed")
            filled += received
    return bytes(body)


def _some(connection: socket.socket) -> bytes:
    """What has come, mostly a whole frame: each wait for bytes lets another thread have its turn first."""
    some = connection.recv(AT_ONCE)
    if not some:
        raise EOFError("the connection was closed")
    return some


class _Rows:
    """A list of points on its way."""

    __slots__ = ("rows",)

    def __init__(self, points: Sequence[Point | None]) -> None:
        self.rows = [None if point is None else _POINT(point) for point in points]


def _flat(value: Any) -> Any:
    """*value*, as rows if it is a list of points (None for one that is not there)."""
    points = isinstance(value, list) and value and all(type(each) is Point or each is None for each in value)
    return _Rows(value) if points else value


@contextmanager
def _deeper() -> Iterator[None]:
    """One level further into a value. Each takes some 30 kB of C stack in msgpack, of which there are 8 MB."""
    level = getattr(_nesting, "level", 0)
    if level >= DEEPEST:
        raise ValueError(f"values are nested more than {DEEPEST} levels deep")
    _nesting.level = level + 1
    try:
        yield
    finally:
        _nesting.level = level


def _to_plain(value: Any) -> msgpack.ExtType:
    if isinstance(value, _Rows):
        return msgpack.ExtType(_POINTS, msgpack.packb(value.rows))
    name = type(value).__name__
    if name not in _VALUES:
        raise TypeError(f"{name} is no value of the store")
    fields = [_flat(getattr(value, field)) for field in _FIELDS[name]]
    with _deeper():
        return msgpack.ExtType(_CODES[name], msgpack.packb(fields, default=_to_plain))


def _from_plain(code: int, data: bytes) -> Any:
    if code == _POINTS:
        return [None if row is None else Point(*row) for row in msgpack.unpackb(data, strict_map_key=False)]
    if code == _MATCHES:
        return candidates(msgpack.unpackb(data))
    name = _NAMES[code]
    with _deeper():
        fields = msgpack.unpackb(data, ext_hook=_from_plain, strict_map_key=False)
    if len(fields) != len(_FIELDS[name]):
        raise ValueError(f"a {name} came with {len(fields)} fields")
    for place in _TUPLES[name]:
        fields[place] = tuple(fields[place])
    return _VALUES[name](*fields)


def error_to_plain(error: Exception) -> dict[str, Any]:
    """*error* in a form that `error_from_plain` gives back with its type, message and attributes."""
    return {"type": type(error).__name__, "message": str(error), "attributes": dict(vars(error))}


def error_from_plain(plain: dict[str, Any]) -> Exception:
    kind = _ERRORS.get(plain["type"])
    if kind is None:
        return StoreUnavailable(f"the store's owner failed ({plain['type']}: {plain['message']})")
    error = kind.__new__(kind)
    Exception.__init__(error, plain["message"])
    vars(error).update(plain["attributes"])
    return error


__all__ = [
    "MAX_FRAME",
    "PROTOCOL",
    "StoreError",
    "answer",
    "error_from_plain",
    "error_to_plain",
    "pack",
    "receive",
    "send",
    "unpack",
]
