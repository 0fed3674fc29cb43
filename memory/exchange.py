"""What a request to a language model takes, whatever it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..compressors import tokens
from . import messages
from .errors import InvalidInput


def measured(conversation: object, tools: object = None) -> int:
    """The tokens of *conversation* and of the schemas of *tools*; of what is no conversation, those of its JSON."""
    return _counted(_conversation, conversation) + (_counted(messages.schema_tokens, tools) if tools else 0)


def _conversation(given: Sequence[Mapping[str, Any]]) -> int:
    return sum(part.tokens for part in messages.parts_of(messages.listed(given), recent=0))


def _counted(count: Any, given: Any) -> int:
    try:
        return int(count(given))
    except InvalidInput:
        return tokens.count(str(given))
