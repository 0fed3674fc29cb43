"""Limits: how many requests and tokens a key, a workspace and everybody may have, counted here or in a Redis.

Requests are counted by a sliding window when they come. Tokens are known afterwards only (a stream's at its end): what
was spent is counted whole, and once a window is spent the next requests wait for the window's end. While Redis cannot
be asked each server counts for itself: a limit is no reason to be away.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.errors import ConfigurationError, StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter, RateLimiter, SlidingWindowCounterRateLimiter
from starlette.requests import HTTPConnection
from starlette.responses import Response

from ...memory.errors import InvalidInput
from ...memory.rates import Rate, optional_rate
from .caller import Caller, caller_of
from .problem import problem

if TYPE_CHECKING:
    from ...memory.settings import Settings

log = logging.getLogger(__name__)

REDIS_SECONDS = 0.5
"""How long a Redis has to answer before this server counts for itself."""
AWAY_SECONDS = 5.0
"""How long it is left alone then."""
REDIS_CALLS = 16
MOST_TOKENS = 10**9
"""Of one request; more is a defect of whoever counted."""
_PLACE = "memoryops.quotas"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Allowances:
    """What the settings allow; None where there is no limit."""

    key_requests: Rate | None = None
    key_tokens: Rate | None = None
    key_quota: Rate | None = None
    workspace_requests: Rate | None = None
    workspace_tokens: Rate | None = None
    everybody: Rate | None = None

    @classmethod
    def of(cls, settings: Settings) -> Allowances:
        requests, tokens = settings.rate_limit_requests, settings.rate_limit_tpm
        return cls(
            key_requests=Rate(requests, settings.rate_limit_window) if requests is not None else None,
            key_tokens=Rate(tokens, 60) if tokens is not None else None,
            key_quota=optional_rate(settings.token_quota, "MEMORYOPS_TOKEN_QUOTA"),
            workspace_requests=optional_rate(settings.workspace_rate_limit, "MEMORYOPS_WORKSPACE_RATE_LIMIT"),
            workspace_tokens=optional_rate(settings.workspace_token_quota, "MEMORYOPS_WORKSPACE_TOKEN_QUOTA"),
            everybody=optional_rate(settings.global_rate_limit, "MEMORYOPS_GLOBAL_RATE_LIMIT"),
        )


@dataclass(frozen=True, slots=True)
class Bound:
    """One limit on one caller: *what* is counted ("requests" or "tokens"), *whose*, by which *name* it is counted."""

    what: str
    whose: str
    name: str
    rate: Rate

    @property
    def item(self) -> RateLimitItem:
        return RateLimitItemPerSecond(self.rate.amount, self.rate.seconds, namespace=f"MEMORYOPS/{self.what}")

    def refused(self, reset: float) -> Response:
        wait = max(1, min(self.rate.seconds, math.ceil(reset - time.time())))
        told = f"{self.whose} has had its {self.rate.amount:,} {self.what} of {self.rate.seconds:,} seconds"
        return problem(429, told, f"Send it again in {wait} seconds", {"Retry-After": str(wait)}, kind="limited")


class Quotas:
    """Counts what callers use. *redis_url*: where several servers count together; None: here alone.

    Raises `InvalidInput` for a URL that is none, or where the client for Redis is not installed.
    """

    def __init__(self, allowances: Allowances | None = None, redis_url: str | None = None) -> None:
        self.allowances = allowances or Allowances()
        self._here = _Counters(MemoryStorage())
        self._shared = None if redis_url is None else _Counters(_redis(redis_url))
        self._away_until = 0.0
        self._calls = anyio.CapacityLimiter(REDIS_CALLS)

    async def admit(self, caller: Caller) -> Response | None:
        """Count one request of *caller*, or say why it has to wait."""
        bounds = list(self._bounds(caller))
        return await self._counted(lambda counters: counters.admit(bounds)) if bounds else None

    async def spend(self, caller: Caller, tokens: int) -> None:
        """Count *tokens* that a request of *caller* took."""
        bounds = [each for each in self._bounds(caller) if each.what == "tokens"]
        cost = min(max(tokens, 0), MOST_TOKENS)
        if bounds and cost:
            await self._counted(lambda counters: counters.spend(bounds, cost))

    def _bounds(self, caller: Caller) -> Iterator[Bound]:
        allowed, own = self.allowances, caller.own
        key, workspace = caller.key or "local", caller.scope.workspace
        requests, tokens, quota = allowed.key_requests, allowed.key_tokens, allowed.key_quota
        if own is not None:
            requests = Rate(own.requests_per_minute, 60) if own.requests_per_minute is not None else requests
            tokens = Rate(own.tokens_per_minute, 60) if own.tokens_per_minute is not None else tokens
            quota = Rate(own.tokens_per_day, 86_400) if own.tokens_per_day is not None else quota
        for what, whose, name, rate in (
            ("requests", "everybody together", "everybody", allowed.everybody),
            ("requests", "this workspace", f"workspace:{workspace}", allowed.workspace_requests),
            ("requests", "this key", f"key:{key}", requests),
            ("tokens", "this workspace", f"workspace:{workspace}", allowed.workspace_tokens),
            ("tokens", "this key", f"key:{key}", tokens),
            ("tokens", "this key", f"key:{key}", quota),
        ):
            if rate is not None:
                yield Bound(what, whose, name, rate)

    async def _counted(self, count: Callable[[_Counters], T]) -> T:
        shared = self._shared
        if shared is None or time.monotonic() < self._away_until:
            return count(self._here)
        try:
            return await anyio.to_thread.run_sync(count, shared, limiter=self._calls)
        except StorageError as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            cause = type(error.storage_error).__name__
            log.warning("Redis does not answer; limits are counted in this process", extra={"error": cause})
            return count(self._here)


class _Counters:
    """The counters of one storage."""

    def __init__(self, storage: Storage) -> None:
        self._requests: RateLimiter = SlidingWindowCounterRateLimiter(storage)
        self._tokens: RateLimiter = FixedWindowRateLimiter(storage)  # it counts what goes over, too

    def admit(self, bounds: list[Bound]) -> Response | None:
        for each in bounds:
            if not self._of(each).test(each.item, each.name):
                return each.refused(self._of(each).get_window_stats(each.item, each.name).reset_time)
        for each in bounds:
            if each.what == "requests" and not self._requests.hit(each.item, each.name):
                return each.refused(self._requests.get_window_stats(each.item, each.name).reset_time)
        return None

    def spend(self, bounds: list[Bound], tokens: int) -> None:
        for each in bounds:
            self._tokens.hit(each.item, each.name, cost=tokens)

    def _of(self, bound: Bound) -> RateLimiter:
        return self._requests if bound.what == "requests" else self._tokens


def _redis(url: str) -> Storage:
    scheme = url.partition("://")[0]
    if scheme not in ("redis", "rediss", "unix"):
        raise InvalidInput("MEMORYOPS_REDIS_URL is no URL of a Redis; give one like redis://localhost:6379/0")
    given = url.replace("unix://", "redis+unix://", 1)
    try:
        storage = storage_from_string(
            given, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS, wrap_exceptions=True
        )
    except (ConfigurationError, ValueError) as error:
        raise InvalidInput(
            "MEMORYOPS_REDIS_URL needs the client for Redis and a URL that it knows: pip install 'memoryops[redis]'"
        ) from error
    assert isinstance(storage, Storage)  # no URL with async+ is let through
    return storage


def put_quotas(scope: MutableMapping[str, Any], quotas: Quotas) -> None:
    """Note *quotas* where `spend` finds them in the ASGI *scope* of a request."""
    scope.setdefault("state", {})[_PLACE] = quotas


async def spend(request: HTTPConnection, tokens: int) -> None:
    """Count *tokens* that *request* took, against the limits of its caller; at the end of a stream, all of it."""
    quotas: Quotas = request.scope["state"][_PLACE]
    await quotas.spend(caller_of(request), tokens)
