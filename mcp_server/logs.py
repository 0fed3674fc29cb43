"""The log: lines on standard error, plain or as JSON. What memories contain is never in it."""

from __future__ import annotations

import json
import logging
import sys
import traceback
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class _Reserved(logging.Formatter):
    """Shows where an exception came from and its type, not its text: that may quote what a caller stored."""

    def formatException(self, ei: ExcInfo) -> str:
        kind, _, trace = ei
        if kind is None:
            return ""
        return "".join([*traceback.format_tb(trace), f"{kind.__module__}.{kind.__qualname__}"])


class TextFormatter(_Reserved):
    """One readable line, then the fields that the call gave as `extra`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={value}" for name, value in _extra(record).items())
        return f"{super().formatMessage(record)} {fields}".rstrip()


class JsonFormatter(_Reserved):
    """One JSON object a line: timestamp (ISO 8601, UTC), level, logger, message, the fields of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _extra(record: logging.LogRecord) -> Mapping[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def configure(form: str, level: str) -> None:
    """Send the log of this process to standard error, from *level* up, as `text` or `json`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Below this, the SDK quotes what tools were called with.
    logging.getLogger("mcp").setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))


def take_warnings() -> None:
    """Make Python's warnings lines of the log, too: a server's standard error has no others."""
    warnings.showwarning = _warned


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    logging.getLogger("memoryops.warnings").warning("%s", message, extra={"category": category.__name__})
