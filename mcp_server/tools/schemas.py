"""Schemas that cost few tokens: what pydantic writes, without what no caller needs.

What is left out here is still checked: arguments are validated by their types, and an error names the limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SAID_BY_ERRORS = frozenset(
    "title minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems".split()
)


def lean_input(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The published form of an input schema; unknown arguments are refused."""
    return {**_lean_object(schema), "additionalProperties": False}


def lean_output(schema: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The published form of an output schema. Fields at their default are not sent; docs/tools.md says so."""
    return None if schema is None else _lean_object(schema)


def _lean_object(schema: Mapping[str, Any]) -> dict[str, Any]:
    definitions = schema.get("$defs", {})
    lean: dict[str, Any] = _lean({name: part for name, part in schema.items() if name != "$defs"}, definitions)
    lean.pop("description", None)
    return lean


def _lean(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """*schema* with references put in place, `or null` dropped (absent says it), and defaults only where they tell."""
    if isinstance(schema, list):
        return [_lean(each, definitions) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        return _lean({**target, "description": schema.get("description")}, definitions)
    if "anyOf" in schema:
        chosen = [each for each in schema["anyOf"] if each.get("type") != "null"]
        if len(chosen) == 1:
            rest = {name: value for name, value in schema.items() if name != "anyOf"}
            return _lean({**chosen[0], **rest}, definitions)
    lean: dict[str, Any] = {}
    for name, value in schema.items():
        if name == "properties":
            lean[name] = {each: _lean(part, definitions) for each, part in value.items()}
        elif name == "enum":
            lean[name] = value
        elif name == "additionalProperties":
            if isinstance(value, Mapping):
                lean[name] = _lean(value, definitions)
        elif name == "default":
            if value or value is False:
                lean[name] = value
        elif name not in _SAID_BY_ERRORS and value is not None:
            lean[name] = _lean(value, definitions)
    return lean
