"""A tool whose refusals are answers that a model can act on; what is wrong with the store stays an error."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar

from langchain_core.tools import BaseTool, StructuredTool, ToolException

from ...memory.errors import MemoryOpsError

P = ParamSpec("P")
R = TypeVar("R")

ResponseFormat = Literal["content", "content_and_artifact"]


def guarded(
    function: Callable[..., Any], name: str, description: str, response_format: ResponseFormat = "content"
) -> BaseTool:
    """The tool *name* that calls *function*; async callers run it in a worker thread."""
    return StructuredTool.from_function(
        _answering(function),
        name=name,
        description=" ".join(description.split()),
        response_format=response_format,
        handle_tool_error=True,
    )


def _answering(function: Callable[P, R]) -> Callable[P, R]:
    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except MemoryOpsError as error:
            raise ToolException(str(error)) from error

    return call
