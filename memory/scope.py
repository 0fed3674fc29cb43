"""Who is calling, and what that caller can reach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from ..stores.filters import Eq, Filter, all_of
from ..stores.payloads import MAX_ID_CHARS
from .errors import Forbidden, InvalidInput

Role = Literal["agent", "human", "admin"]
OWN = "memoryops:"
"""Workspaces whose names begin so are the memory's own; no scope is bound to one."""

KEYS_WORKSPACE = f"{OWN}keys"
"""Where keys lie."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The caller's workspace, and what narrows it.

    *workspace*: nothing outside it can be read or written. *user* and *thread*, once bound, narrow every read
    and mark every write. *agent* marks what it writes and names it in tasks; agents of one workspace share
    its memory. *role*: only a human or an admin answers HIL requests and releases from quarantine.
    """

    workspace: str = "default"
    user: str | None = None
    agent: str | None = None
    thread: str | None = None
    role: Role = "agent"

    def __post_init__(self) -> None:
        if self.role not in get_args(Role):
            raise InvalidInput(f"the role is {self.role!r}; use one of {', '.join(get_args(Role))}")
        for name in ("workspace", "user", "agent", "thread"):
            value = getattr(self, name)
            if value is None and name != "workspace":
                continue
            if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_CHARS or not value.isprintable():
                raise InvalidInput(f"the {name} is {value!r}; use 1 to {MAX_ID_CHARS} printable characters")
        if self.workspace.startswith(OWN):
            raise InvalidInput(f"the workspace is {self.workspace!r}; names beginning with {OWN!r} are taken")

    @property
    def filter(self) -> Filter | None:
        """What every read of this scope adds to its own conditions."""
        return all_of(
            Eq("user", self.user) if self.user is not None else None,
            Eq("thread", self.thread) if self.thread is not None else None,
        )

    def narrowed(self, *, user: str | None = None, agent: str | None = None, thread: str | None = None) -> Scope:
        """This scope with more of it bound. Raises `Forbidden` when an argument contradicts what is bound."""
        for name, given in (("user", user), ("agent", agent), ("thread", thread)):
            bound = getattr(self, name)
            if given is not None and bound is not None and given != bound:
                raise Forbidden(f"this scope is bound to the {name} {bound!r} and cannot reach {given!r}")
        return replace(  # "" is refused as no name: passed over, it would leave the scope as wide as it is
            self,
            user=self.user if user is None else user,
            agent=self.agent if agent is None else agent,
            thread=self.thread if thread is None else thread,
        )

    def require_person(self, deed: str) -> None:
        """Raise `Forbidden` unless a human or an admin is calling."""
        if self.role == "agent":
            raise Forbidden(f"only a person may {deed}; use the command line or a client with the human role")

    def require_admin(self, deed: str) -> None:
        """Raise `Forbidden` unless an admin is calling."""
        if self.role != "admin":
            raise Forbidden(
                f"only an admin may {deed}; use the command line, or a key made by `memoryops keys create --role admin`"
            )
