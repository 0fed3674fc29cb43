"""What of a memory a client gets to see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Profile = Literal["full", "core"]


@dataclass(frozen=True, slots=True)
class Face:
    """*profile*: "full", or "core" with the eight tools used most. *human*: also the tools that only a person may
    use, with a person's role. *elicitation*: questions to a person may be shown by the client that asks them.
    """

    profile: Profile = "full"
    human: bool = False
    elicitation: bool = True
