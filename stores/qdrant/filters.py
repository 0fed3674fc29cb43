"""Filters as Qdrant conditions, with the meaning of `filters.matches`; numbers are compared as 64-bit floats.

Metadata is not filtered in place: each `key = value` of it is a 63-bit hash in the list `_metadata`, which one
integer index serves, whatever the keys are called.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qdrant_client import models

from ..errors import InvalidRequest
from ..filters import FLAGS, METADATA, NUMBERS, And, Eq, Exists, Filter, In, Not, Or, Range, Scalar

WORKSPACE, ID, REV, SEQ, DELETED = "_workspace", "_id", "_rev", "_seq", "_deleted"
TERMS, EMBEDDING, CLAIM, OWNER = "_metadata", "_embedding", "_claim", "_owner"

MAX_DEPTH = 30
"""Nested And and Or beyond this would meet the server's own limit on nested messages."""
NEVER = models.FieldCondition(key=WORKSPACE, match=models.MatchValue(value="\0nobody"))
BIGGEST = sys.float_info.max


def equals(field: str, value: str | int | bool) -> models.FieldCondition:
    return models.FieldCondition(key=field, match=models.MatchValue(value=value))


def among(ids: Sequence[str]) -> models.HasIdCondition:
    return models.HasIdCondition(has_id=list(ids))


def workspace(name: str) -> models.Filter:
    """Every point of the workspace *name*, dead or alive."""
    return models.Filter(must=[equals(WORKSPACE, name)])


def living(name: str, now: float, *conditions: models.Condition) -> models.Filter:
    """The rows of the workspace *name* that have not expired at *now* and meet all *conditions*."""
    expired = models.FieldCondition(key="expires_at", range=models.Range(lte=now))
    return models.Filter(must=[equals(WORKSPACE, name), equals(DELETED, False), *conditions], must_not=[expired])


def conditions(filter: Filter | None) -> list[models.Condition]:
    """*filter* as conditions that all have to hold."""
    return [] if filter is None else [_translate(filter, False, 0)]


def is_empty(field: str) -> models.IsEmptyCondition:
    return models.IsEmptyCondition(is_empty=models.PayloadField(key=field))


def between(field: str, **bounds: float) -> models.FieldCondition:
    return models.FieldCondition(key=field, range=models.Range(**bounds))


def _translate(filter: Filter, negated: bool, depth: int) -> models.Condition:
    """*filter* (or its negation) with Not pushed down to the leaves, so that depth counts And and Or alone."""
    filter, negated = _bare(filter, negated)
    if isinstance(filter, And | Or):
        if depth == MAX_DEPTH:
            raise InvalidRequest(f"And and Or are nested over {MAX_DEPTH} deep; write the filter flatter")
        every = isinstance(filter, And) != negated
        parts = [_translate(part, no, depth + 1) for part, no in _parts(filter, negated, every)]
        if every:
            return models.Filter(must=parts) if parts else models.Filter(must_not=[NEVER])
        return models.Filter(should=parts or [NEVER])
    assert not isinstance(filter, Not)
    leaf = _leaf(filter)
    return models.Filter(must_not=[leaf]) if negated else leaf


def _bare(filter: Filter, negated: bool) -> tuple[Filter, bool]:
    while isinstance(filter, Not):
        filter, negated = filter.filter, not negated
    return filter, negated


def _parts(filter: And | Or, negated: bool, every: bool) -> Iterator[tuple[Filter, bool]]:
    """The parts of *filter*, those of parts that join in the same way among them."""
    pending = [(part, negated) for part in reversed(filter.filters)]
    while pending:
        part, no = _bare(*pending.pop())
        if isinstance(part, And | Or) and (isinstance(part, And) != no) == every:
            pending.extend((inner, no) for inner in reversed(part.filters))
        else:
            yield part, no


def _leaf(filter: Eq | In | Range | Exists) -> models.Condition:
    field = filter.field
    if isinstance(filter, Range):
        return _range(filter)
    if field.startswith(METADATA):
        return _metadata(field.removeprefix(METADATA), filter)
    if isinstance(filter, Exists):
        return models.Filter(must_not=[is_empty(field)])
    values = (filter.value,) if isinstance(filter, Eq) else filter.values
    if field in NUMBERS:
        numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        return _any([between(field, gte=n, lte=n) for n in numbers if math.isfinite(n)])
    if field in FLAGS:
        return _any([equals(field, v) for v in values if isinstance(v, bool)])
    words = [v for v in values if isinstance(v, str)]
    return models.FieldCondition(key=field, match=models.MatchAny(any=words)) if words else NEVER


def _any(alternatives: Sequence[models.Condition]) -> models.Condition:
    return models.Filter(should=list(alternatives) or [NEVER])


def _range(filter: Range) -> models.Condition:
    """Bounds beyond what a float holds become the last float, or never hold."""
    bounds: dict[str, float] = {}
    for name in ("gt", "gte", "lt", "lte"):
        bound = getattr(filter, name)
        if bound is None:
            continue
        if abs(bound) <= BIGGEST:
            bounds[name] = float(bound)
        elif (bound > 0) == name.startswith("g"):
            return NEVER
        else:
            wide = "gte" if name.startswith("g") else "lte"
            bounds.setdefault(wide, -BIGGEST if wide == "gte" else BIGGEST)
    return between(filter.field, **bounds)


def _metadata(key: str, filter: Eq | In | Exists) -> models.Condition:
    if isinstance(filter, Exists):
        wanted = [_term(key, None)]
    else:
        wanted = [_term(key, value) for value in ((filter.value,) if isinstance(filter, Eq) else filter.values)]
    return models.FieldCondition(key=TERMS, match=models.MatchAny(any=wanted)) if wanted else NEVER


def metadata_terms(metadata: Mapping[str, Any] | None) -> list[int]:
    """The hashes under which the scalars of *metadata* (and those in its lists) are found."""
    terms: dict[int, None] = {}
    for key, value in (metadata or {}).items():
        present = value if isinstance(value, list | tuple) else [value]
        if any(each is not None for each in present):
            terms[_term(key, None)] = None
        terms.update((_term(key, each), None) for each in present if isinstance(each, str | int | float | bool))
    return list(terms)


def _term(key: str, value: Scalar | None) -> int:
    if isinstance(value, bool) or value is None:
        typed = f"flag:{value}"
    elif isinstance(value, str):
        typed = f"text:{value}"
    else:
        whole = isinstance(value, int) or value.is_integer()
        typed = f"number:{int(value) if whole else value!r}"
    digest = hashlib.blake2b(f"{key}\0{typed}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
