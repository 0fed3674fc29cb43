"""The OpenAPI 3.1 document, made of the operations and of the models that check what they take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from ..http.problem import MEDIA_TYPE
from .operation import Operation

ALIAS_OF = "x-alias-of"
"""In an entry: the path of which it is another name."""
REF = "#/components/schemas/{model}"
PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457), with what to do about it",
    "required": ["title", "status", "detail"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "remedy": {"type": "string"},
        "kind": {"type": "string", "description": "invalid, not_found, forbidden, …: for programs"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
ABOUT = """\
One memory for all your agents. Every call wants a key: `Authorization: Bearer KEY` or `X-API-Key: KEY`. The key says
which workspace is reached, and as agent, person or admin; what a call names can narrow that and never widen it."""
REFUSALS: Mapping[str, str] = {
    "400": "no JSON",
    "401": "no key, or a wrong one",
    "403": "the key does not allow this",
    "404": "there is nothing with that id",
    "408": "the body did not come",
    "409": "changed, taken or settled by somebody else",
    "413": "the body is too large",
    "415": "no JSON by its content type",
    "422": "a member or parameter is wrong",
    "429": "over a limit; Retry-After says for how long",
    "500": "a defect",
    "501": "this store cannot do that",
    "502": "the encoder or compressor failed",
    "503": "the store is away; Retry-After says for how long",
    "507": "the disk is full",
}


def document(
    operations: tuple[Operation, ...], version: str, beside: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The document for *operations*, and for what the part *beside* (`paths` and `components`) describes."""
    schemas, components = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        for number, path in enumerate((operation.path, *operation.aliases)):
            shown = path.replace(":path}", "}")
            entry = _entry(operation, schemas, operation.name if number == 0 else f"{operation.name}_alias{number}")
            if number:
                entry[ALIAS_OF] = operation.path.replace(":path}", "}")
            paths.setdefault(shown, {})[operation.method.lower()] = entry
    more = beside or {"paths": {}, "components": {}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "MemoryOps", "version": version, "description": ABOUT},
        "paths": {**paths, **more["paths"]},
        "components": {
            "schemas": {**components, "Problem": PROBLEM, **more["components"].get("schemas", {})},
            "responses": {
                **{status: _refusal(about) for status, about in REFUSALS.items()},
                **more["components"].get("responses", {}),
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
        "security": [{"bearer": []}, {"apiKey": []}],
    }


Schemas = Mapping[tuple[str, str], dict[str, Any]]


def _schemas(operations: tuple[Operation, ...]) -> tuple[Schemas, dict[str, Any]]:
    """What each operation takes and gives, and the schemas that they refer to."""
    inputs: list[tuple[tuple[str, str], JsonSchemaMode, TypeAdapter[Any]]] = []
    for operation in operations:
        inputs.append(((operation.name, "gives"), "serialization", TypeAdapter(operation.gives)))
        for place, model in (("query", operation.query), ("body", operation.body)):
            if model is not None:
                inputs.append(((operation.name, place), "validation", TypeAdapter(model)))
    found, definitions = TypeAdapter.json_schemas(inputs, ref_template=REF)
    return {key: dict(schema) for (key, _), schema in found.items()}, dict(definitions.get("$defs", {}))


def _entry(operation: Operation, schemas: Schemas, name: str) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schemas[operation.name, "gives"]}
    entry: dict[str, Any] = {
        "operationId": name,
        "summary": operation.about,
        "tags": [operation.tag or operation.path.split("/")[2]],
        "parameters": [*_path(operation), *_query(operation), *_headers(operation)],
        "responses": {
            str(operation.status): {"description": "done", "content": {operation.media: content}},
            **{status: {"$ref": f"#/components/responses/{status}"} for status in REFUSALS},
        },
    }
    if operation.body is not None:
        body: dict[str, Any] = {"schema": schemas[operation.name, "body"]}
        if operation.example is not None:
            body["example"] = dict(operation.example)
        entry["requestBody"] = {"required": True, "content": {"application/json": body}}
    return entry


def _refusal(about: str) -> dict[str, Any]:
    return {"description": about, "content": {MEDIA_TYPE: {"schema": {"$ref": REF.format(model="Problem")}}}}


def _path(operation: Operation) -> list[dict[str, Any]]:
    schema = {"type": "string", "minLength": 1, "maxLength": 200}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in operation.parameters]


def _query(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    return [parameter for name in operation.query.model_fields for parameter in _parameter(operation.query, name)]


def _parameter(model: type[BaseModel], name: str) -> list[dict[str, Any]]:
    field = model.model_fields[name]
    whole = model.model_json_schema()
    alias = field.validation_alias
    choices = [str(each) for each in getattr(alias, "choices", [name])]
    schema = {key: value for key, value in whole["properties"][choices[0]].items() if key != "title"}
    about = schema.pop("description", "")
    if "anyOf" in schema:
        (plain,) = [each for each in schema.pop("anyOf") if each.get("type") != "null"]
        schema = {**plain, **{key: value for key, value in schema.items() if key != "default"}}
    told = {"name": choices[0], "in": "query", "required": field.is_required(), "schema": schema}
    return [{**told, "description": about} if about else told]


def _headers(operation: Operation) -> list[dict[str, Any]]:
    if not operation.once:
        return []
    about = "a repetition with the same key stores nothing and answers the same"
    schema = {"type": "string", "minLength": 1, "maxLength": 190, "pattern": "^[!-~]+$"}
    return [{"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema, "description": about}]
