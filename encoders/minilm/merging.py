"""An adapter added to the model's own weights, in place of branches beside them: a sixth less work for each text.

The sum is rounded to 8 bits again, so states differ a little from those with branches (cosine about 0.997).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .adapter import LAYERS, Adapter

Array = NDArray[Any]
Floats = NDArray[np.float32]

VARINT, BYTES = 0, 2
"""Kinds of fields in a protobuf message; 1 and 5 are numbers of 8 and 4 bytes."""
GRAPH, INITIALIZER = 7, 5
DIMS, DATA_TYPE, NAME, RAW_DATA = 1, 2, 8, 9
TYPES: Mapping[int, type[Any]] = {1: np.float32, 2: np.uint8, 3: np.int8, 7: np.int64}


def merged(constants: Mapping[str, Array], adapter: Adapter) -> dict[str, Array]:
    """Those of the model's *constants* that change when *adapter* is added to them, by name."""
    found: dict[str, Array] = {}
    for name, down, up in _products(adapter):
        added = down @ up
        if not added.any():
            continue
        added += constants[f"{name}_weight"] * constants[f"{name}_scale"]
        most = np.maximum(added.max(axis=0), -added.min(axis=0))
        most[most == 0] = 1
        added *= 127 / most
        found[f"{name}_weight"] = np.rint(added, out=added).astype(np.int8)
        found[f"{name}_scale"] = most / np.float32(127)
    return found


def _products(adapter: Adapter) -> Iterator[tuple[str, Floats, Floats]]:
    """The two factors of what is added to each linear map, by the map's name in the model (see `build`)."""
    for layer in range(LAYERS):
        for i in range(3):
            yield f"layer{layer}_qkv{i}", adapter.attention_a[layer, i], adapter.attention_b[layer, i]
        yield f"layer{layer}_attention0", adapter.attention_a[layer, 3], adapter.attention_b[layer, 3]
        yield f"layer{layer}_ffn_in0", adapter.ffn_in_a[layer], adapter.ffn_in_b[layer]
        yield f"layer{layer}_ffn_out0", adapter.ffn_out_a[layer], adapter.ffn_out_b[layer]


def constants(model: bytes) -> dict[str, Array]:
    """The constants of an ONNX *model* by name, read-only.

    Reads the few fields of the format that it needs (https://onnx.ai/onnx/api/classes.html), so that the onnx package
    is not needed where the model runs.
    """
    found: dict[str, Array] = {}
    for number, graph in _fields(memoryview(model)):
        if number != GRAPH:
            continue
        for place, tensor in _fields(_bytes(graph)):
            if place == INITIALIZER:
                name, array = _tensor(_bytes(tensor))
                found[name] = array
    return found


def _tensor(message: memoryview) -> tuple[str, Array]:
    dims: list[int] = []
    name, kind, data = "", 0, memoryview(b"")
    for number, value in _fields(message):
        if number == DIMS:
            dims += [value] if isinstance(value, int) else _varints(value)
        elif number == DATA_TYPE and isinstance(value, int):
            kind = value
        elif number == NAME:
            name = bytes(_bytes(value)).decode()
        elif number == RAW_DATA:
            data = _bytes(value)
    return name, np.frombuffer(data, TYPES[kind]).reshape(dims)


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a protobuf message: number, and value."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == VARINT:
            value, place = _varint(message, place)
            yield key >> 3, value
            continue
        if kind == BYTES:
            size, place = _varint(message, place)
        else:
            size = {1: 8, 5: 4}[kind]
        yield key >> 3, message[place : place + size]
        place += size


def _varints(packed: memoryview) -> list[int]:
    found, place = [], 0
    while place < len(packed):
        value, place = _varint(packed, place)
        found.append(value)
    return found


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A number of 7 bits a byte, the lowest first, and where the next field begins."""
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place += 1
        shift += 7
        if byte < 128:
            return value, place


def _bytes(value: int | memoryview) -> memoryview:
    assert isinstance(value, memoryview), "not an ONNX file"
    return value
