"""Which model summarises, and how far it is trusted with time and text."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LLMConfig:
    """The model *model* at *base_url* (None: OpenAI's own).

    *api_key*: None sends none to a *base_url*, and to OpenAI what OPENAI_API_KEY holds. *seconds*: what one compression
    may take, all requests together. *window*: most tokens of a text that the model is given. *structured*: also
    summarise code, JSON and diffs, of which whole units are kept otherwise; tool calls and schemas never are.
    """

    model: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    seconds: float = 60.0
    window: int = 32_000
    structured: bool = False
