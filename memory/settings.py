"""Everything that can be configured, read once from an injected mapping. The only reader of the environment."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

from ..compressors import registry, tokens
from ..compressors.errors import UnknownCompressor
from . import inputs, key_text, rates
from .errors import InvalidInput
from .scope import Role, Scope

PREFIX = "MEMORYOPS_"
COUNTS = (
    "owner_idle",
    "window",
    "token_budget",
    "max_context_items",
    "llm_timeout",
    "llm_window",
    "top_k",
    "compress_days",
    "archive_days",
    "prune_below",
    "rate_limit_requests",
    "rate_limit_window",
    "rate_limit_tpm",
    "qdrant_shard_number",
    "qdrant_replication_factor",
    "qdrant_write_consistency_factor",
    "upstream_timeout",
    "gateway_budget",
    "gateway_patience",
    "usage_days",
)

PROVIDERS = ("openai", "openrouter", "anthropic", "gemini", "ollama")
"""Whose OpenAI-compatible endpoints the gateway knows."""

CLIENT_NAMES = ("MEMORYOPS_URL", "MEMORYOPS_API_KEY")
"""What `memoryops.client` reads, which imports no other room."""

STALE_NAMES = (
    "MEMORY_DATABASE_URL",
    "MEMORY_EMBEDDING_DIMENSIONS",
    "MEMORY_EMBEDDING_PROVIDER",
    "MEMORY_GEMINI_API_KEY",
    "MEMORY_APPROACH",
    "DATABASE_URL",
    "DB_HOST",
    "DB_PORT",
    "DB_NAME",
    "DB_USER",
    "DB_PASSWORD",
)
"""Names that other memory servers read; they mean nothing here, and `doctor` says so when one is set."""


def _setting(default: Any, name: str, description: str, aliases: tuple[str, ...] = (), *, secret: bool = False) -> Any:
    metadata = {"name": PREFIX + name, "description": description, "aliases": aliases}
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration of one process. Every field has its environment variable and description in its metadata."""

    data_dir: Path | None = _setting(
        None, "DATA_DIR", "Folder of the embedded store (path). Default: the user's data folder."
    )
    in_process: bool = _setting(
        False,
        "IN_PROCESS",
        "Open the data folder in this process alone, without an owner process (true or false).",
    )
    owner_idle: float = _setting(600.0, "OWNER_IDLE", "Seconds without a call after which the owner process ends.")
    qdrant_url: str | None = _setting(None, "QDRANT_URL", "URL of a Qdrant server to use instead of the data folder.")
    qdrant_api_key: str | None = _setting(None, "QDRANT_API_KEY", "API key of that server.", secret=True)
    qdrant_prefix: str = _setting(
        "memoryops", "QDRANT_PREFIX", "First part of the names of the two collections on that server."
    )
    qdrant_shard_number: int | None = _setting(None, "QDRANT_SHARD_NUMBER", "Shards of a new collection (count).")
    qdrant_replication_factor: int | None = _setting(
        None, "QDRANT_REPLICATION_FACTOR", "Copies of each shard of a new collection (count)."
    )
    qdrant_write_consistency_factor: int | None = _setting(
        None, "QDRANT_WRITE_CONSISTENCY_FACTOR", "Copies that must confirm a write (count)."
    )
    encoder: str | None = _setting(
        None,
        "ENCODER",
        "Encoder of a new store: minilm, fastembed:NAME[@PATH], openai:MODEL@URL. Default: the store's own, or minilm.",
    )
    embeddings_api_key: str | None = _setting(
        None, "EMBEDDINGS_API_KEY", "API key for an openai: encoder.", ("OPENAI_API_KEY",), secret=True
    )
    workspace: str = _setting("default", "WORKSPACE", "Workspace that nothing is read or written outside of (name).")
    user: str | None = _setting(None, "USER", "User that reads are narrowed to and writes are marked with (name).")
    agent: str | None = _setting(None, "AGENT", "Agent that writes are marked with (name).")
    thread: str | None = _setting(
        None, "THREAD", "Thread that reads are narrowed to and writes are marked with (name)."
    )
    role: Role = _setting(
        "agent",
        "ROLE",
        "Role of the caller: agent, human or admin. Servers let in agents, unless started with --human.",
    )
    screening: str = _setting(
        "flag",
        "SCREENING",
        "What happens to added text with secrets or injection patterns: flag, quarantine or off.",
    )
    model: str | None = _setting(
        None,
        "MODEL",
        "Model that contexts are for, as its provider names it: gives window, trigger and prices (name).",
    )
    models_file: Path | None = _setting(
        None, "MODELS_FILE", "JSON file of models that adds to the shipped table or overrides it (path)."
    )
    window: int | None = _setting(
        None, "WINDOW", "Context window that contexts are fitted to (tokens). Default: the model's, or 128000."
    )
    token_budget: int = _setting(
        8000, "TOKEN_BUDGET", "Budget of a working set and of a compression that names none (tokens)."
    )
    max_context_items: int = _setting(50, "MAX_CONTEXT_ITEMS", "Most memories in a working set (count).")
    rerank: bool = _setting(
        False, "RERANK", "Let the retrieval head have a say in the order of every search's hits (true or false)."
    )
    compressors: str = _setting(
        ",".join(registry.DEFAULT),
        "COMPRESSORS",
        f"Compressors, first choice first (comma list of {', '.join(registry.COMPRESSORS)}).",
    )
    tokenizer: str = _setting(
        "minilm",
        "TOKENIZER",
        "What counts tokens: minilm (an estimate), o200k, cl100k, or auto (the best on this machine).",
    )
    llm_model: str | None = _setting(None, "LLM_MODEL", "Model that the compressor llm asks for summaries (name).")
    llm_base_url: str | None = _setting(
        None, "LLM_BASE_URL", "OpenAI-compatible endpoint of that model (URL, mostly ending in /v1). Default: OpenAI."
    )
    llm_api_key: str | None = _setting(
        None, "LLM_API_KEY", "API key of that endpoint; OpenAI's own also takes OPENAI_API_KEY.", secret=True
    )
    llm_timeout: float = _setting(60.0, "LLM_TIMEOUT", "Time that one compression by the model may take (seconds).")
    llm_window: int = _setting(32_000, "LLM_WINDOW", "Most of a text that the model is given to summarise (tokens).")
    llm_structured: bool = _setting(
        False, "LLM_STRUCTURED", "Let the model summarise code, JSON and diffs, too (true or false)."
    )
    model_name: str | None = _setting(
        None,
        "MODEL_NAME",
        "Causal model whose retrieval heads qr_head_decoder reads (path of its folder; nothing is downloaded).",
        ("MODEL_NAME",),
    )
    lora_id: str | None = _setting(
        None, "LORA_ID", "Adapter for that model (path of the folder that peft saved).", ("LORA_ID",)
    )
    heads: Path | None = _setting(
        None, "HEADS", "Head list for that model (path). Default: the published one for the model's name."
    )
    top_k: int | None = _setting(
        None, "TOP_K", "Most that qr_head_decoder keeps, whatever the budget (tokens).", ("TOP_K",)
    )
    compress_days: float = _setting(
        7.0, "COMPRESS_DAYS", "Days untouched after which `memoryops hygiene` compresses a memory (days)."
    )
    archive_days: float = _setting(
        30.0, "ARCHIVE_DAYS", "Days untouched after which `memoryops hygiene` archives a memory (days)."
    )
    prune_below: int = _setting(
        5, "PRUNE_BELOW", "Priority below which memories are compressed and archived first (1 to 10)."
    )
    upstream_base: str | None = _setting(
        None,
        "UPSTREAM_BASE",
        "OpenAI-compatible endpoint that the gateway asks (URL, mostly ending in /v1). Default: the provider's.",
        ("UPSTREAM_BASE",),
    )
    upstream_provider: str | None = _setting(
        None,
        "UPSTREAM_PROVIDER",
        f"Provider that the gateway asks, which gives endpoint and key (one of {', '.join(PROVIDERS)}).",
        ("LLM_PROVIDER", "PRIMARY_LLM_PROVIDER"),
    )
    upstream_api_key: str | None = _setting(
        None,
        "UPSTREAM_API_KEY",
        "API key of that endpoint, for callers who bring none. Default: the provider's.",
        ("UPSTREAM_API_KEY",),
        secret=True,
    )
    openai_api_key: str | None = _setting(
        None, "OPENAI_API_KEY", "API key for the provider openai.", ("OPENAI_API_KEY",), secret=True
    )
    openrouter_api_key: str | None = _setting(
        None,
        "OPENROUTER_API_KEY",
        "API key for the provider openrouter; alone it names that provider, too.",
        ("OPENROUTER_API_KEY",),
        secret=True,
    )
    anthropic_api_key: str | None = _setting(
        None, "ANTHROPIC_API_KEY", "API key for the provider anthropic.", ("ANTHROPIC_API_KEY",), secret=True
    )
    gemini_api_key: str | None = _setting(
        None, "GEMINI_API_KEY", "API key for the provider gemini.", ("GEMINI_API_KEY", "GOOGLE_API_KEY"), secret=True
    )
    upstream_model: str | None = _setting(
        None,
        "UPSTREAM_MODEL",
        "Model that the gateway asks for where a request names none (name).",
        ("UPSTREAM_MODEL", "DEFAULT_MODEL", "PRIMARY_LLM_MODEL"),
    )
    upstreams_file: Path | None = _setting(
        None, "UPSTREAMS_FILE", "JSON file of several endpoints for the gateway (path); see docs/gateway.md."
    )
    upstream_timeout: float = _setting(
        600.0, "UPSTREAM_TIMEOUT", "Time without a byte after which the gateway gives an endpoint up (seconds)."
    )
    upstream_proxy: str | None = _setting(
        None, "UPSTREAM_PROXY", "HTTP proxy through which the gateway asks (URL).", secret=True
    )
    forward_auth: bool = _setting(
        True,
        "FORWARD_AUTH",
        "Whether the gateway hands on a caller's Authorization that is no key of ours (true or false).",
        ("FORWARD_AUTH",),
    )
    gateway_memory: str = _setting(
        "auto", "GATEWAY_MEMORY", "When the gateway uses memory: auto (a request names its user), on or off."
    )
    gateway_budget: int = _setting(
        1000, "GATEWAY_BUDGET", "Most that the gateway adds to a request from memory (tokens)."
    )
    gateway_patience: float = _setting(
        1.0, "GATEWAY_PATIENCE", "Longest that memory may hold up a request of the gateway (seconds)."
    )
    usage_days: float = _setting(90.0, "USAGE_DAYS", "Days that the usage of a request is kept (days).")
    http_host: str = _setting("127.0.0.1", "HTTP_HOST", "Address that `memoryops serve` listens on (name or number).")
    http_port: int = _setting(8765, "HTTP_PORT", "Port that it listens on (0 to 65535; 0: any that is free).")
    cors_origins: str | None = _setting(
        None,
        "CORS_ORIGINS",
        "Web origins whose pages may call it and read its answers (comma list, like https://app.example.org, or *).",
    )
    api_keys: tuple[key_text.FixedKey, ...] = _setting(
        (),
        "API_KEYS",
        "Keys to the workspace for callers over HTTP (comma list of KEY, human=KEY or admin=KEY); hashed when read.",
        ("API_KEYS", "MEMORY_API_KEYS"),
        secret=True,
    )
    rate_limit_requests: int | None = _setting(
        None, "RATE_LIMIT_REQUESTS", "Requests of one key in a window (count).", ("RATE_LIMIT_REQUESTS",)
    )
    rate_limit_window: int = _setting(60, "RATE_LIMIT_WINDOW", "That window (seconds).", ("RATE_LIMIT_WINDOW",))
    rate_limit_tpm: int | None = _setting(
        None, "RATE_LIMIT_TPM", "Tokens through the gateway of one key in a minute (tokens).", ("RATE_LIMIT_TPM",)
    )
    token_quota: str | None = _setting(None, "TOKEN_QUOTA", "Tokens of one key in a period (like 1000000/day).")
    workspace_rate_limit: str | None = _setting(
        None,
        "WORKSPACE_RATE_LIMIT",
        "Requests of all keys of a workspace in a period (like 120/minute).",
        ("MEMORY_TENANT_RATE_LIMIT",),
    )
    workspace_token_quota: str | None = _setting(
        None, "WORKSPACE_TOKEN_QUOTA", "Tokens of all keys of a workspace in a period (like 20000000/month)."
    )
    global_rate_limit: str | None = _setting(
        None, "GLOBAL_RATE_LIMIT", "Requests of everybody in a period (like 200/minute).", ("MEMORY_GLOBAL_RATE_LIMIT",)
    )
    redis_url: str | None = _setting(
        None,
        "REDIS_URL",
        "Redis that several servers count these limits in (URL). Default: each server counts its own.",
        ("MEMORY_REDIS_URL", "REDIS_URL"),
        secret=True,
    )
    log_format: str = _setting("text", "LOG_FORMAT", "Form of the log on standard error: text or json.")
    log_level: str = _setting("WARNING", "LOG_LEVEL", "Lowest level that is logged: DEBUG, INFO, WARNING or ERROR.")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
        """Settings from *environ* (this process's by default), with *overrides* that are not None on top.

        Raises `InvalidInput` naming the variable and its value.
        """
        source = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for each in fields(cls):
            names = (each.metadata["name"], *each.metadata["aliases"])
            found = next((name for name in names if source.get(name)), None)
            if found is not None:
                values[each.name] = _parse(str(each.type), found, source[found])
        values.update({name: value for name, value in overrides.items() if value is not None})
        settings = cls(**values)
        settings._check()
        return settings

    def _check(self) -> None:
        allowed = {
            "screening": ("flag", "quarantine", "off"),
            "log_format": ("text", "json"),
            "log_level": ("DEBUG", "INFO", "WARNING", "ERROR"),
            "role": get_args(Role),
            "tokenizer": tokens.CHOICES,
            "gateway_memory": ("auto", "on", "off"),
        }
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise InvalidInput(f"{PREFIX}{name.upper()} is {getattr(self, name)!r}; use {', '.join(values)}")
        for name in COUNTS:
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InvalidInput(f"{PREFIX}{name.upper()} is {value!r}; give a number above 0")
        for name in ("token_quota", "workspace_rate_limit", "workspace_token_quota", "global_rate_limit"):
            rates.optional_rate(getattr(self, name), f"{PREFIX}{name.upper()}")
        if not 0 <= self.http_port <= 65535:
            raise InvalidInput(f"{PREFIX}HTTP_PORT is {self.http_port!r}; give 0 to 65535")
        if "llm" in self.compressor_names and self.llm_model is None:
            raise InvalidInput(f"{PREFIX}COMPRESSORS names llm; say which model it asks in {PREFIX}LLM_MODEL")
        if "qr_head_decoder" in self.compressor_names and self.model_name is None:
            raise InvalidInput(
                f"{PREFIX}COMPRESSORS names qr_head_decoder; say whose heads it reads in {PREFIX}MODEL_NAME"
            )
        for name in ("workspace", "user", "agent", "thread"):
            inputs.optional_name(getattr(self, name), f"{PREFIX}{name.upper()}")

    @property
    def folder(self) -> Path:
        """The data folder in use."""
        return (self.data_dir or default_folder()).expanduser().absolute()

    @property
    def compressor_names(self) -> tuple[str, ...]:
        """The compressors to use, first choice first."""
        try:
            return registry.parse(self.compressors)
        except UnknownCompressor as error:
            raise InvalidInput(f"{PREFIX}COMPRESSORS: {error}") from error

    @property
    def scope(self) -> Scope:
        """The scope that this process calls with."""
        return Scope(self.workspace, self.user, self.agent, self.thread, self.role)


