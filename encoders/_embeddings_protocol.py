"""The answers of an OpenAI-compatible embeddings server, read without trust."""

from __future__ import annotations

import base64
import binascii
import json
import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BadEncoderAnswer

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
SHOWN = 200


def parse_embeddings(content: bytes, count: int, name: str) -> NDArray[np.float32]:
    """The vectors of an answer in the order of the request, (count, d), else `BadEncoderAnswer`."""
    try:
        items = json.loads(content)["data"]
        rows = {_index(item): _vector(item["embedding"]) for item in items}
        if len(items) != count or sorted(rows) != list(range(count)):
            raise ValueError(f"{len(items)} vectors for {count} texts, or wrong indices")
        return np.stack([rows[i] for i in range(count)])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadEncoderAnswer(
            f"{name} answered something that is not a list of embeddings ({type(error).__name__}: "
            f"{str(error)[:SHOWN]}). Check that the base URL is that of an OpenAI-compatible server."
        ) from error


def _index(item: Mapping[str, Any]) -> int:
    index = item["index"]
    if not isinstance(index, int) or isinstance(index, bool):
        raise TypeError("an index is not a number")
    return index


def _vector(embedding: Any) -> NDArray[np.float32]:
    """A list of numbers, or base64 of little-endian float32."""
    if isinstance(embedding, str):
        try:
            values = np.frombuffer(base64.b64decode(embedding, validate=True), "<f4")
        except binascii.Error as error:
            raise ValueError("an embedding is not valid base64") from error
    else:
        values = np.asarray(embedding, np.float32)
    if values.ndim != 1 or not len(values):
        raise ValueError("an embedding is not a list of numbers")
    return values.astype(np.float32)


def retry_delay(attempt: int, headers: Mapping[str, str] | None) -> float:
    """Seconds to wait after *attempt* (from 0): what ``Retry-After`` says, else doubling; at most 30."""
    asked = _retry_after((headers or {}).get("retry-after", ""))
    return min(LONGEST_DELAY, FIRST_DELAY * 2**attempt if asked is None else max(0.0, asked))


def _retry_after(value: str) -> float | None:
    try:
        seconds = float(value)
        return seconds if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(value).timestamp() - time.time()
    except ValueError:
        return None


def server_message(content: bytes, api_key: str | None) -> str:
    """What the server said about its error, shortened, without the key."""
    text = content.decode("utf-8", "replace")
    try:
        error = json.loads(text)["error"]
        text = error["message"] if isinstance(error, dict) else str(error)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    text = " ".join(str(text).split())
    return (text.replace(api_key, "***") if api_key else text)[:SHOWN] or "no message"
