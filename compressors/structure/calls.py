"""Tool calls and tool schemas: what a program reads again, and so must find byte for byte as it was."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[a-z]+")
_TYPE = re.compile(r"(?:tool|function)(?:call|use|schema|definition|declaration)s?|tools")
_RESULT = {"result", "results", "output", "outputs", "response", "responses"}


def is_untouched(content_type: str) -> bool:
    """Whether *content_type* says that the text is a tool call or a tool's schema: kept as a whole or not at all."""
    words = _WORDS.findall(content_type.lower())
    return not _RESULT.intersection(words) and _TYPE.fullmatch("".join(words)) is not None


def is_call(value: object) -> bool:
    """Whether *value*, out of a JSON text, is a tool call or a tool's schema, as OpenAI, Anthropic and MCP write it."""
    if not isinstance(value, dict):
        return False
    named = isinstance(value.get("name"), str)
    if named and not {"parameters", "input_schema", "inputSchema", "arguments"}.isdisjoint(value):
        return True
    kind = value.get("type")
    return (kind in ("function", "function_call") and (named or isinstance(value.get("function"), dict))) or (
        kind == "tool_use" and named
    )