def default_folder(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> Path:
    """Where the system keeps this user's application data."""
    source = os.environ if environ is None else environ
    if platform == "win32":
        return Path(source.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "memoryops"
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "memoryops"
    return Path(source.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "memoryops"


def stale_names(environ: Mapping[str, str] | None = None) -> list[str]:
    """Variables that are set for other memory servers and mean nothing to this one."""
    source = os.environ if environ is None else environ
    return [name for name in STALE_NAMES if source.get(name)]


def unknown_names(environ: Mapping[str, str] | None = None) -> list[str]:
    """Variables with our prefix that no setting reads: most likely a typing error."""
    source = os.environ if environ is None else environ
    known = {*(each.metadata["name"] for each in fields(Settings)), *CLIENT_NAMES}
    return sorted(n for n in source if n.startswith(PREFIX) and not n.startswith(PREFIX + "TEST_") and n not in known)


def _parse(kind: str, name: str, value: str) -> Any:
    try:
        if kind.startswith("bool"):
            return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[value.lower()]
        if kind.startswith("int"):
            return int(value)
        if kind.startswith("float"):
            return float(value)
    except (KeyError, ValueError) as error:
        raise InvalidInput(f"{name} is {value!r}; give {_WORDS[kind.split(' ', maxsplit=1)[0]]}") from error
    if kind.startswith("tuple"):
        return key_text.fixed_keys(value, name)
    return Path(value) if kind.startswith("Path") else value


_WORDS = {"bool": "true or false", "int": "a whole number", "float": "a number"}
