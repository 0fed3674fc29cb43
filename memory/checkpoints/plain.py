"""The codec for values that are bytes, and lists of bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .refs import Split


class Plain:
    def split(self, value: Any) -> Split | None:
        return Split(parts=value) if isinstance(value, list) else None

    def join(self, wrap: str, divided: Any) -> Any:
        return divided

    def dump(self, part: Any) -> bytes:
        return bytes(part)

    def load(self, data: bytes) -> Any:
        return data

    def fingerprint(self, part: Any) -> bytes | None:
        return None

    def traces(self) -> None:
        return None

    def copier(self, part: Any) -> tuple[bytes, Callable[[], Any]] | None:
        return None
