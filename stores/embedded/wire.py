"""How client and owner talk: length-prefixed msgpack over a stream socket, with the port's own values in it."""

from __future__ import annotations

import dataclasses
import socket
import struct
from typing import Any

import msgpack

from ...encoders import errors as encoder_errors
from .. import errors, filters, ports
from ..errors import InvalidRequest, StoreError, StoreUnavailable

PROTOCOL = 1
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
    name: frozenset(f.name for f in dataclasses.fields(value) if str(f.type).startswith("tuple"))
    for name, value in _VALUES.items()
}
_NAMES = dict(enumerate(_VALUES))
_CODES = {name: code for code, name in _NAMES.items()}
_ERRORS: dict[str, type[Exception]] = {
    name: value
    for module in (errors, encoder_errors)
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, Exception)
}
_HEADER = struct.Struct("!I")


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
    (length,) = _HEADER.unpack(_exactly(connection, _HEADER.size))
    if length > MAX_FRAME:
        raise ConnectionError(f"a frame of {length} bytes was announced")
    return _exactly(connection, length)


def _exactly(connection: socket.socket, size: int) -> bytes:
    buffer = bytearray(size)
    view, filled = memoryview(buffer), 0
    while filled < size:
        received = connection.recv_into(view[filled:])
        if not received:
            raise EOFError("the connection was closed")
        filled += received
    return bytes(buffer)


def _to_plain(value: Any) -> msgpack.ExtType:
    name = type(value).__name__
    if name not in _VALUES:
        raise TypeError(f"{name} is no value of the store")
    fields = [getattr(value, field) for field in _FIELDS[name]]
    return msgpack.ExtType(_CODES[name], msgpack.packb(fields, default=_to_plain))


def _from_plain(code: int, data: bytes) -> Any:
    name = _NAMES[code]
    fields = msgpack.unpackb(data, ext_hook=_from_plain, strict_map_key=False)
    tuples = _TUPLES[name]
    named = zip(_FIELDS[name], fields, strict=True)
    return _VALUES[name](**{field: tuple(value) if field in tuples else value for field, value in named})


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
    "error_from_plain",
    "error_to_plain",
    "pack",
    "receive",
    "send",
    "unpack",
]
