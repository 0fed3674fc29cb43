"""The gateway's part of the OpenAPI document: what OpenAI's own reference says is not said again.

Requests and replies are open: a member that is not listed passes as it is, in both directions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...memory.usage import GROUPS
from .embeddings import FORMS

TAG = "gateway (OpenAI-compatible)"
REFERENCE = {"url": "https://platform.openai.com/docs/api-reference", "description": "OpenAI's reference"}
REFUSALS: Mapping[str, str] = {
    "400": "the body is no request",
    "401": "no key, or a wrong one",
    "403": "the key does not allow this",
    "404": "nobody here has this model",
    "413": "the body is too large",
    "415": "no JSON by its content type",
    "429": "over a limit; Retry-After says for how long",
    "502": "the upstream cannot be reached",
    "503": "no upstream is configured, or the store is away",
    "504": "the upstream did not answer in time",
}
HEADERS: Mapping[str, str] = {
    "x-tokens-before": "tokens of the request as it came",
    "x-tokens-after": "tokens of the request as it went upstream",
    "x-tokens-saved": "tokens that compaction took out",
    "x-compression-ratio": "after / before",
    "x-compressor": "what shortened, or none",
    "x-cost-usd": "by the table of prices, or unknown",
    "x-memory-items": "how many memories were put in",
    "x-memory-status": "ok, skipped or degraded",
    "x-memory-reason": "why memory took no part, or less than it should",
}


def _object(about: str, required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "description": about, "required": required, "properties": properties}


def _list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


TEXT, WHOLE, NUMBER, ANY_OBJECT = {"type": "string"}, {"type": "integer"}, {"type": "number"}, {"type": "object"}

SCHEMAS: Mapping[str, Any] = {
    "ChatRequest": _object(
        "A request as OpenAI's clients send it; what is not listed here goes upstream as it is",
        ["messages"],
        model={**TEXT, "description": "as /v1/models names it; the configured default unless given"},
        messages={**_list(ANY_OBJECT), "minItems": 1},
        user={**TEXT, "description": "whose memory takes part; none without it, unless x-memory is on"},
        stream={"type": "boolean", "description": "reply as server-sent events"},
        max_tokens=WHOLE,
        temperature=NUMBER,
        tools=_list(ANY_OBJECT),
    ),
    "ChatCompletion": _object(
        "The upstream's reply, byte for byte",
        ["choices"],
        id=TEXT,
        model=TEXT,
        choices=_list(ANY_OBJECT),
        usage=ANY_OBJECT,
    ),
    "EmbeddingsRequest": _object(
        "Texts to embed: by the memory's own encoder, or upstream where another model is named",
        ["input"],
        input={"anyOf": [TEXT, _list(TEXT)]},
        model=TEXT,
        encoding_format={"enum": list(FORMS)},
        dimensions=WHOLE,
    ),
    "Embeddings": _object(
        "A vector for each text", ["data", "model"], object=TEXT, data=_list(ANY_OBJECT), model=TEXT, usage=ANY_OBJECT
    ),
    "Model": _object("A model", ["id", "object"], id=TEXT, object=TEXT, created=WHOLE, owned_by=TEXT),
    "Models": _object(
        "What can be asked for",
        ["object", "data"],
        object=TEXT,
        data=_list({"$ref": "#/components/schemas/Model"}),
        unreachable={**ANY_OBJECT, "description": "upstreams that did not answer, and why"},
    ),
    "Usage": _object(
        "Sums, or with lines=true the requests themselves",
        [],
        by=_list(TEXT),
        usage=_list(ANY_OBJECT),
        lines=_list(ANY_OBJECT),
        next_cursor={"type": ["string", "null"]},
    ),
    "OpenAIError": _object(
        "What went wrong, as OpenAI's clients read it",
        ["error"],
        error=_object(
            "",
            ["message", "type"],
            message=TEXT,
            type=TEXT,
            param={"type": ["string", "null"]},
            code={"type": ["string", "null"]},
        ),
    ),
}


def _content(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _entry(name: str, summary: str, gives: str, *, body: str = "", example: Any = None, **more: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "tags": [TAG],
        "externalDocs": REFERENCE,
        "parameters": [],
        "responses": {
            "200": {"description": "done", "content": _content(gives)},
            **{status: {"$ref": f"#/components/responses/gateway_{status}"} for status in REFUSALS},
        },
        **more,
    }
    if body:
        content = _content(body)
        content["application/json"]["example"] = example
        entry["requestBody"] = {"required": True, "content": content}
    return entry


def _parameter(name: str, place: str, about: str, schema: Mapping[str, Any] = TEXT) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": dict(schema), "description": about}


def _chat() -> dict[str, Any]:
    entry = _entry(
        "chat_completions",
        "A chat completion, plain or streamed, with memory where a user is named",
        "ChatCompletion",
        body="ChatRequest",
        example={
            "model": "gpt-4o-mini",
            "user": "user-123",
            "messages": [{"role": "user", "content": "Where do I live?"}],
        },
        parameters=[
            _parameter(
                "x-memory", "header", "memory for this request, whatever the settings say", {"enum": ["on", "off"]}
            ),
            _parameter("x-thread-id", "header", "the thread that the exchange is remembered in"),
        ],
    )
    done = entry["responses"]["200"]
    done["content"]["text/event-stream"] = {"schema": {**TEXT, "description": "chunks as the upstream sends them"}}
    done["headers"] = {name: {"schema": TEXT, "description": about} for name, about in HEADERS.items()}
    return entry


def _usage() -> dict[str, Any]:
    entry = _entry(
        "usage",
        "What requests took and cost: sums, or line by line, as JSON or CSV",
        "Usage",
        parameters=[
            _parameter("since", "query", "ISO 8601, or seconds since the epoch"),
            _parameter("until", "query", "up to before this time"),
            _parameter("key", "query", "of one key"),
            _parameter("model", "query", "of one model"),
            _parameter("by", "query", f"what is added up for itself: a comma list of {', '.join(GROUPS)}"),
            _parameter("lines", "query", "each request instead of sums", {"type": "boolean"}),
            _parameter("limit", "query", "most lines of this page", {"type": "integer", "minimum": 1, "maximum": 1000}),
            _parameter("cursor", "query", "next_cursor of the page before"),
            _parameter("format", "query", "json or csv", {"enum": ["json", "csv"]}),
        ],
    )
    del entry["externalDocs"]
    entry["responses"] = {
        "200": entry["responses"]["200"],
        **{status: {"$ref": f"#/components/responses/{status}"} for status in ("400", "401", "429", "503")},
    }
    entry["responses"]["200"]["content"]["text/csv"] = {"schema": TEXT}
    return entry


PATHS: Mapping[str, Any] = {
    "/v1/chat/completions": {"post": _chat()},
    "/v1/embeddings": {
        "post": _entry(
            "embeddings",
            "Vectors of texts",
            "Embeddings",
            body="EmbeddingsRequest",
            example={"input": ["one text", "another text"]},
        )
    },
    "/v1/models": {"get": _entry("models", "The models of all upstreams, and the memory's encoder", "Models")},
    "/v1/models/{model}": {
        "get": _entry(
            "model",
            "One model",
            "Model",
            parameters=[_parameter("model", "path", "its name, slashes as they are (openai/gpt-4o)")],
        )
    },
    "/v1/usage": {"get": _usage()},
}


def described() -> dict[str, Any]:
    """The part of the document: `paths` and `components`."""
    refusals = {
        f"gateway_{status}": {"description": about, "content": _content("OpenAIError")}
        for status, about in REFUSALS.items()
    }
    return {"paths": PATHS, "components": {"schemas": SCHEMAS, "responses": refusals}}
