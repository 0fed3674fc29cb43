"""Summaries by a model behind any OpenAI-compatible endpoint (extra `openai`)."""

from .compressor import LLM
from .config import LLMConfig

__all__ = ["LLM", "LLMConfig"]
