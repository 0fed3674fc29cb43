"""Writes docs/tools.md from the server's own tools, resources and prompts; with --check, fails when it is not current.

Started as `python mcp_server/tools/docs.py`, hence the absolute imports.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
from mcp.server.mcpserver.tools import Tool

from memoryops.mcp_server.face import Face
from memoryops.mcp_server.generated import write_or_check
from memoryops.mcp_server.protocol import MemoryServer
from memoryops.mcp_server.runtime import Runtime
from memoryops.mcp_server.server import build_server
from memoryops.mcp_server.tools import CORE, FOR_PERSONS, OPERATIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tools.md"

HEAD = """\
# What clients see over MCP

<!-- Written by mcp_server/tools/docs.py from the server itself; change that, then run it. -->

Agents see {agent} tools, or with `--profile core` the {core} marked *core*; a person's client (`--human`) also sees
{persons}. A field of a result that has its default is not sent. Unknown arguments are refused; every error is an
`isError` answer that says what to do. Replies are bounded: lists give `next_cursor`, long texts come in pages,
and what was cut or left out is named in `left_out`.
"""


def page() -> str:
    """The text of docs/tools.md."""
    server = build_server(Runtime(_never), face=Face(human=True))
    tools = server._tool_manager.list_tools()
    lines = [
        HEAD.format(
            agent=len(tools) - len(FOR_PERSONS), core=len(CORE), persons=" and ".join(f"`{n}`" for n in FOR_PERSONS)
        )
    ]
    for tool in tools:
        lines += _tool(tool)
    lines += anyio.run(_rest, server)
    return "\n".join(lines) + "\n"


def _tool(tool: Tool) -> Iterator[str]:
    marks = [name for name, has in (("core", tool.name in CORE), ("person", tool.name in FOR_PERSONS)) if has]
    assert tool.annotations is not None
    if tool.annotations.read_only_hint:
        marks.append("reads only")
    if tool.annotations.destructive_hint:
        marks.append("overwrites or deletes")
    yield f"## {tool.name}"
    yield ""
    yield f"{tool.description}" + (f" *({', '.join(marks)})*" if marks else "")
    yield f"In Python: {', '.join(f'`ops.{path}`' for path in OPERATIONS[tool.name])}."
    yield ""
    yield "| argument | | |"
    yield "|---|---|---|"
    required = tool.parameters.get("required", [])
    for name, schema in tool.parameters["properties"].items():
        yield f"| `{name}`{' (required)' if name in required else ''} | {_type(schema)} | {_about(schema)} |"
    output = tool.output_schema or {}
    yield ""
    yield f"Gives {', '.join(f'`{name}`' for name in output.get('properties', {}))}."
    yield ""


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " / ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema.get("type", "any"))


def _about(schema: Mapping[str, Any]) -> str:
    parts = [str(schema.get("description", "")).replace("|", "\\|")]
    if "default" in schema:
        parts.append(f"default {schema['default']}")
    return "; ".join(part for part in parts if part)


async def _rest(server: MemoryServer) -> list[str]:
    lines = ["## Resources", "", "| resource | |", "|---|---|"]
    for resource in await server.list_resources():
        lines.append(f"| `{resource.uri}` | {resource.description} |")
    for template in await server.list_resource_templates():
        lines.append(f"| `{template.uri_template}` | {template.description} |")
    lines += [
        "",
        "Ids are completed. A client may subscribe to any of them (`subscriptions/listen`, or `resources/subscribe` in",
        "the older protocol) and is told when it changes, whichever process changed it.",
        "",
        "## Prompts",
        "",
        "| prompt | arguments | |",
        "|---|---|---|",
    ]
    for prompt in await server.list_prompts():
        takes = ", ".join(f"`{each.name}`" + ("" if each.required else "?") for each in prompt.arguments or ())
        lines.append(f"| `{prompt.name}` | {takes} | {prompt.description} |")
    return lines


def _never() -> Any:
    raise AssertionError("the page needs no memory")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or compare it."""
    return write_or_check(PAGE, page(), "mcp_server/tools/docs.py", arguments)


if __name__ == "__main__":
    sys.exit(main())
