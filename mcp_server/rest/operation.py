"""What an operation over REST is: a path, the models of what goes in and comes out, and the function that does it.

The same models check requests, shape answers and make the OpenAPI document, so the three cannot differ.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from ...memory.hil import HilRequest
from ...memory.service import MemoryOps

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
LONGEST_WAIT = 45.0
"""Seconds; clients give up on a call after about a minute."""
NAME = Field(min_length=1, max_length=200)
Name = Annotated[str, NAME]
Text = Annotated[str, Field(min_length=1)]
Limit = Annotated[int, Field(ge=1, le=1000)]


class Body(BaseModel):
    """The body of a request: JSON of exactly these types, and no other members."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """The query of a request: these parameters and no others, each once unless it is a list."""

    model_config = ConfigDict(extra="forbid")


class Paging(Query):
    limit: Annotated[int, Field(ge=1, le=1000, description="most entries of this page")] = 50
    cursor: Annotated[str | None, Field(description="next_cursor of the page before")] = None


def thread_field(about: str = "the conversation") -> Any:
    """A thread under any of the names that it goes by."""
    names = ("thread", "thread_id", "conversation_id", "session_id")
    return Field(
        default=None,
        validation_alias=AliasChoices(*names),
        description=f"{about}; also called {', '.join(names[1:])}",
        min_length=1,
        max_length=200,
    )


def workspace_field() -> Any:
    return Field(
        default=None,
        validation_alias=AliasChoices("workspace", "tenant_id"),
        description="must be the key's, if it is given; also called tenant_id",
    )


def user_field() -> Any:
    return Field(
        default=None,
        validation_alias=AliasChoices("user", "user_id"),
        description="narrows the call to a user's memories, within what the key allows; also called user_id",
        min_length=1,
        max_length=200,
    )


class Within(BaseModel):
    """What narrows a call beyond its key; nothing here widens it."""

    workspace: str | None = workspace_field()
    user: str | None = user_field()


class WaitQuery(Within, Query):
    """Of an operation that gives a question to a person: its answer may be waited for."""

    wait: Annotated[float, Field(ge=0, le=LONGEST_WAIT, description="seconds to wait for the answer")] = 0.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the memory as its caller may see it, and what was sent, checked. *key*: its `Idempotency-Key`."""

    ops: MemoryOps
    path: Mapping[str, str]
    query: Any
    body: Any
    key: str | None = None


Wait = Callable[[HilRequest, float], Awaitable[HilRequest]]
"""Waits so many seconds for a question to be settled."""
Told = Callable[[Sequence[str], float, Any], None]
"""Hears which operations of the façade a call did, in how many seconds, and the result."""


@dataclass(frozen=True, slots=True)
class Operation:
    """*name*: its name in the OpenAPI document, that of the MCP tool where one does the same. *mirrors*: the façade's
    operations that it gives. *gives*: the type of what *does* returns; *media*: "text/plain" where that is a text.
    *slow*: it waits for a processor more than for the store. *once*: it takes an `Idempotency-Key`. *aliases*: other
    paths for the same.
    """

    name: str
    method: Method
    path: str
    does: Callable[[Call], Any]
    about: str
    gives: Any
    mirrors: tuple[str, ...] = ()
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    status: int = 200
    media: str = "application/json"
    slow: bool = False
    once: bool = False
    aliases: tuple[str, ...] = ()
    example: Mapping[str, Any] | None = None
    tag: str = field(default="")

    @property
    def parameters(self) -> list[str]:
        """The names in braces of the path."""
        return [part[1:-1].partition(":")[0] for part in self.path.split("/") if part.startswith("{")]
