import json
import logging
import warnings
from collections.abc import Callable

import pytest

from memoryops.mcp_server import logs


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    return lambda: capsys.readouterr().err


def fail() -> None:
    content = "what somebody stored"
    try:
        raise ValueError(content)
    except ValueError:
        logging.getLogger("memoryops.test").exception("it failed", extra={"tool": "memory_add"})


def test_json_lines_hold_time_level_logger_message_and_fields(written: Callable[[], str]) -> None:
    logs.configure("json", "INFO")
    logging.getLogger("memoryops.test").info("tool call", extra={"tool": "memory_add", "milliseconds": 1.5})
    line = json.loads(written())
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "memoryops.test",
        "message": "tool call",
        "tool": "memory_add",
        "milliseconds": 1.5,
    }


def test_text_lines_hold_the_same(written: Callable[[], str]) -> None:
    logs.configure("text", "INFO")
    logging.getLogger("memoryops.test").info("tool call", extra={"tool": "memory_add"})
    assert written().endswith("INFO memoryops.test: tool call tool=memory_add\n")


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exception_shows_its_place_and_type_but_not_its_text(written: Callable[[], str], form: str) -> None:
    logs.configure(form, "INFO")
    fail()
    text = written()
    assert "test_logs.py" in text
    assert "ValueError" in text
    assert "what somebody stored" not in text


def test_the_level_holds_and_the_sdk_stays_quiet_about_arguments(written: Callable[[], str]) -> None:
    logs.configure("text", "INFO")
    logging.getLogger("memoryops.test").debug("no")
    logging.getLogger("mcp.server").info("Tool 'memory_add' failed: 'what somebody stored'")
    assert written() == ""


def test_warnings_are_lines_of_it(written: Callable[[], str]) -> None:
    before = warnings.showwarning
    try:
        logs.configure("json", "WARNING")
        logs.take_warnings()
        warnings.showwarning("mind the gap", UserWarning, "here.py", 1)
    finally:
        warnings.showwarning = before
    line = json.loads(written())
    assert (line["level"], line["message"], line["category"]) == ("WARNING", "mind the gap", "UserWarning")
