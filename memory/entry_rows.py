"""From an entry to the rows that keep it, and back. Pure.

An entry is one record, whose text is its value as JSON, and one row of `memory` for each passage of what is searched
of it. All rows of one put carry the same `source`, so that a search can tell what belongs to an earlier value, and the
same `tags`, by which the store narrows a search: one for each prefix of the namespace, one for each text, number and
flag of the value. Tags are hashes; they leave too much rather than too little, and the values themselves decide.

Two fields are chosen for the indexes that stores have: `thread` holds the namespace, and `created_at` the time of the
last put, by which entries are listed; `first_at` is that of the first.
A namespace with others under it has a record that says so; where there is none, a search need not look for them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..stores.filters import And, Eq, Filter, In, Scalar, encodable
from ..stores.payloads import quoted
from ..stores.ports import MAX_TEXT_BYTES, Point, Put
from . import entry_filters, namespaces
from .drafts import fingerprint
from .errors import InvalidInput
from .namespaces import Namespace
from .passages import split
from .scope import OWN, Scope

TYPE, PASSAGE, ABOVE = "entry", "entry passage", "above entries"
NAMESPACE, PUT_AT = "thread", "created_at"
MAX_KEY_CHARS = 2000
MAX_DEPTH = 200
MAX_TERMS = 64
"""A value with more texts, numbers and flags than these is found by a filter through reading it."""
MAX_TERM_CHARS = 100
MANY = "v*"


@dataclass(frozen=True, slots=True)
class Entry:
    """A value kept under a namespace and a key. Times are seconds since the epoch.

    *expires_at* None: it stays. *score*: in a search by meaning, the cosine of the best of what is searched of it; None
    in other reads, and while it waits for its embedding.
    """

    namespace: Namespace
    key: str
    value: dict[str, Any]
    created_at: float
    updated_at: float
    expires_at: float | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class PutEntry:
    """Keep *value* (a JSON object) under *namespace* and *key*, in place of what is there.

    *texts*: what is searched of it; None stands for the whole value, and () for nothing. *ttl*: seconds after the last
    write or refreshing read at which it vanishes; None keeps it.
    """

    namespace: Namespace
    key: str
    value: Mapping[str, Any]
    texts: Sequence[str] | None = None
    ttl: float | None = None


@dataclass(frozen=True, slots=True)
class DeleteEntry:
    """Let go of what is kept under *namespace* and *key*, if anything is."""

    namespace: Namespace
    key: str


def space(scope: Scope) -> str:
    """The workspace in which the entries of *scope* lie: none that a scope can name.

    So no search, listing, count or export of memories meets an entry, and no entry's words move the score of a memory.
    What is bound in *scope* beside its workspace has entries of its own.
    """
    name = f"{OWN}entries:{scope.workspace}"
    if scope.user is None and scope.thread is None and len(name) <= 200:
        return name
    return f"{OWN}entries#{fingerprint(scope.workspace, scope.user or '', scope.thread or '')}"


def row_id(namespace: Sequence[str], key: str) -> str:
    """The id of the record that keeps what lies under *namespace* and *key*."""
    return f"entry:{fingerprint(*namespace, key)}"


def above(namespace: Sequence[str]) -> list[Put]:
    """The records which say that there is something under each namespace above *namespace*."""
    return [Put("records", above_id(namespace[:depth]), {"type": ABOVE}) for depth in range(1, len(namespace))]


def above_id(namespace: Sequence[str]) -> str:
    return f"above:{fingerprint(*namespace)}"


def check_key(key: object) -> str:
    if not isinstance(key, str) or len(key) > MAX_KEY_CHARS or not encodable(key):
        raise InvalidInput(f"the key is {quoted(key)}; use text of up to {MAX_KEY_CHARS} characters")
    return key


# values


def dump(value: object, name: str) -> str:
    """*value* as JSON, from which `json.loads` makes an equal one. *name* is what an error calls it.

    Raises `InvalidInput` for what JSON cannot carry, and for what is over 10 MB.
    """
    if not isinstance(value, Mapping):
        raise InvalidInput(f"the value of {name} is {type(value).__name__}; give an object, like {{'text': …}}")
    try:
        text = json.dumps(dict(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        _check_keys(value, name)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"the value of {name} is no JSON ({error}); convert it first") from error
    if not encodable(text):
        text = json.dumps(dict(value), separators=(",", ":"))
    size = len(text) if text.isascii() else len(text.encode())
    if size > MAX_TEXT_BYTES:
        raise InvalidInput(f"the value of {name} has {size} bytes as JSON, over {MAX_TEXT_BYTES}; split it")
    return text


def _check_keys(value: Mapping[Any, Any], name: str) -> None:
    """JSON would quietly turn a key that is a number into a text, and what is nested deep could not be read back."""
    pending: list[tuple[Any, int]] = [(value, 1)]
    while pending:
        found, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise InvalidInput(f"the value of {name} is nested over {MAX_DEPTH} levels; make it flatter")
        if isinstance(found, Mapping):
            for key in found:
                if not isinstance(key, str):
                    raise InvalidInput(f"the value of {name} has the key {quoted(key)}; keys are strings")
            pending.extend((each, depth + 1) for each in found.values())
        elif isinstance(found, list | tuple):
            pending.extend((each, depth + 1) for each in found)


# rows


def rows(put: PutEntry, source: str, now: float, created_at: float) -> list[Put]:
    """The record of *put*, and then its passages."""
    name = f"{namespaces.join(put.namespace)}/{put.key}"[:200]
    id, text = row_id(put.namespace, put.key), dump(put.value, name)
    shared: dict[str, Any] = {
        "item": id,
        "source": source,
        NAMESPACE: namespaces.join(put.namespace),
        "tags": [*_prefixes(put.namespace), *_terms(put.value)],
    }
    if put.ttl is not None:
        shared["expires_at"] = now + put.ttl
    record = {**shared, "type": TYPE, "key": put.key, PUT_AT: now, "first_at": created_at, "ttl": put.ttl}
    found = [text] if put.texts is None else put.texts
    passages = [
        Put("memory", f"{id}:{number}", {**shared, "type": PASSAGE}, passage)
        for number, passage in enumerate(_passages(found))
    ]
    return [Put("records", id, record, text), *passages]


def _passages(texts: Iterable[str]) -> list[str]:
    """What is embedded of *texts*, each once."""
    sound = [text if encodable(text) else text.encode(errors="replace").decode() for text in texts]
    return list(dict.fromkeys(text[part.start : part.end] for text in sound for part in split(text)))


def entry(point: Point, score: float | None = None) -> Entry:
    """The entry that the record *point* keeps."""
    payload = point.payload
    return Entry(
        namespace=namespaces.split(payload[NAMESPACE]),
        key=payload["key"],
        value=json.loads(point.text or "{}"),
        created_at=payload["first_at"],
        updated_at=payload[PUT_AT],
        expires_at=payload.get("expires_at"),
        score=score,
    )


# tags


def under(prefix: Sequence[str], filter: entry_filters.Filter) -> Filter:
    """What the store can tell of entries under *prefix* that meet *filter*: it leaves in all of them, and others."""
    wanted: list[Filter] = [Eq("tags", _prefixes(prefix)[-1])] if prefix else []
    for path, value in entry_filters.equalities(filter):
        if not isinstance(value, str) or len(value) <= MAX_TERM_CHARS:
            wanted.append(In("tags", (_term(path, value), MANY)))
    return And(tuple(wanted))


def _prefixes(namespace: Sequence[str]) -> list[str]:
    return [_tag("n", *namespace[:depth]) for depth in range(1, len(namespace) + 1)]


def _terms(value: Mapping[str, Any]) -> list[str]:
    terms: dict[str, None] = {}
    for count, (path, leaf) in enumerate(entry_filters.leaves(value)):
        if count == MAX_TERMS:
            return [MANY]
        if not isinstance(leaf, str) or len(leaf) <= MAX_TERM_CHARS:
            terms[_term(path, leaf)] = None
    return list(terms)


def _term(path: str, value: Scalar) -> str:
    """The tag of *value* at *path*; equal values (as filters mean it) have the same."""
    if isinstance(value, bool):
        typed = f"flag:{value}"
    elif isinstance(value, str):
        typed = f"text:{value}"
    else:
        whole = isinstance(value, int) or value.is_integer()
        typed = f"number:{int(value):x}" if whole else f"number:{value!r}"
    return _tag("v", path, typed)


def _tag(sign: str, *parts: str) -> str:
    data = "\0".join(parts).encode("utf-8", "surrogatepass")
    return sign + hashlib.blake2b(data, digest_size=8).hexdigest()
