"""The page at /docs: the OpenAPI document for people, with a way to try each call. It loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from .operation import Operation

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #222;
  background: #fff }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc } summary { cursor: pointer; padding: .3rem 0 }
code, pre, textarea, input { font: 14px/1.4 ui-monospace, monospace } b.method { display: inline-block; width: 4.5rem }
pre { background: #f4f4f4; padding: .6rem; overflow-x: auto; white-space: pre-wrap } td { padding: 0 1rem .2rem 0;
  vertical-align: top } textarea { width: 100%; height: 6rem } input { width: 100% } .quiet { color: #666 }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } pre { background: #262626 }
  .quiet { color: #999 } }
"""
SCRIPT = """
const key = document.getElementById('key');
for (const form of document.querySelectorAll('form')) form.addEventListener('submit', async event => {
  event.preventDefault();
  const body = form.querySelector('textarea'), out = form.querySelector('pre');
  const headers = key.value ? {'X-API-Key': key.value} : {};
  if (body) headers['Content-Type'] = 'application/json';
  try {
    const reply = await fetch(form.querySelector('input').value,
      {method: form.dataset.method, headers, body: body ? body.value : undefined});
    out.textContent = reply.status + '\\n' + await reply.text();
  } catch (error) { out.textContent = String(error); }
});
"""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
"""Nothing but this page's own style and script may run, and it may call nobody but this server."""


def page(operations: tuple[Operation, ...], document: Mapping[str, Any]) -> str:
    """The page for *operations*, described by the OpenAPI *document*."""
    groups: dict[str, list[Operation]] = {}
    for each in operations:
        groups.setdefault(each.tag or each.path.split("/")[2], []).append(each)
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>MemoryOps</title><style>{STYLE}</style><h1>MemoryOps {escape(document['info']['version'])}</h1>",
        f"<p>{escape(document['info']['description'])} For programs: <a href=/openapi.json>openapi.json</a>.</p>",
        "<p><label>Key for trying calls here (it is sent to this server alone and kept nowhere)"
        "<input id=key type=password autocomplete=off></label></p>",
    ]
    for tag in sorted(groups):
        parts.append(f"<h2>{escape(tag)}</h2>")
        for operation in groups[tag]:
            parts += _operation(operation, document)
    return "\n".join([*parts, f"<script>{SCRIPT}</script></html>"])


def _operation(operation: Operation, document: Mapping[str, Any]) -> Iterator[str]:
    path = operation.path.replace(":path}", "}")
    entry = document["paths"][path][operation.method.lower()]
    yield f"<details><summary><b class=method>{operation.method}</b> <code>{escape(path)}</code> "
    yield f"{escape(operation.about)}</summary>"
    if operation.aliases:
        yield f"<p class=quiet>Also at {', '.join(f'<code>{escape(each)}</code>' for each in operation.aliases)}</p>"
    yield from _rows(entry, document)
    example = json.dumps(dict(operation.example or {}), ensure_ascii=False)
    yield f"<pre>{escape(curl(operation.method, path, example if operation.body else None))}</pre>"
    yield f"<form data-method={operation.method}><input aria-label=path value='{escape(path, quote=True)}'>"
    if operation.body is not None:
        yield f"<textarea aria-label=body>{escape(example)}</textarea>"
    yield "<button>Try it</button><pre></pre></form></details>"


def curl(method: str, path: str, body: str | None) -> str:
    """The call as a line for a shell."""
    line = f'curl -s -X {method} "http://127.0.0.1:8765{path}" -H "X-API-Key: $KEY"'
    if body is None:
        return line
    quoted = body.replace("'", "'\\''")
    return f"{line} \\\n  -H 'Content-Type: application/json' -d '{quoted}'"


def _rows(entry: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    """A table of the parameters and of the members of the body."""
    rows = [(each["name"], each["in"], each["schema"], each["required"], each.get("description", ""))
            for each in entry["parameters"]]  # fmt: skip
    content = entry.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = _resolved(content.get("schema", {}), document)
    required = schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        rows.append((name, "body", part, name in required, part.get("description", "")))
    if not rows:
        return
    yield "<table>"
    for name, place, part, needed, about in rows:
        kind = escape(_kind(part)) + (", required" if needed else "")
        yield f"<tr><td><code>{escape(name)}</code><td class=quiet>{place}<td>{kind}<td>{escape(about)}"
    yield "</table>"


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"] if each.get("type") != "null")
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("type") or schema.get("$ref", "any").rpartition("/")[2])
