"""The page at /docs: the OpenAPI document for people, with a way to try each call. It loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from .openapi import ALIAS_OF

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


Entry = Mapping[str, Any]


def page(document: Mapping[str, Any]) -> str:
    """The page for the OpenAPI *document*."""
    groups: dict[str, list[tuple[str, str, Entry]]] = {}
    aliases: dict[tuple[str, str], list[str]] = {}
    for path, entries in document["paths"].items():
        for method, entry in entries.items():
            if ALIAS_OF in entry:
                aliases.setdefault((entry[ALIAS_OF], method), []).append(path)
            else:
                groups.setdefault(entry["tags"][0], []).append((path, method, entry))
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>MemoryOps</title><style>{STYLE}</style><h1>MemoryOps {escape(document['info']['version'])}</h1>",
        f"<p>{escape(document['info']['description'])} For programs: <a href=/openapi.json>openapi.json</a>.</p>",
        "<p><label>Key for trying calls here (it is sent to this server alone and kept nowhere)"
        "<input id=key type=password autocomplete=off></label></p>",
    ]
    for tag in sorted(groups):
        parts.append(f"<h2>{escape(tag)}</h2>")
        for path, method, entry in groups[tag]:
            parts += _operation(path, method.upper(), entry, aliases.get((path, method), ()), document)
    return "\n".join([*parts, f"<script>{SCRIPT}</script></html>"])


def _operation(
    path: str, method: str, entry: Entry, aliases: Sequence[str], document: Mapping[str, Any]
) -> Iterator[str]:
    yield f"<details><summary><b class=method>{method}</b> <code>{escape(path)}</code> "
    yield f"{escape(entry['summary'])}</summary>"
    if aliases:
        yield f"<p class=quiet>Also at {', '.join(f'<code>{escape(each)}</code>' for each in aliases)}</p>"
    yield from _rows(entry, document)
    body = _body(entry)
    example = None if body is None else json.dumps(body.get("example", {}), ensure_ascii=False)
    yield f"<pre>{escape(curl(method, path, example))}</pre>"
    yield f"<form data-method={method}><input aria-label=path value='{escape(path, quote=True)}'>"
    if example is not None:
        yield f"<textarea aria-label=body>{escape(example)}</textarea>"
    yield "<button>Try it</button><pre></pre></form></details>"


def curl(method: str, path: str, body: str | None) -> str:
    """The call as a line for a shell."""
    line = f'curl -s -X {method} "http://127.0.0.1:8765{path}" -H "X-API-Key: $KEY"'
    if body is None:
        return line
    quoted = body.replace("'", "'\\''")
    return f"{line} \\\n  -H 'Content-Type: application/json' -d '{quoted}'"


def _rows(entry: Entry, document: Mapping[str, Any]) -> Iterator[str]:
    """A table of the parameters and of the members of the body."""
    rows = [(each["name"], each["in"], each["schema"], each["required"], each.get("description", ""))
            for each in entry["parameters"]]  # fmt: skip
    schema = _resolved((_body(entry) or {}).get("schema", {}), document)
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


def _body(entry: Entry) -> Mapping[str, Any] | None:
    """The JSON that a request carries, as the document tells of it; None where it carries none."""
    found: Mapping[str, Any] | None = entry.get("requestBody", {}).get("content", {}).get("application/json")
    return found


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
