"""Who is let in: the key or token that a request shows, and what is told to one that shows none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from starlette.responses import Response

from ...memory import key_text
from ...stores.errors import StoreError
from ..errors import answer
from .caller import Caller
from .keyring import Keyring
from .problem import problem, told

REMEDY = (
    "Send `Authorization: Bearer KEY` or `X-API-Key: KEY`: a key by `memoryops keys create`, or the token in the file "
    "that the server named at its start"
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the headers of a request show. *key*: what may be ours; *upstream*: an `Authorization` that is not."""

    key: str | None
    upstream: str | None
    twice: bool = False

    @classmethod
    def of(cls, api_keys: Sequence[str], authorizations: Sequence[str]) -> Shown:
        """A key in `X-API-Key` goes first, so that `Authorization` may be for a language model behind us."""
        if len(api_keys) > 1 or len(authorizations) > 1:
            return cls(None, None, twice=True)
        authorization = authorizations[0] if authorizations else ""
        scheme, _, rest = authorization.partition(" ")
        bearer = rest.strip() if scheme.lower() == "bearer" else ""
        if not api_keys:
            return cls(bearer or None, authorization or None)
        key = api_keys[0].strip()
        if not key_text.is_ours(bearer):
            return cls(key or None, authorization or None)
        return cls(key or None, None, twice=bearer != key)


async def admitted(shown: Shown, keyring: Keyring, everybody: Caller | None) -> Caller | Response:
    """The caller, or a refusal. *everybody*: as whom callers without a key of ours act; None where none may."""
    if shown.twice:
        return _refused("several keys are shown, and a request has one", invalid=True)
    caller = None
    if shown.key is not None and len(shown.key) <= key_text.LONGEST:
        try:
            caller = await keyring.caller(shown.key)
        except StoreError as error:
            return told(answer(error))
    if caller is not None:
        return replace(caller, upstream=_for_a_model(shown, keyring, shown.key))
    if everybody is not None and not key_text.is_ours(shown.key or ""):
        return replace(everybody, upstream=_for_a_model(shown, keyring))
    if shown.key is None:
        return _refused("this server wants a key", invalid=False)
    return _refused("the key that was sent is none of this server's, or it is over", invalid=True)


def _for_a_model(shown: Shown, keyring: Keyring, used: str | None = None) -> str | None:
    """The `Authorization` that may be handed on: neither the key that was *used* here nor another secret of ours, with
    a scheme before it or without."""
    if shown.upstream is None:
        return None
    said = {shown.upstream.strip(), shown.upstream.partition(" ")[2].strip()}
    return None if used in said or any(map(keyring.is_secret, said)) else shown.upstream


def _refused(detail: str, *, invalid: bool) -> Response:
    error = ', error="invalid_token"' if invalid else ""
    return problem(401, detail, REMEDY, {"WWW-Authenticate": f'Bearer realm="memoryops"{error}'})
