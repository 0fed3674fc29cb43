"""One request to the service, as a value: what is sent, what comes back, and whether it may be sent again."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from .errors import BadAnswer, InvalidInput

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """*gives*: the type of the answer; *text*: it is plain text and no JSON.

    *query*, *body*: what is None is not sent. *key*: its `Idempotency-Key`; *once*: the operation takes one, and gets
    one if none is given. *repeatable*: a repetition does nothing that the first has not done.
    """

    method: str
    path: str
    gives: Any
    query: Mapping[str, Any] | None = None
    body: Mapping[str, Any] | None = None
    key: str | None = None
    once: bool = False
    repeatable: bool = False
    text: bool = False

    def keyed(self) -> Request[T]:
        """This request as all its repetitions are to be sent: with a key, if its operation takes one."""
        return replace(self, key=self.key or uuid.uuid4().hex, repeatable=True) if self.once else self

    def at(self, cursor: str) -> Request[T]:
        """The same request for the page that *cursor* begins. Raises `BadAnswer` where that is the page asked for."""
        if (self.query or self.body or {}).get("cursor") == cursor:
            raise BadAnswer(f"the answer to {self.method} {self.path} leads to itself; is this a MemoryOps service?")
        if self.query is not None:
            return replace(self, query={**self.query, "cursor": cursor})
        return replace(self, body={**(self.body or {}), "cursor": cursor})

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The query as it is sent: a list is a parameter for each of its elements."""
        found = []
        for name, value in given(self.query or {}).items():
            found += [(name, _word(each)) for each in (value if isinstance(value, list | tuple) else [value])]
        return found

    @property
    def content(self) -> bytes | None:
        """The body as it is sent. Raises `InvalidInput` for what is no JSON."""
        if self.body is None:
            return None
        try:
            return json.dumps(given(self.body), ensure_ascii=False, allow_nan=False).encode("utf-8")
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"the arguments are no JSON ({error}); give plain texts, numbers, lists and dicts"
            ) from None


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """*values* without those that are None."""
    return {name: value for name, value in values.items() if value is not None}


def segment(value: str) -> str:
    """*value* as a part of a path. Raises `InvalidInput` for what would lead to another path."""
    if not isinstance(value, str) or value in ("", ".", ".."):
        raise InvalidInput(f"{value!r:.100} is no id; give the text that the service gave")
    return quote(value, safe="")


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
