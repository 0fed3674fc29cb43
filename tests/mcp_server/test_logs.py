import io
import json
import logging
from collections.abc import Iterator

import pytest
from memoryops.mcp_server import logs


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Standard error while the test configures logging; the root logger is put back afterwards."""
    root, sdk = logging.getLogger(), logging.getLogger("mcp")
    before = (root.handlers[:], root.level, sdk.level)
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    yield stream
    root.handlers[:], level, sdk_level = before
    root.setLevel(level)
    sdk.setLevel(sdk_level)


def fail() -> None:
    try:
        raise ValueError("what somebody stored")
    except ValueError:
        logging.getLogger("memoryops.test").exception("it failed", extra={"tool": "memory_add"})


def test_json_lines_hold_time_level_logger_message_and_fields(written: io.StringIO) -> None:
    logs.configure("json", "INFO")
    logging.getLogger("memoryops.test").info("tool call", extra={"tool": "memory_add", "milliseconds": 1.5})
    line = json.loads(written.getvalue())
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "memoryops.test",
        "message": "tool call",
        "tool": "memory_add",
        "milliseconds": 1.5,
    }


def test_text_lines_hold_the_same(written: io.StringIO) -> None:
    logs.configure("text", "INFO")
    logging.getLogger("memoryops.test").info("tool call", extra={"tool": "memory_add"})
    assert written.getvalue().endswith("INFO memoryops.test: tool call tool=memory_add\n")


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exception_shows_its_place_and_type_but_not_its_text(written: io.StringIO, form: str) -> None:
    logs.configure(form, "INFO")
    fail()
    text = written.getvalue()
    assert "test_logs.py" in text
    assert "ValueError" in text
    assert "what somebody stored" not in text


def test_the_level_holds_and_the_sdk_stays_quiet_about_arguments(written: io.StringIO) -> None:
    logs.configure("text", "INFO")
    logging.getLogger("memoryops.test").debug("no")
    logging.getLogger("mcp.server").info("Tool 'memory_add' failed: 'what somebody stored'")
    assert written.getvalue() == ""
