"""Our server with the tools, resources and prompts that the official conformance suite calls by name.

Started by `run.py`, never by users: what the suite wants of a server (an image, a sampled answer, a form with every
kind of field) is no business of a memory, so it is added here, beside everything of our own, and served by the same
app as `memoryops serve`.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import Message, UserMessage
from mcp_types import (
    AudioContent,
    CallToolResult,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    SamplingMessage,
    SetLevelRequestParams,
    TextContent,
    TextResourceContents,
)

from memoryops.mcp_server.face import Face
from memoryops.mcp_server.http.access import Access
from memoryops.mcp_server.http.app import build_app
from memoryops.mcp_server.http.parser import HttpProtocol
from memoryops.mcp_server.protocol import MemoryServer
from memoryops.mcp_server.runtime import Runtime
from memoryops.mcp_server.server import build_server, open_memory
from memoryops.memory.settings import Settings

from .rounds import add_rounds

Ctx = Context[Any, Any]


def text(value: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=value)])


def png() -> str:
    """One red pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + parts).decode()


def wav() -> str:
    """A few samples of silence."""
    samples = b"\0\0" * 8
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(samples)) + samples
    return base64.b64encode(b"RIFF" + struct.pack("<I", len(body)) + body).decode()


def image() -> ImageContent:
    return ImageContent(type="image", data=png(), mime_type="image/png")


def embedded(uri: str, mime_type: str, content: str) -> EmbeddedResource:
    resource = TextResourceContents(uri=uri, mime_type=mime_type, text=content)
    return EmbeddedResource(type="resource", resource=resource)


def simple_text() -> CallToolResult:
    """Gives text."""
    return text("This is a simple text response for testing.")


def image_content() -> CallToolResult:
    """Gives an image."""
    return CallToolResult(content=[image()])


def audio_content() -> CallToolResult:
    """Gives audio."""
    return CallToolResult(content=[AudioContent(type="audio", data=wav(), mime_type="audio/wav")])


def embedded_resource() -> CallToolResult:
    """Gives a resource."""
    content = embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    return CallToolResult(content=[content])


def multiple_content_types() -> CallToolResult:
    """Gives text, an image and a resource."""
    words = TextContent(type="text", text="Multiple content types test:")
    data = json.dumps({"test": "data", "value": 123})
    return CallToolResult(content=[words, image(), embedded("test://mixed-content-resource", "application/json", data)])


async def tool_with_logging(ctx: Ctx) -> CallToolResult:
    """Logs while it runs."""
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(line)
        await asyncio.sleep(0.05)
    return text("Logged three lines.")


def error_handling() -> CallToolResult:
    """Always fails."""
    failure = TextContent(type="text", text="This tool intentionally returns an error for testing")
    return CallToolResult(content=[failure], is_error=True)


async def tool_with_progress(ctx: Ctx) -> CallToolResult:
    """Reports progress."""
    for progress in (0, 50, 100):
        await ctx.report_progress(progress, 100)
        await asyncio.sleep(0.05)
    return text("Done.")


