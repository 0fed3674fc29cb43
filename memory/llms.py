"""The models that a context is meant for: window, when to make room, and what a token costs.

`llms.json` is the table, with the month and source of its figures. A file of the same form, named by the setting
`MEMORYOPS_MODELS_FILE`, adds models and overrides figures.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from . import inputs
from .errors import InvalidInput

SAFE_WINDOW = 32_000
"""Tokens of a model that the table does not know: nearly all that are served have more."""


class UnknownModelWarning(UserWarning):
    """A model is in no table; it is treated as one with a small window and no price."""


@dataclass(frozen=True, slots=True)
class Llm:
    """A model. *context_length*: tokens of its window; trigger and threshold: shares of it; costs in USD for 1,000
    tokens, None where they are not known."""

    name: str
    context_length: int
    compression_trigger: float = 0.75
    safe_threshold: float = 0.85
    cost_per_1k_input: float | None = None
    cost_per_1k_output: float | None = None

    def __post_init__(self) -> None:
        inputs.whole(self.context_length, "context_length", 1, 10**12)
        inputs.number(self.compression_trigger, "compression_trigger", 0, 1)
        inputs.number(self.safe_threshold, "safe_threshold", self.compression_trigger, 1)
        for cost in ("cost_per_1k_input", "cost_per_1k_output"):
            if getattr(self, cost) is not None:
                inputs.number(getattr(self, cost), cost, 0, 1e6)

    def cost(self, tokens: int) -> float | None:
        """What *tokens* of input cost once (USD); None where the price is not known."""
        return None if self.cost_per_1k_input is None else round(tokens * self.cost_per_1k_input / 1000, 6)


@dataclass(frozen=True, slots=True)
class Table:
    """Models by name, other names of theirs, and since when the shipped figures hold."""

    models: Mapping[str, Llm]
    aliases: Mapping[str, str] = field(default_factory=dict)
    as_of: str = ""


FIGURES = frozenset(each.name for each in fields(Llm)) - {"name"}


@lru_cache(maxsize=8)
def table(extra: Path | None = None) -> Table:
    """The shipped table, with what the file *extra* adds or overrides. Raises `InvalidInput` naming file and key."""
    shipped = resources.files(__package__ or "memoryops.memory").joinpath("llms.json").read_text(encoding="utf-8")
    known = _table("llms.json", shipped, Table({}))
    if extra is None:
        return known
    try:
        text = extra.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read the models file {extra} ({error}); see MEMORYOPS_MODELS_FILE") from error
    return _table(str(extra), text, known)


def find(name: str, known: Table, *, quiet: bool = False) -> Llm:
    """The model that *name* means: with or without a provider before it, a date or version behind it, in any case.

    One that is not *known* has `SAFE_WINDOW` tokens, no price, and unless *quiet* gives an `UnknownModelWarning`.
    """
    inputs.name(name, "model")
    for each in _spellings(name):
        each = known.aliases.get(each, each)
        if each in known.models:
            return known.models[each]
    lowered = {each.lower(): model for each, model in known.models.items()}
    aliases = {alias.lower(): meant.lower() for alias, meant in known.aliases.items()}
    for each in _spellings(name):
        each = aliases.get(each, each)
        if each in lowered:
            return lowered[each]
    if quiet:
        return Llm(name, SAFE_WINDOW)
    warnings.warn(
        f"the model {name!r} is in no table; its window is taken to be {SAFE_WINDOW:,} tokens. Add it to a file and "
        "name that in MEMORYOPS_MODELS_FILE, or give the window itself (MEMORYOPS_WINDOW)",
        UnknownModelWarning,
        stacklevel=3,
    )
    return Llm(name, SAFE_WINDOW)


_BEHIND = re.compile(
    r"(?:[-@:](?:latest|preview|free|\d{8}|\d{4}-\d{2}-\d{2}|\d{4}|v\d+(?:[.:]\d+)?|\d{3})|-v\d+(?:\.\d+)?(?::\d+)?)$"
)
_BEDROCK = re.compile(r"^(?:[a-z]{2,6}\.)?(?:anthropic|openai|google|mistral|meta|microsoft)\.")


def _spellings(name: str) -> list[str]:
    """*name* as it is, then without what providers put before and behind it."""
    short = name.strip().lower()
    found = [name, short]
    if short.startswith("ft:"):
        short = short.split(":")[1]
    short = _BEDROCK.sub("", short.rpartition("/")[2])
    found.append(short)
    while (cut := _BEHIND.sub("", short)) != short:
        short = cut
        found.append(short)
    return found


def _table(file: str, text: str, known: Table) -> Table:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the models file {file} is no JSON ({error})") from error
    models, aliases = (_mapping(file, given, key) for key in ("models", "aliases"))
    read = {name: _model(file, name, figures, known) for name, figures in models.items()}
    named = {str(alias): str(name) for alias, name in aliases.items()}
    return Table({**known.models, **read}, {**known.aliases, **named}, str(given.get("as_of", known.as_of)))


def _mapping(file: str, given: object, key: str) -> dict[str, Any]:
    found = given.get(key, {}) if isinstance(given, dict) else None
    if not isinstance(found, dict):
        raise InvalidInput(f'the models file {file} is no object like {{"models": {{"name": {{…}}}}}} (see {key!r})')
    return found


def _model(file: str, name: str, figures: object, known: Table) -> Llm:
    if not isinstance(figures, dict):
        raise InvalidInput(f"{file}: the model {name!r} is {figures!r:.100}; give an object with context_length")
    before = known.models.get(name)
    base = {each: getattr(before, each) for each in FIGURES} if before is not None else {}
    try:
        return Llm(name, **{**base, **{key: value for key, value in figures.items() if key in FIGURES}})
    except TypeError as error:
        raise InvalidInput(f"{file}: the model {name!r} has no context_length (tokens)") from error
    except InvalidInput as error:
        raise InvalidInput(f"{file}: the model {name!r}: {error}") from error
