"""The endpoints that the gateway asks, and which of them a model's name means.

`provider/model` goes to the upstream called *provider*, as *model*. Any other name goes, as it is, to the first
upstream whose patterns it meets, else to the first one. OpenRouter's own models (`openrouter/auto`) keep their name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from ...memory import inputs
from ...memory.errors import InvalidInput
from ...memory.settings import PROVIDERS, Settings
from .errors import BadRequest, NoUpstream

Kind = Literal["openai", "azure"]

BASES = {
    "openai": "https://api.openai.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "anthropic": "https://api.anthropic.com/v1",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/openai",
    "ollama": "http://localhost:11434/v1",
}
AZURE_VERSION = "2024-10-21"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


@dataclass(frozen=True, slots=True)
class Upstream:
    """An endpoint. *base*: its URL up to where `/chat/completions` begins (of Azure: the resource's).

    *models*: patterns (`gpt-*`) of the names that go there. *window*: tokens of its models' windows, where the table of
    models does not know them. *headers*: sent with each request, before the caller's own.
    """

    name: str
    base: str
    api_key: str | None = field(default=None, repr=False)
    kind: Kind = "openai"
    models: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    api_version: str = AZURE_VERSION
    forward_auth: bool = True
    window: int | None = None

    def url(self, operation: str, model: str | None) -> str:
        """Where *operation* ("chat/completions", "embeddings", "models", "models/NAME") is asked of *model*."""
        if self.kind == "openai":
            return f"{self.base}/{operation}"
        root = f"{self.base}/openai"
        if not operation.startswith("models"):
            root += f"/deployments/{path_of(model or '')}"
        return f"{root}/{operation}?api-version={quote(self.api_version, safe='')}"

    def credentials(self, forwarded: bytes | None) -> list[tuple[bytes, bytes]]:
        """The headers that say who asks: those *forwarded* of the caller if it may bring its own, else our key."""
        if forwarded is not None and self.forward_auth:
            return [(b"authorization", forwarded)]
        if self.api_key is None:
            return []
        if self.kind == "azure":
            return [(b"api-key", self.api_key.encode("ascii"))]
        return [(b"authorization", b"Bearer " + self.api_key.encode("ascii"))]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes, and the name that its model has there; None where neither side names one."""

    upstream: Upstream
    model: str | None
    renamed: bool = False


class Upstreams:
    """The endpoints by name, in order, and the model of requests that name none."""

    def __init__(self, upstreams: Sequence[Upstream] = (), default_model: str | None = None) -> None:
        self.all = tuple(upstreams)
        self.by_name = {each.name: each for each in upstreams}
        self.default_model = default_model

    def route(self, model: str | None) -> Route:
        """Where a request for *model* goes. Raises `NoUpstream`."""
        if not self.all:
            raise NoUpstream
        wanted = self.default_model if model is None else model
        if wanted is None:
            return Route(self.all[0], None)
        provider, _, name = wanted.partition("/")
        named = self.by_name.get(provider)
        if named is not None and name and not (provider == "openrouter" and "/" not in name):
            return Route(named, name, renamed=True)
        chosen = next((each for each in self.all if _meets(wanted, each.models)), self.all[0])
        return Route(chosen, wanted, renamed=model is None)


def _meets(model: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(model, pattern) for pattern in patterns)


def path_of(model: str) -> str:
    """*model* as a part of a path that leads nowhere else. Raises `BadRequest`."""
    segments = model.split("/")
    if not model.isprintable() or any(segment in ("", ".", "..") for segment in segments) or len(model) > 500:
        raise BadRequest(f"{model!r:.100} is no name of a model", "model")
    return "/".join(quote(segment, safe=":@~") for segment in segments)


def from_settings(settings: Settings) -> Upstreams:
    """The upstreams that *settings* name. Raises `InvalidInput` naming the setting, or the file and the key."""
    if settings.upstreams_file is not None:
        return _from_file(settings.upstreams_file.expanduser(), settings)
    single = _single(settings)
    return Upstreams([single] if single is not None else [], settings.upstream_model)


def _single(settings: Settings) -> Upstream | None:
    provider = settings.upstream_provider
    if provider is None and settings.upstream_base is None and settings.openrouter_api_key is not None:
        provider = "openrouter"
    if provider is not None and provider not in PROVIDERS:
        raise InvalidInput(
            f"MEMORYOPS_UPSTREAM_PROVIDER (LLM_PROVIDER) is {provider!r}; use {', '.join(PROVIDERS)}, or give the "
            "endpoint itself in MEMORYOPS_UPSTREAM_BASE"
        )
    base = settings.upstream_base or BASES.get(provider or "")
    if base is None:
        return None
    key = settings.upstream_api_key or (getattr(settings, f"{provider}_api_key", None) if provider else None)
    return _checked(
        "MEMORYOPS_UPSTREAM_BASE", Upstream(provider or "default", base, key, forward_auth=settings.forward_auth)
    )


def _from_file(path: Path, settings: Settings) -> Upstreams:
    said = f"the upstreams file {path}"
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInput(f"cannot read {said} ({error}); see MEMORYOPS_UPSTREAMS_FILE") from error
    listed = given.get("upstreams") if isinstance(given, dict) else None
    if not isinstance(listed, list) or not listed or not all(isinstance(each, dict) for each in listed):
        raise InvalidInput(f'{said} is no object like {{"upstreams": [{{"name": "openai"}}]}}')
    found = [_of_entry(f"{said}, upstream {n}", each, settings, path) for n, each in enumerate(listed, start=1)]
    if len({each.name for each in found}) < len(found):
        raise InvalidInput(f"{said} names two upstreams alike; give each a name of its own")
    model = given.get("default_model", settings.upstream_model)
    if model is not None and not isinstance(model, str):
        raise InvalidInput(f"{said}: default_model is {model!r:.100}; give a name")
    return Upstreams(found, model)


_ENTRY = {each.name for each in fields(Upstream)} | {"api_key_file"}


def _of_entry(said: str, entry: Mapping[str, Any], settings: Settings, path: Path) -> Upstream:
    unknown = entry.keys() - _ENTRY
    if unknown:
        raise InvalidInput(f"{said} has an unknown key {min(unknown)!r}; use {', '.join(sorted(_ENTRY))}")
    given = {"forward_auth": settings.forward_auth, **entry}
    name = given.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput(f"{said}: name is {name!r:.100}; use up to 64 letters, digits, dots and hyphens")
    if name in PROVIDERS:
        given.setdefault("base", BASES[name])
        given.setdefault("api_key", getattr(settings, f"{name}_api_key", None))
    key_file = given.pop("api_key_file", None)
    if key_file is not None:
        given["api_key"] = _key_of(f"{said}: api_key_file", path.parent / str(key_file))
    models = given.get("models", ())
    if not isinstance(models, list | tuple) or not all(isinstance(each, str) for each in models):
        raise InvalidInput(f"{said}: models is {models!r:.100}; give a list of patterns")
    return _checked(said, Upstream(**{**given, "base": given.get("base", ""), "models": tuple(models)}))


def _key_of(said: str, path: Path) -> str:
    try:
        return path.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{said}: cannot read {path} ({error})") from error


def _checked(said: str, upstream: Upstream) -> Upstream:
    """*upstream* with its base in order. Raises `InvalidInput`; keys are never quoted."""
    try:
        url = urlsplit(upstream.base if isinstance(upstream.base, str) else "")
        valid = url.scheme in ("http", "https") and url.hostname and (url.port is None or url.port > 0)
    except ValueError:
        valid = False
    if not valid or not _VALUE.fullmatch(upstream.base) or " " in upstream.base:
        raise InvalidInput(f"{said}: the base is {upstream.base!r:.200}; give a URL such as https://api.openai.com/v1")
    if url.username is not None or url.query or url.fragment:
        raise InvalidInput(f"{said}: the base has a user, a query or a fragment; give host and path alone")
    if upstream.kind not in ("openai", "azure"):
        raise InvalidInput(f"{said}: kind is {upstream.kind!r:.100}; use openai or azure")
    if upstream.api_key is not None and not (isinstance(upstream.api_key, str) and _VALUE.fullmatch(upstream.api_key)):
        raise InvalidInput(f"{said}: the API key is empty or holds what no header can carry")
    if not isinstance(upstream.headers, Mapping) or not all(map(_is_header, upstream.headers.items())):
        raise InvalidInput(f"{said}: headers holds what no header can carry; give names and printable values")
    if not isinstance(upstream.api_version, str) or not isinstance(upstream.forward_auth, bool):
        raise InvalidInput(f"{said}: give api_version as a string and forward_auth as true or false")
    if upstream.window is not None:
        inputs.whole(upstream.window, f"{said}: window", 1, 10**12)
    path = url.path.rstrip("/") or ("/v1" if upstream.kind == "openai" else "")
    base = f"{url.scheme}://{url.netloc}{path}"
    return Upstream(**{each.name: getattr(upstream, each.name) for each in fields(Upstream)} | {"base": base})


def _is_header(pair: tuple[object, object]) -> bool:
    name, value = pair
    named = isinstance(name, str) and _HEADER.fullmatch(name) is not None
    return named and isinstance(value, str) and _VALUE.fullmatch(value) is not None
