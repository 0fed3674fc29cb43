"""From the service's answer to a value, or to the error that it tells. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from .errors import BadAnswer, Refused, refused
from .request import Request

T = TypeVar("T")


def value_of(request: Request[T], status: int, headers: Mapping[str, str], content: bytes) -> T:
    """What the answer to *request* gives. Raises `Refused` as the service says, or `BadAnswer`."""
    if not 200 <= status < 300:
        raise problem(status, headers, content)
    if request.text:
        return _plain(request, headers, content)
    try:
        read: T = _reader(request.gives).validate_json(content)
        return read
    except ValidationError as error:
        places = sorted({".".join(map(str, each["loc"])) or "all of it" for each in error.errors(include_input=False)})
        raise BadAnswer(  # not from the error, which quotes what was answered
            f"the answer to {request.method} {request.path} cannot be read (at {', '.join(places[:5])}); is this a "
            "MemoryOps service, and `pip install -U memoryops` done here?"
        ) from None


def problem(status: int, headers: Mapping[str, str], content: bytes) -> Refused | BadAnswer:
    """The error that an answer of *status* tells."""
    told: Any = None
    if "json" in headers.get("content-type", ""):
        try:
            told = json.loads(content)
        except (ValueError, RecursionError):
            told = None
    if isinstance(told, dict) and isinstance(told.get("error"), dict):  # as OpenAI's clients are told
        told = {"detail": told["error"].get("message"), "kind": told["error"].get("code")}
    if status < 400 or not isinstance(told, dict) or not isinstance(told.get("detail"), str):
        server = headers.get("server", "")
        by = f" ({server[:50]})" if server else ""
        return BadAnswer(f"the answer was {status}{by} and no problem document of MemoryOps; check the base URL")
    errors = told.get("errors")
    return refused(
        status,
        told["detail"],
        kind=_text(told.get("kind")),
        remedy=_text(told.get("remedy")),
        errors=errors if isinstance(errors, list) else (),
        request_id=headers.get("x-request-id"),
        retry_after=seconds(headers.get("retry-after")),
    )


def seconds(text: str | None) -> float | None:
    """A `Retry-After` in seconds; None for none and for a date, which the service does not send."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _plain(request: Request[T], headers: Mapping[str, str], content: bytes) -> T:
    """The text that an answer is; a page that something between here and the service shows is none."""
    try:
        if headers.get("content-type", "").startswith("text/plain"):
            value: T = content.decode("utf-8")  # type: ignore[assignment]  # T is str where the answer is a text
            return value
    except UnicodeDecodeError:
        pass
    raise BadAnswer(f"the answer to {request.method} {request.path} is no plain text; is this a MemoryOps service?")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


@lru_cache(maxsize=256)
def _reader(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
