"""What a key looks like: how one is made, how ours is told from others', and what is kept of it."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from .errors import InvalidInput
from .scope import Role

PREFIX = "mo_"
FOREIGN_PREFIXES = ("cmg_", "memori_")
"""How keys of services like this one begin: none of them is for a language model, so none is ever forwarded."""
_LETTERS = string.ascii_letters + string.digits
_ID_CHARS, _SECRET_CHARS = 12, 43
"""43 letters and digits carry 256 bits."""
_FORM = re.compile(rf"{PREFIX}([A-Za-z0-9]{{{_ID_CHARS}}})_[A-Za-z0-9]{{{_SECRET_CHARS}}}")
LONGEST = 1000
"""Characters of what anybody may show as a key."""


@dataclass(frozen=True, slots=True)
class Made:
    """A new key: *text* is shown once, *id* is its public part, *digest* what is stored."""

    text: str
    id: str
    digest: str


def make() -> Made:
    """A key of 256 random bits. Its visible beginning is `mo_` and its id; double-clicking selects all of it."""
    id = _random(_ID_CHARS)
    text = f"{PREFIX}{id}_{_random(_SECRET_CHARS)}"
    return Made(text, id, digest(text))


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def digest(text: str) -> str:
    """What is kept of a key. A fast hash is right here: 256 random bits cannot be guessed, however fast the guesses;
    slow hashes protect passwords, and would cost each request their time."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def fits(text: str, known: str) -> bool:
    """Whether *known* is the digest of *text*, compared in constant time."""
    return hmac.compare_digest(digest(text), known)


def id_of(text: str) -> str | None:
    """The public part of a key of ours; None for anything else."""
    found = _FORM.fullmatch(text)
    return found[1] if found is not None else None


def is_ours(text: str) -> bool:
    """Whether *text* is meant for a memory rather than for a language model, by how it begins."""
    return text.startswith((PREFIX, *FOREIGN_PREFIXES))


@dataclass(frozen=True, slots=True)
class FixedKey:
    """A key that the environment gave, without the key: the first letters of its *digest* name it."""

    role: Role
    digest: str

    @property
    def id(self) -> str:
        return f"env-{self.digest[:12]}"


def fixed_keys(text: str, name: str) -> tuple[FixedKey, ...]:
    """The keys in the comma list *text*: `KEY` is an agent's, `admin=KEY` an admin's, `human=KEY` a person's.

    Raises `InvalidInput` that names the variable *name* and no key.
    """
    return tuple(_fixed(number, part.strip(), name) for number, part in enumerate(_parts(text), start=1))


def _parts(text: str) -> Iterable[str]:
    return (part for part in text.split(",") if part.strip())


def _fixed(number: int, part: str, name: str) -> FixedKey:
    role, equals, key = part.partition("=")
    if not equals or role not in get_args(Role):
        role, key = "agent", part
    if not 0 < len(key) <= LONGEST or not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidInput(f"key {number} of {name} is no key; give 1 to {LONGEST} ASCII characters without blanks")
    return FixedKey(role, digest(key))  # type: ignore[arg-type]  # get_args has told