async def sampling(prompt: str, ctx: Ctx) -> CallToolResult:
    """Asks the client's model."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    answer = await ctx.session.create_message([message], max_tokens=100, related_request_id=ctx.request_id)
    return text(f"LLM response: {getattr(answer.content, 'text', answer.content)}")


async def _form(ctx: Ctx, message: str, properties: dict[str, Any], required: list[str]) -> CallToolResult:
    schema = {"type": "object", "properties": properties, "required": required}
    filled = await ctx.session.elicit_form(message, schema, ctx.request_id)
    return text(f"Elicitation completed: action={filled.action}, content={json.dumps(filled.content)}")


async def elicitation(message: str, ctx: Ctx) -> CallToolResult:
    """Shows a form."""
    fields = {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    }
    return await _form(ctx, message, fields, list(fields))


async def elicitation_sep1034_defaults(ctx: Ctx) -> CallToolResult:
    """Shows a form whose fields have defaults."""
    fields: dict[str, Any] = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    }
    return await _form(ctx, "Please check the values.", fields, [])


async def elicitation_sep1330_enums(ctx: Ctx) -> CallToolResult:
    """Shows a form with every kind of choice."""
    options = ["option1", "option2", "option3"]
    titled = [
        {"const": f"value{n}", "title": f"{name} Option"} for n, name in enumerate(("First", "Second", "Third"), 1)
    ]
    names = ["Option One", "Option Two", "Option Three"]
    fields: dict[str, Any] = {
        "untitledSingle": {"type": "string", "enum": options},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": names},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }
    return await _form(ctx, "Please choose.", fields, [])


async def reconnection(ctx: Ctx) -> CallToolResult:
    """Ends its stream in the middle of the call, where the transport can."""
    await ctx.close_sse_stream()
    await asyncio.sleep(0.2)
    return text("Reconnection test completed successfully")


def json_schema_2020_12_tool(name: str = "", address: dict[str, Any] | None = None) -> CallToolResult:
    """Tool with JSON Schema 2020-12 features"""
    return text(f"{name} {address}")


SCHEMA_2020_12 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        },
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "by": {"enum": ["name", "address"]},
    },
    "allOf": [{"anyOf": [{"required": ["name"]}, {"required": ["address"]}]}],
    "if": {"properties": {"by": {"const": "name"}}, "required": ["by"]},
    "then": {"required": ["name"]},
    "else": {"required": ["address"]},
    "additionalProperties": False,
}

TOOLS = (
    simple_text,
    image_content,
    audio_content,
    embedded_resource,
    multiple_content_types,
    tool_with_logging,
    error_handling,
    tool_with_progress,
    sampling,
    elicitation,
    elicitation_sep1034_defaults,
    elicitation_sep1330_enums,
    reconnection,
)


def static_text() -> str:
    """A text that never changes."""
    return "This is the content of the static text resource."


def static_binary() -> bytes:
    """An image that never changes."""
    return base64.b64decode(png())


def template(id: str) -> str:
    """JSON about an id."""
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def watched() -> str:
    """Something to subscribe to."""
    return "watched"


def simple_prompt() -> str:
    """A prompt without arguments."""
    return "This is a simple prompt for testing."


def prompt_with_arguments(arg1: str, arg2: str) -> str:
    """A prompt with arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


def prompt_with_embedded_resource(resourceUri: str) -> list[Message]:
    """A prompt that brings a resource."""
    content = embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
    return [UserMessage(content), UserMessage("Please process the embedded resource above.")]


def prompt_with_image() -> list[Message]:
    """A prompt that brings an image."""
    return [UserMessage(image()), UserMessage("Please analyze the image above.")]


def add_fixtures(server: MemoryServer) -> None:
    """What the suite calls by name."""
    for tool in TOOLS:
        server.add_tool(tool, name=f"test_{tool.__name__}", structured_output=False)
    server.add_tool(json_schema_2020_12_tool, structured_output=False)
    for listed in server._tool_manager.list_tools():
        if listed.name == "json_schema_2020_12_tool":
            listed.parameters = SCHEMA_2020_12
    server.resource("test://static-text", mime_type="text/plain")(static_text)
    server.resource("test://static-binary", mime_type="image/png")(static_binary)
    server.resource("test://watched-resource", mime_type="text/plain")(watched)
    server.resource("test://template/{id}/data", mime_type="application/json")(template)
    for prompt in (simple_prompt, prompt_with_arguments, prompt_with_embedded_resource, prompt_with_image):
        server.prompt(name=f"test_{prompt.__name__}")(prompt)

    async def set_level(ctx: Any, params: SetLevelRequestParams) -> EmptyResult:
        return EmptyResult()  # our own server logs to standard error, never to clients

    server._lowlevel_server.add_request_handler("logging/setLevel", SetLevelRequestParams, set_level)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    settings = Settings(data_dir=options.data_dir, encoder="hashing:64")
    runtime = Runtime(lambda: open_memory(settings, Face()))
    server = build_server(runtime, "test")
    add_fixtures(server)
    add_rounds(server)
    # The suite sends no token, so none is asked for; the checks of Host and Origin stay.
    app = build_app(server, Access(token=None))
    try:
        uvicorn.run(
            app,
            host="127.0.0.1",
            port=options.port,
            http=HttpProtocol,
            log_level="warning",
            timeout_graceful_shutdown=3,
        )
    finally:
        runtime.close()


if __name__ == "__main__":
    main()
