"""The table of models: names as providers write them, figures of the seeds, a user's own models, unknown ones."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from memoryops import ContextWindow
from memoryops.memory.errors import InvalidInput
from memoryops.memory.llms import SAFE_WINDOW, UnknownModelWarning, find, table


def test_the_figures_that_were_given_are_in_it() -> None:
    mini = find("gpt-4o-mini", table())
    assert (mini.context_length, mini.compression_trigger, mini.safe_threshold) == (128_000, 0.75, 0.85)
    assert (mini.cost_per_1k_input, mini.cost_per_1k_output) == (0.00015, 0.0006)
    assert mini.cost(1_000_000) == 0.15
    assert find("phi-2", table()).cost(1000) is None
    assert table().as_of


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("openai/gpt-4o-mini", "gpt-4o-mini"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("openrouter/openai/gpt-4o:free", "gpt-4o"),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc", "gpt-4o-mini"),
        ("gpt-4-0613", "gpt-4"),
        ("gpt-4-1106-preview", "gpt-4-turbo"),
        ("GPT-4-Turbo", "gpt-4-turbo"),
        ("gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("claude-3-opus-20240229", "claude-3-opus"),
        ("anthropic/claude-3.5-sonnet", "claude-3-5-sonnet"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku"),
        ("claude-3-haiku@20240307", "claude-3-haiku"),
        ("us.anthropic.claude-3-sonnet-20240229-v1:0", "claude-3-sonnet"),
        ("models/gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("google/gemma-3-4b-it", "gemma-3-4b-it"),
        ("microsoft/phi-2", "phi-2"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "mistral-7b-instruct"),
    ],
)
def test_names_as_providers_write_them(name: str, model: str) -> None:
    assert find(name, table()).name == model


@pytest.mark.parametrize("name", ["gpt-99", "llama", "o1-mini"])
def test_an_unknown_model_gets_a_small_window_and_a_warning(name: str) -> None:
    with pytest.warns(UnknownModelWarning, match=f"{name}.*MEMORYOPS_MODELS_FILE"):
        model = find(name, table())
    assert (model.context_length, model.cost(1)) == (SAFE_WINDOW, None)


def test_every_name_leads_to_a_model() -> None:
    known = table()
    assert set(known.aliases.values()) <= known.models.keys()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in [*known.models, *known.aliases]:
            assert ContextWindow.for_model(name).max_tokens > 2000


def test_a_file_adds_models_and_overrides_figures(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    own = {"context_length": 4000, "compression_trigger": 0.4, "safe_threshold": 0.6}
    models = {"mine": own, "gpt-4o-mini": {"cost_per_1k_input": 1, "note": "ours"}}
    file.write_text(json.dumps({"models": models, "aliases": {"our-model": "mine"}}), encoding="utf-8")
    window = ContextWindow.for_model("acme/our-model", file)
    assert window == ContextWindow(4000, 0.4, 0.4, 0.6, "mine")
    mini = find("gpt-4o-mini", table(file))
    assert (mini.context_length, mini.cost_per_1k_input) == (128_000, 1)
    assert find("gpt-4o-mini", table()).cost_per_1k_input == 0.00015


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "is no object"),
        ('{"models": []}', "is no object"),
        ('{"models": {"m": 5}}', "the model 'm' is 5"),
        ('{"models": {"m": {}}}', "'m' has no context_length"),
        ('{"models": {"m": {"context_length": 0}}}', "'m': context_length is 0"),
        ('{"models": {"m": {"context_length": 9, "cost_per_1k_input": "x"}}}', "cost_per_1k_input is 'x'"),
    ],
)
def test_a_file_that_is_wrong_is_told_with_its_key(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "models.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=message):
        table(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"cannot read the models file .*none\.json"):
        table(tmp_path / "none.json")


@pytest.mark.parametrize("name", ["My-Big", "my-big", "acme/My-Big", "openai/MY-BIG-2026-01-01", "Large"])
def test_a_users_own_model_is_found_in_any_case_and_behind_a_provider(tmp_path: Path, name: str) -> None:
    file = tmp_path / "models.json"
    file.write_text('{"models": {"My-Big": {"context_length": 5000}}, "aliases": {"LARGE": "My-Big"}}')
    assert find(name, table(file)).context_length == 5000
