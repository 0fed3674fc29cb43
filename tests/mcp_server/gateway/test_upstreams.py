"""Which upstream a model's name means, and what settings and files say of upstreams."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.mcp_server.gateway.errors import BadRequest, NoUpstream
from memoryops.mcp_server.gateway.upstreams import Upstream, Upstreams, from_settings, path_of
from memoryops.memory.errors import InvalidInput
from memoryops.memory.settings import Settings

OPENAI = Upstream("openai", "https://api.openai.com/v1")
LOCAL = Upstream("local", "http://localhost:1/v1", models=("qwen*", "llama*"))
ROUTER = Upstream("openrouter", "https://openrouter.ai/api/v1")


@pytest.mark.parametrize(
    ("model", "name", "sent"),
    [
        ("gpt-4o", "openai", "gpt-4o"), ("openai/gpt-4o", "openai", "gpt-4o"), ("local/x/y", "local", "x/y"),
        ("qwen3", "local", "qwen3"), ("local/", "openai", "local/"), ("nobody/x", "openai", "nobody/x"),
        ("openrouter/auto", "openai", "openrouter/auto"), ("openrouter/meta/llama", "openrouter", "meta/llama"),
        (None, "local", "qwen3"), ("", "openai", ""),
    ],
)  # fmt: skip
def test_a_name_has_its_route(model: str | None, name: str, sent: str) -> None:
    route = Upstreams([OPENAI, LOCAL, ROUTER], "local/qwen3").route(model)
    assert (route.upstream.name, route.model) == (name, sent)
    assert route.renamed == (sent != model)


def test_nobody_to_ask_is_said() -> None:
    with pytest.raises(NoUpstream, match="MEMORYOPS_UPSTREAM_BASE"):
        Upstreams().route("gpt-4o")


@given(st.text(max_size=30))
def test_a_model_leads_nowhere_else(name: str) -> None:
    try:
        path = path_of(name)
    except BadRequest:
        return
    assert not set(path) & set("?#\\ %\r\n") - {"%"}
    assert not {"", ".", ".."} & set(path.split("/"))


@pytest.mark.parametrize("name", ["../models", "a/../b", "a//b", "", ".", "a\nb", "x" * 501])
def test_a_smuggled_path_is_refused(name: str) -> None:
    with pytest.raises(BadRequest):
        path_of(name)


@pytest.mark.parametrize(
    ("environ", "base", "key"),
    [
        ({"UPSTREAM_BASE": "https://api.openai.com", "UPSTREAM_API_KEY": "sk-1"}, "https://api.openai.com/v1", "sk-1"),
        ({"MEMORYOPS_UPSTREAM_BASE": "http://h:1/x/"}, "http://h:1/x", None),
        ({"LLM_PROVIDER": "anthropic", "ANTHROPIC_API_KEY": "sk-2"}, "https://api.anthropic.com/v1", "sk-2"),
        ({"LLM_PROVIDER": "openai", "OPENROUTER_API_KEY": "r"}, "https://api.openai.com/v1", None),
        ({"OPENROUTER_API_KEY": "sk-3"}, "https://openrouter.ai/api/v1", "sk-3"),
    ],
)
def test_settings_name_one(environ: dict[str, str], base: str, key: str | None) -> None:
    (found,) = from_settings(Settings.from_env(environ)).all
    assert (found.base, found.api_key) == (base, key)
    assert key is None or key not in repr(found)


def test_an_openai_key_alone_names_nobody() -> None:
    assert from_settings(Settings.from_env({"OPENAI_API_KEY": "k"})).all == ()


@pytest.mark.parametrize(
    "base", ["ftp://x", "api.openai.com", "http://", "http://u:p@h", "http://h?q=1", "http://h\r\nx"]
)
def test_a_base_that_is_none_is_refused(base: str) -> None:
    with pytest.raises(InvalidInput, match="MEMORYOPS_UPSTREAM_BASE"):
        from_settings(Settings.from_env({"MEMORYOPS_UPSTREAM_BASE": base}))


def test_a_provider_that_nobody_knows_stops_the_gateway_alone() -> None:
    settings = Settings.from_env({"LLM_PROVIDER": "azure"})
    with pytest.raises(InvalidInput, match="LLM_PROVIDER"):
        from_settings(settings)


def of_file(folder: Path, given: Any, **settings: Any) -> Upstreams:
    path = folder / "upstreams.json"
    path.write_text(json.dumps(given), encoding="utf-8")
    return from_settings(Settings(upstreams_file=path, **settings))


def test_a_file_names_several(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-file\n", encoding="utf-8")
    entries = [
        {"name": "openai"},
        {"name": "mine", "base": "http://localhost:1", "models": ["m*"], "api_key_file": "key", "forward_auth": False},
        {
            "name": "az",
            "kind": "azure",
            "base": "https://r.openai.azure.com/",
            "api_key": "z",
            "headers": {"x-a": "b c"},
        },
    ]
    found = of_file(tmp_path, {"upstreams": entries, "default_model": "mine/m1"}, openai_api_key="o")
    openai, mine, azure = found.all
    assert openai.credentials(None) == [(b"authorization", b"Bearer o")]
    assert openai.credentials(b"Bearer theirs") == [(b"authorization", b"Bearer theirs")]
    assert mine.credentials(b"Bearer theirs") == [(b"authorization", b"Bearer from-file")]
    assert azure.credentials(None) == [(b"api-key", b"z")]
    assert (
        azure.url("chat/completions", "gpt 4/o")
        == "https://r.openai.azure.com/openai/deployments/gpt%204/o/chat/completions?api-version=2024-10-21"
    )
    assert found.route(None).model == "m1"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"name": "a b"}, "name"), ({"name": "x"}, "base"), ({"name": "openai", "more": 1}, "more"),
        ({"name": "openai", "kind": "soap"}, "kind"), ({"name": "openai", "headers": {"x": "a\r\nb"}}, "headers"),
        ({"name": "openai", "headers": {"x y": "a"}}, "headers"), ({"name": "openai", "models": "gpt"}, "models"),
        ({"name": "openai", "window": 0}, "window"), ({"name": "openai", "api_key": "a\nsecret"}, "API key"),
        ({"name": "openai", "api_key_file": "nowhere"}, "nowhere"),
        ({"name": "openai", "forward_auth": 1}, "forward_auth"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_named(tmp_path: Path, entry: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        of_file(tmp_path, {"upstreams": [entry]})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "given", [[], {}, {"upstreams": []}, {"upstreams": [1]}, {"upstreams": [{"name": "openai"}] * 2}]
)
def test_a_wrong_file_is_named(tmp_path: Path, given: Any) -> None:
    with pytest.raises(InvalidInput, match=r"upstreams\.json"):
        of_file(tmp_path, given)
