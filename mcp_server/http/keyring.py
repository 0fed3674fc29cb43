"""Whose key it is: the local token, the keys of the environment, and those in the store, in this order.

The store is asked for each request, unless its `stamp` says that no key has changed since it was asked; so a key that
any process revoked opens nothing from then on. While the store cannot be asked, a key that it vouched for within the
last minute is good: a memory that is away for a moment must not cut callers off from their language model.
"""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ...memory import key_text
from ...memory.key_text import FixedKey
from ...memory.keys import Key, Uses, known_key
from ...memory.scope import KEYS_WORKSPACE, Scope
from ...stores.errors import StoreError, StoreUnavailable
from ..runtime import Runtime
from ..workers import Workers
from .caller import Caller

PATIENCE = 1.0
"""Seconds that the store has to answer for a key that it vouched for a moment ago."""
LONGEST = 10.0
"""Seconds that it has for any other key."""
MEMORY = 60.0
"""Seconds for which such a key is remembered."""
UNASKED = 5.0
"""Seconds after which the store is asked even if no key has changed: a folder may have been put in another's place."""
MOST_REMEMBERED = 1000
LOOKUPS = 8
"""How many keys are looked up at once, those among them that nobody waits for any longer."""


@dataclass(frozen=True, slots=True)
class _Vouched:
    """A key that the store vouched for, *at* a time of the monotonic clock; its keys' *stamp* from before that."""

    at: float
    stamp: int | None
    key: Key


class Keyring:
    """*token*: the local one, whose holder acts within *scope*; None where there is none. *fixed*: those of the
    environment, for the same workspace. *runtime*: the memory whose store has the others. *closed*: digests of local
    tokens that open nothing here."""

    def __init__(
        self,
        token: str | None,
        scope: Scope,
        fixed: Sequence[FixedKey] = (),
        runtime: Runtime | None = None,
        clock: Callable[[], float] = time.time,
        closed: Collection[str] = (),
    ) -> None:
        self._token = None if token is None else key_text.digest(token)
        self._scope, self._fixed, self._runtime, self._clock = scope, tuple(fixed), runtime, clock
        self._closed = frozenset(closed)
        self._uses = Uses(clock)
        self._vouched: OrderedDict[str, _Vouched] = OrderedDict()
        self._lookups = Workers(LOOKUPS, "keys")

    async def caller(self, shown: str) -> Caller | None:
        """Who shows *shown*, None if it is no key here. Raises a `StoreError` where the store cannot be asked."""
        digest = key_text.digest(shown)
        if self._token is not None and hmac.compare_digest(digest, self._token):
            return Caller(self._scope)
        matching = [each for each in self._fixed if hmac.compare_digest(digest, each.digest)]
        if matching:
            bound = self._scope
            return Caller(Scope(bound.workspace, bound.user, bound.agent, None, matching[0].role), matching[0].id)
        key = await self._stored(shown, digest)
        return None if key is None else Caller(key.scope, key.id, own=key)

    def is_secret(self, text: str) -> bool:
        """Whether *text* is a key or token for a memory of this machine, so that no language model may see it."""
        digest = key_text.digest(text)
        known = self._closed | {each.digest for each in self._fixed} | {self._token}
        return key_text.is_ours(text) or digest in known

    async def _stored(self, shown: str, digest: str) -> Key | None:
        if self._runtime is None or key_text.id_of(shown) is None:
            return None
        remembered = self._remembered(digest)
        if remembered is not None and self._stands(remembered):
            return remembered.key
        found: _Vouched | None = None
        try:
            found = await self._lookups.run(PATIENCE if remembered is not None else LONGEST, lambda: self._look(shown))
        except (TimeoutError, StoreUnavailable) as error:
            if remembered is not None:
                return remembered.key
            if isinstance(error, TimeoutError):
                raise StoreUnavailable(f"the store said nothing of a key for {LONGEST:g} s") from error
            raise
        if found is None:
            self._vouched.pop(digest, None)
            return None
        self._vouched[digest] = found
        self._vouched.move_to_end(digest)
        if len(self._vouched) > MOST_REMEMBERED:
            self._vouched.popitem(last=False)
        return found.key

    def _look(self, shown: str) -> _Vouched | None:
        assert self._runtime is not None
        store = self._runtime.ops().store
        at, stamp = time.monotonic(), store.stamp(KEYS_WORKSPACE)
        key = known_key(store, shown, self._clock())
        if key is None:
            return None
        self._uses.note(store, key.id)
        return _Vouched(at, stamp, key)

    def _stands(self, vouched: _Vouched) -> bool:
        """Whether no key has changed since, which the store says without a wait, or not at all."""
        if vouched.stamp is None or time.monotonic() - vouched.at > UNASKED:
            return False
        assert self._runtime is not None
        try:
            return self._runtime.ops().store.stamp(KEYS_WORKSPACE) == vouched.stamp
        except StoreError:
            return False

    def _remembered(self, digest: str) -> _Vouched | None:
        """What the store vouched for within the last minute, if it is not over."""
        found = self._vouched.get(digest)
        if found is None or time.monotonic() - found.at > MEMORY:
            return None
        due = found.key.expires_at
        return None if due is not None and _over(due, self._clock()) else found


def _over(due: str, now: float) -> bool:
    from ...memory.conditions import timestamp

    return timestamp(due, "expires_at") <= now


__all__ = ["Keyring", "StoreError"]
