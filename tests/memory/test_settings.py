"""Settings: read from a mapping, named in every error, listed in .env.example."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from memoryops.memory.errors import InvalidInput
from memoryops.memory.scope import Scope
from memoryops.memory.settings import CLIENT_NAMES, PREFIX, Settings, default_folder, stale_names, unknown_names

EXAMPLE = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")


def test_nothing_set_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()
    assert Settings.from_env({"MEMORYOPS_DATA_DIR": "", "MEMORYOPS_WINDOW": ""}) == Settings()
    assert Settings.from_env({}).scope == Scope()


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("DATA_DIR", "/a b/c", "data_dir", Path("/a b/c")),
        ("IN_PROCESS", "True", "in_process", True),
        ("IN_PROCESS", "no", "in_process", False),
        ("OWNER_IDLE", "1.5", "owner_idle", 1.5),
        ("QDRANT_SHARD_NUMBER", "3", "qdrant_shard_number", 3),
        ("WINDOW", "8000", "window", 8000),
        ("TOKEN_BUDGET", "500", "token_budget", 500),
        ("MAX_CONTEXT_ITEMS", "7", "max_context_items", 7),
        ("ROLE", "human", "role", "human"),
        ("HEADS", "/m/heads.json", "heads", Path("/m/heads.json")),
        ("TOP_K", "400", "top_k", 400),
        ("SCREENING", "quarantine", "screening", "quarantine"),
        ("EMBEDDINGS_API_KEY", "k", "embeddings_api_key", "k"),
        ("WORKSPACE", "Büro 1", "workspace", "Büro 1"),
        ("COMPRESSORS", "truncate, extractive", "compressor_names", ("truncate", "extractive")),
        ("TOKENIZER", "o200k", "tokenizer", "o200k"),
        ("LLM_MODEL", "m", "llm_model", "m"),
        ("LLM_TIMEOUT", "2.5", "llm_timeout", 2.5),
        ("LLM_STRUCTURED", "yes", "llm_structured", True),
    ],
)
def test_a_variable_sets_its_field(name: str, text: str, field: str, value: Any) -> None:
    assert getattr(Settings.from_env({PREFIX + name: text}), field) == value


def test_our_own_name_goes_before_an_alias_and_an_override_before_both() -> None:
    assert Settings.from_env({"OPENAI_API_KEY": "a"}).embeddings_api_key == "a"
    environ = {"OPENAI_API_KEY": "a", "MEMORYOPS_EMBEDDINGS_API_KEY": "b"}
    assert Settings.from_env(environ).embeddings_api_key == "b"
    assert Settings.from_env(environ, embeddings_api_key="c").embeddings_api_key == "c"
    assert Settings.from_env(environ, embeddings_api_key=None).embeddings_api_key == "b"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IN_PROCESS", "maybe"), ("OWNER_IDLE", "long"), ("OWNER_IDLE", "0"), ("OWNER_IDLE", "-1"),
        ("OWNER_IDLE", "nan"), ("OWNER_IDLE", "inf"), ("WINDOW", "8k"), ("WINDOW", "0"), ("WINDOW", "1.5"),
        ("TOKEN_BUDGET", "0"), ("MAX_CONTEXT_ITEMS", "-1"), ("TOP_K", "0"),
        ("QDRANT_SHARD_NUMBER", "x"), ("QDRANT_SHARD_NUMBER", "0"), ("QDRANT_REPLICATION_FACTOR", "-1"),
        ("ROLE", "root"), ("SCREENING", "maybe"), ("LOG_FORMAT", "xml"), ("LOG_LEVEL", "loud"),
        ("COMPRESSORS", "gzip"), ("COMPRESSORS", ","), ("COMPRESSORS", "truncate,truncate"), ("COMPRESSORS", "llm"),
        ("TOKENIZER", "words"), ("LLM_TIMEOUT", "0"), ("LLM_WINDOW", "-5"),
        ("WORKSPACE", "a\nb"), ("USER", "x" * 201), ("AGENT", "\t"), ("THREAD", "a\x00b"),
    ],
)  # fmt: skip
def test_an_error_names_the_variable_and_its_value(name: str, value: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Settings.from_env({PREFIX + name: value})
    assert PREFIX + name in str(caught.value)
    assert repr(value)[1:-1][:8] in str(caught.value)


def test_the_decoder_takes_the_names_of_old_and_wants_its_model() -> None:
    environ = {"MODEL_NAME": "/m", "LORA_ID": "/l", "TOP_K": "9", "MEMORYOPS_COMPRESSORS": "qr_head_decoder,truncate"}
    settings = Settings.from_env(environ)
    assert (settings.model_name, settings.lora_id, settings.top_k) == ("/m", "/l", 9)
    with pytest.raises(InvalidInput, match="MEMORYOPS_MODEL_NAME"):
        Settings.from_env({"MEMORYOPS_COMPRESSORS": "qr_head_decoder"})


def test_a_key_is_never_shown() -> None:
    secret = "sk-" + "not-to-be-shown"
    names = ("MEMORYOPS_QDRANT_API_KEY", "OPENAI_API_KEY", "MEMORYOPS_LLM_API_KEY")
    settings = Settings.from_env(dict.fromkeys(names, secret))
    assert secret not in repr(settings)


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: str(field.name))
def test_every_setting_is_described_and_in_the_example_file(field: Any) -> None:
    assert len(field.metadata["description"]) > 15
    assert field.metadata["name"] == PREFIX + field.name.upper()
    assert field.metadata["name"] + "=" in EXAMPLE


def test_the_example_file_names_no_setting_that_is_not_there() -> None:
    named = {line.lstrip("#").split("=")[0] for line in EXAMPLE.splitlines() if line.startswith(("#" + PREFIX, PREFIX))}
    known = {*(field.metadata["name"] for field in fields(Settings)), *CLIENT_NAMES}
    assert {name for name in named if not name.startswith(PREFIX + "TEST_")} <= known


def test_typing_errors_and_names_of_other_servers_are_noticed() -> None:
    set_ = ("MEMORYOPS_DATADIR", "MEMORYOPS_WINDOW", "MEMORYOPS_TEST_X", *CLIENT_NAMES)
    assert unknown_names(dict.fromkeys(set_, "1")) == ["MEMORYOPS_DATADIR"]
    assert stale_names({"DATABASE_URL": "x", "REDIS_URL": "", "HOME": "y"}) == ["DATABASE_URL"]


def test_the_folder_of_each_system(tmp_path: Path) -> None:
    assert default_folder({"LOCALAPPDATA": "/l"}, "win32") == Path("/l/memoryops")
    assert default_folder({"XDG_DATA_HOME": "/x"}, "linux") == Path("/x/memoryops")
    assert default_folder({}, "linux") == Path.home() / ".local/share/memoryops"
    assert default_folder({}, "darwin").parts[-3:] == ("Library", "Application Support", "memoryops")
    assert Settings(data_dir=Path("~/m")).folder == Path.home() / "m"
    assert Settings(data_dir=Path("m")).folder.is_absolute()
