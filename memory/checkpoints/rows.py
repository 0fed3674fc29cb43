"""The rows of a thread: their ids, their payloads, and bytes as the text of a row.

Four kinds, all in `records`, all with the thread's key in the indexed field `item`: the thread itself, checkpoints, the
writes of a task, and blobs. A checkpoint's field `thread` is its *place* (thread and namespace), and `created_at`
the rank of its id: together they are the store's index, so that the latest checkpoints are found without a sort.
"""

from __future__ import annotations

import base64
import bisect
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgpack

from ...stores.filters import In
from ...stores.ports import Point, Put
from ..errors import InvalidInput

THREAD, CHECKPOINT, WRITES, BLOB = "checkpoint_thread", "checkpoint", "checkpoint_writes", "checkpoint_blob"
HIDDEN = "hidden"
MAX_CHECKPOINT_ID = 150
LABELS = ("source", "step", "run_id")
"""What of the metadata is stored for the store to filter by; all of it is in the checkpoint's body."""


def digest(data: bytes) -> bytes:
    """The name of a blob: 16 bytes of its content's hash."""
    return hashlib.blake2b(data, digest_size=16).digest()


def key(*names: str) -> str:
    """22 characters that stand for *names*, whatever they hold."""
    packed = msgpack.packb([name.encode("utf-8", "surrogatepass") for name in names])
    return _short(hashlib.blake2b(packed, digest_size=16).digest())


def _short(name: bytes) -> str:
    return base64.urlsafe_b64encode(name)[:22].decode("ascii")


# ids


def head_item(thread: str) -> str:
    """What checkpoints have in `item`: apart from the rest of the thread, so that the index finds them alone."""
    return f"{thread}."


def all_of_thread(thread: str) -> In:
    """All rows of *thread*."""
    return In("item", (thread, head_item(thread)))


def thread_row(thread: str) -> str:
    return f"{thread}.thread"


def checkpoint_row(place: str, checkpoint: str) -> str:
    """The id of the row of *checkpoint*. Raises `InvalidInput` for what cannot be a part of an id."""
    if not isinstance(checkpoint, str) or not 0 < len(checkpoint) <= MAX_CHECKPOINT_ID or not checkpoint.isprintable():
        raise InvalidInput(
            f"the checkpoint id is {checkpoint!r:.100}; use 1 to {MAX_CHECKPOINT_ID} printable characters"
        )
    return f"{place}.{checkpoint}"


def writes_row(thread: str, place: str, checkpoint: str, task: str) -> str:
    return f"{thread}.w{key(place, checkpoint, task)}"


def writes_place(place: str, checkpoint: str) -> str:
    """What the writes of one checkpoint have in their field `thread`."""
    return f"{place}.{checkpoint}"


def blob_row(thread: str, name: bytes) -> str:
    return f"{thread}.{_short(name)}"


def blob_name(row: str) -> bytes:
    """The name of the blob in *row*."""
    return base64.urlsafe_b64decode(row[-22:] + "==")


# order

_EXACT = sorted("-0123456789abcdef")
_DIGITS = 2 * len(_EXACT) + 2
_PLACES = 10  # 36 ** 10 is below 2 ** 53, up to where a number field is exact


def rank(checkpoint: str) -> int:
    """A number that never falls while ids rise; ids that differ late may share one.

    The id after it in the store's index decides between those. A character is exact if it is one that UUIDs have; after
    any other, nothing more of the id counts.
    """
    value, counts = 0, True
    for place in range(_PLACES):
        digit = 0
        if counts and place < len(checkpoint):
            at = bisect.bisect_left(_EXACT, checkpoint[place])
            counts = at < len(_EXACT) and _EXACT[at] == checkpoint[place]
            digit = 2 * at + 1 + counts
        value = value * _DIGITS + digit
    return value


# bytes as text


def armor(data: bytes) -> str:
    """*data* as text that UTF-8 carries: as Latin-1 where that is shorter than Base64, as it is for most texts."""
    plain = data.decode("latin-1")
    if len(plain.encode("utf-8")) * 3 <= len(data) * 4:
        return "l" + plain
    return "b" + base64.b64encode(data).decode("ascii")


