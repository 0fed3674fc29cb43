"""Sends requests: once blocking, once awaiting. What is said and when it is said again is decided elsewhere."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
import httpx2

from .. import __version__
from .answers import value_of
from .errors import BadAnswer, InvalidInput, TimedOut, Unreachable
from .place import URL, is_loopback
from .request import Request
from .retries import Retries

T = TypeVar("T")
Outcome = httpx2.Response | httpx2.HTTPError
CLOSED = "this client of MemoryOps is closed; make a new one"
AGENT = f"memoryops-python/{__version__}"


@dataclass(frozen=True, slots=True)
class Options:
    """*timeout*: seconds without a byte, after which a call is given up."""

    url: str
    key: str | None = field(default=None, repr=False)
    timeout: float = 60.0
    retries: Retries = field(default_factory=Retries)

    def sent(self, request: Request[Any]) -> dict[str, Any]:
        """What httpx is to send."""
        headers = {"User-Agent": AGENT, "Accept": "text/plain" if request.text else "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        content = request.content
        if content is not None:
            headers["Content-Type"] = "application/json"
        if request.key:
            headers["Idempotency-Key"] = _ascii(request.key)
        return {
            "method": request.method,
            "url": self.url + request.path,
            "params": request.parameters,
            "content": content,
            "headers": headers,
            "timeout": self.timeout,
            "follow_redirects": False,  # a key would follow them
        }

    @property
    def trust_env(self) -> bool:
        """A proxy of the environment has no business between this machine and itself."""
        return not is_loopback(self.url)

    def wait_after(self, request: Request[Any], attempt: int, outcome: Outcome) -> float | None:
        """The seconds until *request* is sent once more, after the attempt of that number; None if it is not."""
        chance = random.random()
        if isinstance(outcome, httpx2.Response):
            return self.retries.after_answer(outcome.status_code, outcome.headers, attempt, request.repeatable, chance)
        if isinstance(outcome, httpx2.TransportError):
            return self.retries.after_error(outcome, attempt, request.repeatable, chance)
        return None

    def result(self, request: Request[T], outcome: Outcome) -> T:
        """What *request* gives in the end. Raises as `errors` says."""
        if isinstance(outcome, httpx2.Response):
            return value_of(request, outcome.status_code, outcome.headers, outcome.content)
        what = f"{request.method} {request.path} at {self.url}"
        if isinstance(outcome, httpx2.TimeoutException):
            raise TimedOut(
                f"{what} had no answer within {self.timeout:g} s; `memoryops doctor` says how the server is"
            ) from outcome
        if isinstance(outcome, httpx2.TransportError):
            raise Unreachable(
                f"{what} failed ({type(outcome).__name__}); is it running (`memoryops serve`), and is {URL} right?"
            ) from outcome
        raise BadAnswer(
            f"{what} had an answer that cannot be decoded; check what stands between here and the service"
        ) from outcome


class Sync:
    """Sends and waits. Safe to use from several threads."""

    def __init__(self, options: Options, http: httpx2.Client | None = None) -> None:
        self.options = options
        self._own = http is None
        self._http = http or httpx2.Client(trust_env=options.trust_env, timeout=options.timeout)

    def send(self, request: Request[T]) -> T:
        """What the service answers to *request*. Raises as `errors` says."""
        if self._http.is_closed:
            raise Unreachable(CLOSED)
        request = request.keyed()
        sent = self.options.sent(request)
        for attempt in itertools.count(1):
            try:
                outcome: Outcome = self._http.request(**sent)
            except httpx2.HTTPError as error:
                outcome = error
            wait = self.options.wait_after(request, attempt, outcome)
            if wait is None:
                return self.options.result(request, outcome)
            time.sleep(wait)
        raise AssertionError("counting ended")

    def with_options(self, options: Options) -> Sync:
        """The same connections, used otherwise; closing it leaves them open."""
        return Sync(options, self._http)

    def close(self) -> None:
        """Close the connections, unless they were handed in."""
        if self._own:
            self._http.close()


class Async:
    """Sends and awaits."""

    def __init__(self, options: Options, http: httpx2.AsyncClient | None = None) -> None:
        self.options = options
        self._own = http is None
        self._http = http or httpx2.AsyncClient(trust_env=options.trust_env, timeout=options.timeout)

    def send(self, request: Request[T]) -> Coroutine[Any, Any, T]:
        """What the service answers to *request*. Raises as `errors` says."""
        return self._send(request.keyed())

    async def _send(self, request: Request[T]) -> T:
        if self._http.is_closed:
            raise Unreachable(CLOSED)
        sent = self.options.sent(request)
        for attempt in itertools.count(1):
            try:
                outcome: Outcome = await self._http.request(**sent)
            except httpx2.HTTPError as error:
                outcome = error
            wait = self.options.wait_after(request, attempt, outcome)
            if wait is None:
                return self.options.result(request, outcome)
            await anyio.sleep(wait)
        raise AssertionError("counting ended")

    def with_options(self, options: Options) -> Async:
        """The same connections, used otherwise; closing it leaves them open."""
        return Async(options, self._http)

    async def close(self) -> None:
        """Close the connections, unless they were handed in."""
        if self._own:
            await self._http.aclose()


def _ascii(key: str) -> str:
    if not key.isascii() or not key.isprintable() or " " in key or len(key) > 190:
        raise InvalidInput("the idempotency key is none: give 1 to 190 ASCII characters without blanks")
    return key
