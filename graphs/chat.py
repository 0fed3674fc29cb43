"""The model that a graph talks to: the one that is configured, else one that answers by a script."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from ..memory.settings import Settings
from .testing import Script, ScriptedChatModel


def chat_model(script: Script, *, max_tokens: int | None = None, settings: Settings | None = None) -> BaseChatModel:
    """The model behind `MEMORYOPS_LLM_BASE_URL`, any OpenAI-compatible endpoint; without one, *script* answers.

    `MEMORYOPS_LLM_MODEL` names the model and `MEMORYOPS_LLM_API_KEY` its key, as for summaries. The one with a script
    refuses a context of over *max_tokens*, as a model with such a window would. Raises `ImportError`
    with the command that installs langchain-openai where it is missing.
    """
    chosen = settings or Settings.from_env()
    if chosen.llm_base_url is None:
        return ScriptedChatModel(script=script, max_tokens=max_tokens)
    try:
        from langchain_openai import ChatOpenAI
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("langchain_openai"):
            raise
        raise ImportError("MEMORYOPS_LLM_BASE_URL needs langchain-openai: pip install 'memoryops[openai]'") from error
    return ChatOpenAI(
        model=chosen.llm_model or "default",
        base_url=chosen.llm_base_url,
        api_key=SecretStr(chosen.llm_api_key or "none"),  # servers of one's own ask for none, and the client for some
        timeout=chosen.llm_timeout,
        temperature=0,
    )
