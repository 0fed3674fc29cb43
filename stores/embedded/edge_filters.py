"""Filters as conditions of Qdrant Edge, with the meaning of `filters.matches`.

Metadata is not kept in the index in clear: each `key = value` becomes a 63-bit hash in the list `_m`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import qdrant_edge as edge

from ..errors import InvalidRequest
from ..filters import FIELDS, FLAGS, METADATA, NUMBERS, And, Eq, Exists, Filter, In, Not, Or, Range, Scalar

WORKSPACE, SEQ, TERMS = "_w", "_s", "_m"
FLAG = {True: "true", False: "false"}
"""Flags are words in the index: Edge takes a flag in a condition for a number."""

NEVER = edge.FieldCondition(WORKSPACE, match=edge.MatchValue("\0"))


def fields(workspace: str, seq: int, payload: Mapping[str, Any]) -> dict[str, Any]:
    """What the index keeps of a passage beside its vectors: filterable fields, no text."""
    kept = {name: value for name, value in payload.items() if name in FIELDS and value is not None}
    kept |= {name: FLAG[kept[name]] for name in FLAGS & kept.keys()}
    kept[WORKSPACE], kept[SEQ] = workspace, seq
    terms = metadata_terms(payload.get("metadata"))
    if terms:
        kept[TERMS] = terms
    return kept


def metadata_terms(metadata: Mapping[str, Any] | None) -> list[int]:
    """The hashes under which the scalars of *metadata* (and those in its lists) are found."""
    terms = []
    for key, value in (metadata or {}).items():
        present = value if isinstance(value, list | tuple) else [value]
        if any(each is not None for each in present):
            terms.append(_term(key, None))
        terms += [_term(key, each) for each in present if isinstance(each, str | int | float | bool)]
    return terms


def _term(key: str, value: Scalar | None) -> int:
    if isinstance(value, bool) or value is None:
        typed = f"flag:{value}"
    elif isinstance(value, str):
        typed = f"text:{value}"
    else:
        typed = f"number:{int(value) if float(value).is_integer() else value!r}"
    digest = hashlib.blake2b(f"{key}\0{typed}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def living(
    workspace: str | None,
    now: float | None,
    filter: Filter | None = None,
    ids: Sequence[int] | None = None,
    without: Sequence[int] = (),
) -> edge.Filter | None:
    """The passages of *workspace* that have not expired at *now* and meet *filter*, among *ids* if given, but none of
    *without*.

    *workspace* None: all of them are of the one that is meant. *now* None: none of them has expired. None where all
    of them are wanted.
    """
    must: list[Any] = [] if workspace is None else [_of(workspace)]
    if ids is not None:
        must.append(edge.HasIdCondition(set(ids)))
    if filter is not None:
        must.append(translate(filter))
    must_not: list[Any] = [edge.HasIdCondition(set(without))] if without else []
    if now is not None:
        must_not.append(edge.FieldCondition("expires_at", range=edge.RangeFloat(lte=now)))
    return edge.Filter(must=must, must_not=must_not) if must or must_not else None


def _of(workspace: str) -> edge.FieldCondition:
    return edge.FieldCondition(WORKSPACE, match=edge.MatchValue(workspace))


def corpus(workspace: str) -> edge.Filter:
    """All passages of *workspace*: whose words BM25 statistics may count."""
    return edge.Filter(must=[_of(workspace)])


def translate(filter: Filter) -> edge.Filter:
    if isinstance(filter, And):
        return edge.Filter(must=[translate(part) for part in filter.filters])
    if isinstance(filter, Or):
        return edge.Filter(should=[translate(part) for part in filter.filters] or [NEVER])
    if isinstance(filter, Not):
        return edge.Filter(must_not=[translate(filter.filter)])
    if filter.field.startswith(METADATA):
        return _metadata(filter)
    if isinstance(filter, Exists):
        return edge.Filter(must_not=[edge.IsEmptyCondition(filter.field)])
    if isinstance(filter, Range):
        bounds = edge.RangeFloat(gt=filter.gt, gte=filter.gte, lt=filter.lt, lte=filter.lte)
        return edge.Filter(must=[edge.FieldCondition(filter.field, range=bounds)])
    values = (filter.value,) if isinstance(filter, Eq) else filter.values
    words = [value for value in values if isinstance(value, str)]
    if len(words) > 1 and filter.field not in NUMBERS | FLAGS:  # what is no word meets no keyword
        return edge.Filter(must=[edge.FieldCondition(filter.field, match=edge.MatchAny(words))])
    return edge.Filter(should=[_equals(filter.field, value) for value in values] or [NEVER])


def _metadata(filter: Eq | In | Exists | Range) -> edge.Filter:
    key = filter.field.removeprefix(METADATA)
    if isinstance(filter, Range):
        raise InvalidRequest(f"Range does not reach into metadata ({filter.field!r}); compare with Eq or In")
    if isinstance(filter, Exists):
        wanted = [_term(key, None)]
    else:
        wanted = [_term(key, value) for value in ((filter.value,) if isinstance(filter, Eq) else filter.values)]
    if not wanted:
        return edge.Filter(must=[NEVER])
    return edge.Filter(must=[edge.FieldCondition(TERMS, match=edge.MatchAny(wanted))])


def _equals(field: str, value: Scalar) -> edge.FieldCondition:
    if field in NUMBERS:
        if isinstance(value, bool | str):
            return NEVER
        return edge.FieldCondition(field, range=edge.RangeFloat(gte=float(value), lte=float(value)))
    if isinstance(value, bool):
        return edge.FieldCondition(field, match=edge.MatchValue(FLAG[value])) if field in FLAGS else NEVER
    if not isinstance(value, str) or field in FLAGS:
        return NEVER
    return edge.FieldCondition(field, match=edge.MatchValue(value))