def bare(text: str) -> bytes:
    """What `armor` was given."""
    return text[1:].encode("latin-1") if text[0] == "l" else base64.b64decode(text[1:])


DICTIONARY = (
    b"additional_kwargs response_metadata messages branch:to: counters_since_delta_snapshot updated_channels"
    b"\xadversions_seen\x83\xa9__input__\x80\xa9__start__\x81\xa9__start__\xb0channel_versions"
    b"msgpack\0\x83\xa6source\xa5input\xa6source\xa4loop\xa4step\xa7parents\x80\xa6run_id"
    b"msgpack\0\x85\xa1v\x04\xa2ts\xd9 2026-11-21T00:00:00.000000+00:00"
)
"""What bodies of checkpoints are likely to hold, for the compression of short texts. It never changes: rows need it."""


def pack(value: Any) -> str:
    """*value* as compressed text, or plain where that is shorter, as with what was encrypted."""
    plain = msgpack.packb(value)
    squeezer = zlib.compressobj(6, wbits=-15, zdict=DICTIONARY)
    small = squeezer.compress(plain) + squeezer.flush()
    return "z" + armor(small) if len(small) < len(plain) else armor(plain)


def unpack(text: str) -> Any:
    """What `pack` was given."""
    squeezed = text[0] == "z"
    data = bare(text[1:]) if squeezed else bare(text)
    plain = zlib.decompressobj(wbits=-15, zdict=DICTIONARY).decompress(data) if squeezed else data
    return msgpack.unpackb(plain, strict_map_key=False)


# rows


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint as its row has it; *refs*: each channel's version and reference. *hidden*: deleted, yet needed."""

    row: str
    thread: str
    place: str
    namespace: str
    id: str
    parent: str | None
    epoch: str
    body: bytes
    metadata: bytes
    refs: Mapping[str, tuple[Any, Any]]
    needs: tuple[str, ...] = ()
    labels: Mapping[str, Any] | None = None
    user: str | None = None
    hidden: bool = False
    expiring: bool = False

    def put(self) -> Put:
        """The row."""
        payload: dict[str, Any] = {
            "type": CHECKPOINT,
            "item": head_item(self.thread),
            "thread": self.place,
            "created_at": rank(self.id),
            "epoch": self.epoch,
        }
        optional = {
            "ns": self.namespace,
            "metadata": dict(self.labels or {}),
            "user": self.user,
            "status": HIDDEN if self.hidden else None,
            "expiring": self.expiring,
        }
        payload |= {name: value for name, value in optional.items() if value}
        text = pack([self.parent, self.body, self.metadata, dict(self.refs), list(self.needs)])
        return Put("records", self.row, payload, text)


def head(point: Point) -> Head:
    """The checkpoint in *point*."""
    payload = point.payload
    parent, body, metadata, refs, needs = unpack(point.text or "")
    return Head(
        row=point.id,
        thread=payload["item"][:-1],
        place=payload["thread"],
        namespace=payload.get("ns", ""),
        id=point.id[23:],
        parent=parent,
        epoch=payload["epoch"],
        body=body,
        metadata=metadata,
        refs={channel: (version, ref) for channel, (version, ref) in refs.items()},
        needs=tuple(needs),
        labels=payload.get("metadata"),
        user=payload.get("user"),
        hidden=payload.get("status") == HIDDEN,
        expiring=payload.get("expiring", False),
    )


def blob_put(thread: str, name: bytes, data: bytes) -> Put:
    return Put("records", blob_row(thread, name), {"type": BLOB, "item": thread}, armor(data))


def labels(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What of *metadata* the store can filter by."""
    return {name: metadata[name] for name in LABELS if name in metadata and is_label(metadata[name])}


def is_label(value: object) -> bool:
    """Whether *value* is a whole number or a short printable text, which every store compares alike."""
    if isinstance(value, str):
        return 0 < len(value) <= 200 and value.isprintable()
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53
