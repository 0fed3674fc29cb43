"""One conversation with an OpenAI-compatible endpoint, through langchain-openai."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING

from ..errors import CompressorFailed, CompressorTimeout, MissingExtra
from .config import LLMConfig

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI

NO_KEY = "none"
"""What a server without keys is sent: the client insists on one."""
SHOWN = 200
"""Characters of a server's own words that an error repeats."""

_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
"""Some servers leave a model's deliberation in its answer."""

Message = tuple[str, str]
"""A role (system, human or ai) and what it says."""


class Endpoint:
    """A model that answers. Nothing is connected before the first question; safe to use from several threads."""

    def __init__(self, config: LLMConfig) -> None:
        if find_spec("langchain_openai") is None:
            raise MissingExtra("the compressor llm needs langchain-openai: pip install 'memoryops[openai]'")
        self._config = config
        self._opening = Lock()

    def ask(self, messages: Sequence[Message], seconds: float) -> tuple[str, bool]:
        """What the model answers to *messages* within about *seconds*, and whether it came to its own end.

        Raises `CompressorTimeout`, or `CompressorFailed` with what the server said, without the key.
        """
        from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAIError

        try:
            with self._opening:
                client = self._client
            answer = client.invoke(list(messages), timeout=seconds)
            ended = answer.response_metadata.get("finish_reason") != "length"
            return _THOUGHT.sub("", str(answer.text)).strip(), ended
        except APITimeoutError as error:
            raise CompressorTimeout(f"{self._where} did not answer within {seconds:.0f} s") from error
        except APIConnectionError as error:
            raise CompressorFailed(f"{self._where} cannot be reached; check that it runs and the base URL") from error
        except APIStatusError as error:
            raise CompressorFailed(f"{self._where} answered HTTP {error.status_code}: {self._said(error)}") from error
        except OpenAIError as error:
            raise CompressorFailed(f"{self._where} cannot be asked: {self._said(error)}") from error
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:  # what garbage makes of a client
            raise CompressorFailed(f"{self._where} answered something that is no chat completion") from error

    @cached_property
    def _client(self) -> ChatOpenAI:
        from langchain_openai import ChatOpenAI
        from pydantic import SecretStr

        config = self._config
        key = config.api_key or (NO_KEY if config.base_url else None)
        return ChatOpenAI(
            model=config.model,
            base_url=config.base_url,
            api_key=SecretStr(key) if key else None,
            temperature=0,
            max_retries=0,
        )

    @property
    def _where(self) -> str:
        return f"the model {self._config.model}"

    def _said(self, error: Exception) -> str:
        text = " ".join(str(getattr(error, "message", error)).split())
        key = self._config.api_key
        return (text.replace(key, "***") if key else text)[:SHOWN]
