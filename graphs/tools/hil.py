"""The tool by which a model asks a person."""

from __future__ import annotations

from typing import Annotated

from langchain.agents.middleware.human_in_the_loop import ActionRequest, HITLRequest, ReviewConfig
from langchain_core.tools import BaseTool
from pydantic import Field

from ...memory import inputs
from ...memory.service import MemoryOps
from ..asking import ask
from ..context import seen
from .guarded import guarded

ASK = "Ask a person before anything risky, costly or not yours to decide, and wait. No answer is no yes."


def create_hil_tool(
    ops: MemoryOps, *, instructions: str = ASK, timeout: float | None = None, name: str = "hil_request"
) -> BaseTool:
    """A tool `hil_request(question, options=[], context="")` that pauses the graph until a person has answered.

    The question is an interrupt in LangChain's `HITLRequest` shape, and a durable request that may be answered from an
    MCP client or the command line. *timeout*: seconds until it expires. The graph needs a checkpointer.
    """

    def hil_request(
        question: str,
        options: Annotated[list[str] | None, Field(description="answers to choose from; none: any text")] = None,
        context: Annotated[str, Field(description="what the person must know to decide")] = "",
    ) -> str:
        choices = inputs.names(options or [], "options")
        args = {"question": question, "options": choices, "context": context}
        request = HITLRequest(
            action_requests=[ActionRequest(name=name, args=args, description=question)],
            review_configs=[ReviewConfig(action_name=name, allowed_decisions=["respond", "reject"])],
        )
        settled = ask(
            seen(ops), request, question, options=choices, context=context, timeout=timeout, alone=True
        ).request
        if settled.status == "answered":
            return f"{settled.answer}" + (f"\n({settled.comment})" if settled.comment else "")
        if settled.status == "expired":
            return "Nobody answered in time. That is no yes."
        return "The person declined to answer" + (f": {settled.comment}" if settled.comment else ". That is no yes.")

    return guarded(hil_request, name, instructions)
