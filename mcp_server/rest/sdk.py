"""Writes client/requests.py and client/models.py from the OpenAPI document; with --check, fails when they differ.

Started as `python mcp_server/rest/sdk.py`, hence the absolute imports. It stands here because the client imports no
other room.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memoryops.mcp_server.generated import write_or_check
from memoryops.mcp_server.rest.openapi import ALIAS_OF, document
from memoryops.mcp_server.rest.routes import OPERATIONS

ROOM = Path(__file__).resolve().parents[2] / "client"
NAME = "mcp_server/rest/sdk.py"
REPEATABLE = frozenset(
    "memory_search memory_context memory_compress memory_fit memory_forget memory_restore recall hygiene "
    "agent_register agent_heartbeat".split()
)
"""What may be sent once more after an unclear end, besides reads, deletions and what takes an idempotency key: a
repetition does nothing that the first has not done."""
LAST = ("user", "workspace")
"""What narrows any call stands behind what is the call's own."""
WRAPPED = 112

Schema = Mapping[str, Any]

REQUESTS_HEAD = f'''\
"""The requests that the service takes, one function for each of its operations.

Written by {NAME} from the OpenAPI document; change the operations, then run it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from . import models
from .request import Request, segment
'''
MODELS_HEAD = f'''\
"""What the service gives, and what goes in as more than plain values.

Written by {NAME} from the OpenAPI document; change the operations, then run it.

A newer service may say more than is read here, and in words that are not known here: members that are not named are
passed over, and words are plain texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

from pydantic import BaseModel, ConfigDict


class Result(BaseModel):
    """What an operation gives."""

    model_config = ConfigDict(frozen=True, defer_build=True)
'''


@dataclass(frozen=True, slots=True)
class Argument:
    """*place*: where it goes: "path", "query" or "body". *default*: as it is written, "" where it must be given."""

    name: str
    type: str
    place: str
    default: str = ""

    @property
    def written(self) -> str:
        return f"{self.name}: {self.type}" + (f" = {self.default}" if self.default else "")


