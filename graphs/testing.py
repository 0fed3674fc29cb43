"""A chat model without a model: it answers by a script, and keeps what it was sent.

    model = ScriptedChatModel(script=["Hello!", call("memory_search", query="Anna")])

What a graph does around a model, from compression to approvals, can be tried with it, without a key or a network. It
behaves as a real one does towards LangChain: tools can be bound, answers are streamed word by word, and a context above
`max_tokens` is refused with `WindowExceeded`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field, PrivateAttr

from ..memory import messages as counting

Reply = str | AIMessage
Script = Sequence[Reply] | Callable[[list[BaseMessage]], Reply]


class WindowExceeded(ValueError):
    """The context has more tokens than the model's window, as a provider would answer it."""


class ScriptedChatModel(BaseChatModel):
    """Answers with the next line of *script*, or with what *script* makes of the messages.

    *max_tokens*: of its window, tool schemas included; None is without end. *seen*: the messages of every call, in the
    form they arrived in. Raises `IndexError` when it is asked more often than the script has lines.
    """

    script: Any = Field(default_factory=list)
    max_tokens: int | None = None
    profile: Any = None
    tools: list[dict[str, Any]] = Field(default_factory=list)
    seen: list[list[BaseMessage]] = Field(default_factory=list, repr=False)  # LangChain asks for it with each call
    _next: list[int] = PrivateAttr(default_factory=lambda: [0])

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def tokens(self, given: Sequence[BaseMessage]) -> int:
        """What *given* and the bound tools take, by the counter of this process."""
        plain = [{**each, "id": None} for each in convert_to_openai_messages(list(given))]
        return counting.tokens_of(plain) + counting.schema_tokens(self.tools)

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """The same model, script and record, with *tools* in its context."""
        bound = self.model_copy(update={"tools": [convert_to_openai_tool(tool) for tool in tools]})
        bound.seen, bound._next = self.seen, self._next
        return bound.bind(**{name: value for name, value in kwargs.items() if name == "stop"})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._answer(messages))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        answer = self._answer(messages)
        words = str(answer.content).split(" ")
        for number, word in enumerate(words):
            text = word if number == 0 else f" {word}"
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=text, id=answer.id))
            if run_manager is not None:
                run_manager.on_llm_new_token(text, chunk=chunk)
            yield chunk
        last = AIMessageChunk(content="", id=answer.id, tool_calls=answer.tool_calls, chunk_position="last")
        yield ChatGenerationChunk(message=last)

    def _answer(self, messages: list[BaseMessage]) -> AIMessage:
        self.seen.append(list(messages))
        if self.max_tokens is not None and (taken := self.tokens(messages)) > self.max_tokens:
            raise WindowExceeded(f"the context has {taken} tokens, the model's window {self.max_tokens}")
        reply = self.script(messages) if callable(self.script) else self._line()
        if isinstance(reply, AIMessage):
            return reply if reply.id else reply.model_copy(update={"id": str(uuid.uuid4())})
        return AIMessage(reply, id=str(uuid.uuid4()))

    def _line(self) -> Reply:
        number = self._next[0]
        if number >= len(self.script):
            raise IndexError(f"the script has {len(self.script)} lines, and the model is asked once more")
        self._next[0] += 1
        line: Reply = self.script[number]
        return line


def call(tool: str, **arguments: Any) -> AIMessage:
    """A line of a script that calls *tool* with *arguments*."""
    return calls({tool: arguments})


def calls(arguments: Mapping[str, Mapping[str, Any]]) -> AIMessage:
    """A line of a script that calls several tools at once: *arguments* by tool."""
    made = [
        {"name": tool, "args": dict(given), "id": f"call_{uuid.uuid4().hex[:12]}", "type": "tool_call"}
        for tool, given in arguments.items()
    ]
    return AIMessage("", tool_calls=made)
