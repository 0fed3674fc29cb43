"""`GuardedTool`: a tool whose failures are readable answers; calls are logged without their content."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, TextContent
from pydantic import ValidationError

from ..errors import LONGEST, answer
from .schemas import lean_input, lean_output

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp.server.mcpserver import Context
    from mcp_types import ToolAnnotations

log = logging.getLogger(__name__)


class GuardedTool(Tool):
    """Refuses unknown arguments, turns errors into answers with a remedy, and sends results compactly."""

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        started = time.perf_counter()
        outcome = "ok"
        try:
            self._refuse_unknown(arguments)
            return _compact(await super().run(arguments, context, convert_result))
        except ToolError as error:
            outcome, text = _told(error)
            if outcome == "internal":
                log.exception("a tool failed inside", extra={"tool": self.name})
            raise ToolError(text) from error.__cause__
        finally:
            took = round(1000 * (time.perf_counter() - started), 1)
            log.info("tool call", extra={"tool": self.name, "outcome": outcome, "milliseconds": took})

    def _refuse_unknown(self, arguments: dict[str, Any]) -> None:
        unknown = sorted(arguments.keys() - self.parameters["properties"].keys())
        if unknown:
            known = ", ".join(self.parameters["properties"])
            raise ToolError(f"{self.name} has no argument {', '.join(unknown):.200}; it takes {known}")


def _told(error: ToolError) -> tuple[str, str]:
    """The kind of *error* for the log, and what the caller is told."""
    cause = error.__cause__
    if isinstance(error, UnexpectedToolError):
        told = answer(cause if isinstance(cause, Exception) else error)
        return told.kind, told.text
    if isinstance(cause, ValidationError):
        return "invalid", _wrong_arguments(cause)
    return "invalid", str(error)[:LONGEST]


def _wrong_arguments(error: ValidationError) -> str:
    wrong = [
        f"{'.'.join(map(str, each['loc'])):.100}: {each['msg']:.200}" for each in error.errors(include_input=False)
    ]
    return f"Wrong arguments. {'; '.join(wrong[:10])}"


def _compact(result: Any) -> Any:
    if isinstance(result, CallToolResult) and result.structured_content is not None:
        text = json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))
        result.content = [TextContent(type="text", text=text)]
    return result


def guarded(fn: Callable[..., Any], title: str, annotations: ToolAnnotations) -> GuardedTool:
    """The tool that calls *fn*, named and described as *fn* is, with lean schemas."""
    tool = GuardedTool.from_function(fn, title=title, annotations=annotations, structured_output=True)
    assert isinstance(tool, GuardedTool)
    tool.description = " ".join(tool.description.split())
    tool.parameters = lean_input(tool.parameters)
    tool.fn_metadata.output_schema = lean_output(tool.fn_metadata.output_schema)
    return tool