class Writer:
    """Writes both files from *made*, an OpenAPI document."""

    def __init__(self, made: Mapping[str, Any]) -> None:
        self.schemas: Mapping[str, Schema] = made["components"]["schemas"]
        self.operations = [
            (path, method, entry)
            for path, there in made["paths"].items()
            for method, entry in there.items()
            if ALIAS_OF not in entry
        ]

    def requests(self) -> str:
        """The text of client/requests.py."""
        ordered = sorted(self.operations, key=lambda each: str(each[2]["operationId"]))
        return "\n\n".join([REQUESTS_HEAD, *("\n".join(self._function(*each)) for each in ordered)]) + "\n"

    def models(self) -> str:
        """The text of client/models.py."""
        given = self._reached(self._gives(entry)[1] for _, _, entry in self.operations)
        taken = self._reached(each for _, _, entry in self.operations for each in self._properties(entry).values())
        parts = ["\n".join(self._input(name)) for name in sorted(taken)]
        parts += ["\n".join(self._result(name)) for name in sorted(given)]
        return "\n\n".join([MODELS_HEAD, *parts]) + "\n"

    def _function(self, path: str, method: str, entry: Mapping[str, Any]) -> Iterator[str]:
        arguments = list(self._arguments(entry))
        once = any(each["name"] == "Idempotency-Key" for each in entry["parameters"])
        if once:
            arguments = [each for each in arguments if each.name != "idempotency_key"]
            arguments.append(Argument("idempotency_key", "str | None", "header", "None"))
        first = [each.written for each in arguments if not each.default]
        rest = [each.written for each in arguments if each.default]
        yield f"def {entry['operationId']}({', '.join([*first, *(['*', *rest] if rest else [])])}"
        media, schema = self._gives(entry)
        gives = self._type(schema, "models.", output=True)
        yield f") -> Request[{gives}]:"
        yield from _docstring(self._about(entry), spaced=False)
        yield f"    return Request({', '.join(self._call(path, method, entry, media, gives, arguments, once))})"

    def _about(self, entry: Mapping[str, Any]) -> str:
        """What the operation does, and about its arguments what their names and types do not say."""
        told = [f"{entry['summary']}."]
        own = str(self._body(entry).get("description", ""))
        notes = [own] if own else []
        for name, schema in self._properties(entry).items():
            parameters = [each for each in entry["parameters"] if each["name"] == name]
            about = str(schema.get("description") or (parameters[0] if parameters else {}).get("description", ""))
            about = about.partition("; also called ")[0]
            if about and not about.startswith("also called ") and name not in LAST:
                notes.append(f"*{name}*: {about}.")
        return "\n\n".join([*told, " ".join(notes)] if notes else told)

    def _call(
        self, path: str, method: str, entry: Any, media: str, gives: str, arguments: Sequence[Argument], once: bool
    ) -> Iterator[str]:
        yield f'"{method.upper()}"'
        sent = path
        for each in arguments:
            if each.place == "path":
                sent = sent.replace(f"{{{each.name}}}", f"{{segment({each.name})}}")
        yield f'f"{sent}"' if sent != path else f'"{path}"'
        yield gives
        for place in ("query", "body"):
            names = [each.name for each in arguments if each.place == place]
            if names or (place == "body" and "requestBody" in entry):
                yield f"{place}={{{', '.join(f'{name!r}: {name}' for name in names)}}}"
        if once:
            yield "key=idempotency_key"
            yield "once=True"
        elif method in ("get", "delete") or entry["operationId"] in REPEATABLE:
            yield "repeatable=True"
        if media.startswith("text/"):
            yield "text=True"

    def _arguments(self, entry: Mapping[str, Any]) -> Iterator[Argument]:
        for each in entry["parameters"]:
            if each["in"] == "path":
                yield Argument(each["name"], "str", "path")
        places = {each["name"]: "query" for each in entry["parameters"] if each["in"] == "query"}
        properties = self._properties(entry)
        required = self._required(entry)
        names = sorted(properties, key=lambda name: LAST.index(name) if name in LAST else -1)
        for name in names:
            default = "" if name in required else self._default(properties[name])
            kind = self._type(properties[name], "models.")
            if default == "None" and "None" not in kind.split(" | "):
                kind += " | None"
            yield Argument(name, kind, places.get(name, "body"), default)

    def _properties(self, entry: Mapping[str, Any]) -> dict[str, Schema]:
        """What goes into the query and the body, by name."""
        found: dict[str, Schema] = {
            each["name"]: each["schema"] for each in entry["parameters"] if each["in"] == "query"
        }
        return {**found, **self._body(entry).get("properties", {})}

    def _required(self, entry: Mapping[str, Any]) -> set[str]:
        found = {each["name"] for each in entry["parameters"] if each["in"] == "query" and each["required"]}
        return found | set(self._body(entry).get("required", ()))

    def _body(self, entry: Mapping[str, Any]) -> Schema:
        if "requestBody" not in entry:
            return {}
        schema: Schema = entry["requestBody"]["content"]["application/json"]["schema"]
        return self.schemas[_name(schema["$ref"])]

    def _gives(self, entry: Mapping[str, Any]) -> tuple[str, Schema]:
        """The media type and the schema of what is given."""
        (done,) = [each for status, each in entry["responses"].items() if status.startswith("2")]
        ((media, content),) = done["content"].items()
        return media, content["schema"]

    def _reached(self, schemas: Any) -> set[str]:
        """The names of all schemas that *schemas* refer to, directly or not."""
        found: set[str] = set()
        open_ = [name for schema in schemas for name in _references(schema)]
        while open_:
            name = open_.pop()
            if name not in found:
                found.add(name)
                open_ += _references(self.schemas[name])
        return found

    def _result(self, name: str) -> Iterator[str]:
        yield f"class {name}(Result):"
        yield from _docstring(self.schemas[name].get("description", ""))
        required = self.schemas[name].get("required", ())
        for field, schema in self.schemas[name]["properties"].items():
            value = schema.get("default", {})  # a mapping that is made anew each time has no default in a schema
            default = "" if field in required else f" = {value!r}"
            yield f"    {field}: {self._type(schema, '', output=True)}{default}"

    def _input(self, name: str) -> Iterator[str]:
        yield f"class {name}(TypedDict):"
        yield from _docstring(self.schemas[name].get("description", ""))
        required = self.schemas[name].get("required", ())
        for field, schema in self.schemas[name]["properties"].items():
            kind = self._type(schema, "")
            yield f"    {field}: {kind if field in required else f'NotRequired[{kind}]'}"

    def _default(self, schema: Schema) -> str:
        value = schema.get("default")
        return "()" if value == [] else "None" if value == {} else repr(value)

    def _type(self, schema: Schema, room: str, *, output: bool = False) -> str:
        """*schema* in Python's words; what is given is named by *room* and its texts are not narrowed."""
        if "$ref" in schema:
            return f"{room}{_name(schema['$ref'])}"
        if "anyOf" in schema:
            kinds = [self._type(each, room, output=output) for each in schema["anyOf"]]
            return " | ".join(dict.fromkeys(kinds))
        if "enum" in schema or "const" in schema:
            words = schema.get("enum") or [schema["const"]]
            return "str" if output else f"Literal[{', '.join(map(repr, words))}]"
        kind = schema.get("type")
        if kind == "array":
            inner = self._type(schema["items"], room, output=output)
            return f"list[{inner}]" if output else f"Sequence[{inner}]"
        if kind == "object":
            more = schema.get("additionalProperties", True)
            inner = "Any" if more is True else self._type(more, room, output=output)
            return f"dict[str, {inner}]" if output else f"Mapping[str, {inner}]"
        return {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}[str(kind)]


def _references(schema: Any) -> list[str]:
    if isinstance(schema, Mapping):
        own = [_name(schema["$ref"])] if isinstance(schema.get("$ref"), str) else []
        return own + [name for each in schema.values() for name in _references(each)]
    return [name for each in schema for name in _references(each)] if isinstance(schema, list) else []


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _docstring(text: str, *, spaced: bool = True) -> Iterator[str]:
    if text:
        paragraphs = [textwrap.wrap(" ".join(each.split()), WRAPPED) for each in text.split("\n\n")]
        lines = [line for number, each in enumerate(paragraphs) for line in ([""] if number else []) + each]
        yield f'    """{lines[0]}' + ('"""' if len(lines) == 1 else "")
        if len(lines) > 1:
            yield from (f"    {line}".rstrip() for line in lines[1:])
            yield '    """'
        if spaced:
            yield ""


def formatted(text: str) -> str:
    """*text* as `make format` would leave it: nothing unused is imported."""
    for command in (("check", "--fix-only", "--select", "F401,I", "--quiet"), ("format",)):
        ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(ROOM / "requests.py"), "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or compare them."""
    writer = Writer(document(OPERATIONS, ""))
    texts = {"requests.py": writer.requests(), "models.py": writer.models()}
    return max(write_or_check(ROOM / name, formatted(text), NAME, arguments) for name, text in texts.items())


if __name__ == "__main__":
    sys.exit(main())
