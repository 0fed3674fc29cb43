"""Any server that speaks OpenAI's embeddings protocol: OpenAI, Ollama, vLLM, TEI, LiteLLM…"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import numpy as np

from ._embeddings_protocol import parse_embeddings, retry_delay, server_message
from .errors import EncoderRefused, EncoderTimeout, EncoderUnavailable
from .ports import Vectors
from .vectors import require_dimension, unit_rows

if TYPE_CHECKING:
    import httpx2

ATTEMPTS = 4
RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


class OpenAIEncoder:
    """Encoder over ``POST {base_url}/embeddings``.

    *dimensions* asks the server for vectors of that length and is checked; without it the length is measured.
    *timeout* is in seconds per request, *batch* in texts per request. *max_tokens* tells callers how long
    passages may be: the protocol has no way to ask. *api_key* is sent as a bearer token and appears in no
    message. Proxy settings of the machine are respected. *sleep* waits between attempts. Connections are
    kept; ``close`` or a ``with`` block ends them.

    Calls raise `EncoderRefused` (key, model or request wrong), `EncoderUnavailable` (unreachable or failing
    after 4 attempts), `EncoderTimeout`, `BadEncoderAnswer` and `DimensionMismatch`.
    """

    def __init__(
        self,
        model: str,
        base_url: str,
        api_key: str | None = None,
        dimensions: int | None = None,
        timeout: float = 30.0,
        batch: int = 64,
        *,
        max_tokens: int = 512,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if batch < 1 or timeout <= 0 or (dimensions is not None and dimensions < 1):
            raise ValueError(f"batch, timeout and dimensions must be positive: {batch}, {timeout}, {dimensions}")
        self._base_url = base_url.rstrip("/")
        self.name = f"openai:{model}@{_without_secrets(self._base_url)}"
        self.max_tokens = max_tokens
        self._model = model
        self._api_key = api_key
        self._dimensions = dimensions
        self._timeout = timeout
        self._batch = batch
        self._sleep = sleep
        self._opening = Lock()

    def __repr__(self) -> str:
        return f"OpenAIEncoder({self.name!r})"

    def close(self) -> None:
        """End the connections. A later call opens new ones."""
        with self._opening:
            if client := self.__dict__.pop("_opened", None):
                client.close()

    def __enter__(self) -> OpenAIEncoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def dimension(self) -> int:
        """Length of a vector, measured by a request."""
        return int(self._request(["dimension"]).shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """Over model, server and asked dimensions; weights swapped behind a name are not noticed."""
        parts = (self.name, self._dimensions)
        return f"openai-{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of *texts*, (n, dimension) float32, each of length 1."""
        rows = [self._request(texts[i : i + self._batch]) for i in range(0, len(texts), self._batch)]
        if not rows:
            return np.zeros((0, self.dimension), np.float32)
        for row in rows:
            require_dimension(row.shape[1], self.dimension, self.name)
        return np.concatenate(rows)

    def embed_query(self, text: str) -> Vectors:
        """The vector of *text*, (dimension,)."""
        vector: Vectors = self.embed([text])[0]
        return vector

    def _request(self, texts: Sequence[str]) -> Vectors:
        body: dict[str, object] = {
            "model": self._model,
            "input": [_sendable(text) for text in texts],
            "encoding_format": "float",
        }
        if self._dimensions is not None:
            body["dimensions"] = self._dimensions
        rows = unit_rows(parse_embeddings(self._post(body), len(texts), self.name), self.name)
        if self._dimensions is not None:
            require_dimension(rows.shape[1], self._dimensions, self.name)
        return rows

    def _post(self, body: dict[str, object]) -> bytes:
        import httpx2

        problem: EncoderUnavailable | None = None
        for attempt in range(ATTEMPTS):
            wait = retry_delay(attempt, None)
            try:
                answer = self._client.post(f"{self._base_url}/embeddings", json=body)
            except httpx2.TimeoutException:
                problem = self._timed_out()
            except httpx2.TransportError as error:
                problem = self._unreachable(type(error).__name__)
            else:
                if answer.is_success:
                    return answer.content
                problem = self._failed(answer)
                wait = retry_delay(attempt, answer.headers)
            if attempt + 1 < ATTEMPTS:
                self._sleep(wait)
        assert problem is not None
        raise problem

    @property
    def _client(self) -> httpx2.Client:
        with self._opening:
            return self._opened

    @cached_property
    def _opened(self) -> httpx2.Client:
        import httpx2

        headers = {"authorization": f"Bearer {self._api_key}"} if self._api_key else {}
        return httpx2.Client(headers=headers, timeout=self._timeout)

    def _failed(self, answer: httpx2.Response) -> EncoderUnavailable:
        """The error to raise when attempts run out; refusals are raised at once."""
        status = answer.status_code
        if status in (401, 403):
            raise EncoderRefused(f"{self.name} refused the API key (HTTP {status}). Check the key of this server.")
        said = server_message(answer.content, self._api_key)
        if status not in RETRIED:
            raise EncoderRefused(
                f"{self.name} refused the request (HTTP {status}: {said}). Check the model's name, the base "
                "URL (it usually ends in /v1) and the length of the texts."
            )
        return EncoderUnavailable(
            f"{self.name} failed {ATTEMPTS} times, last with HTTP {status}: {said}. Try again later, or "
            "choose another encoder."
        )

    def _timed_out(self) -> EncoderTimeout:
        return EncoderTimeout(
            f"{self.name} did not answer within {self._timeout:g} s, {ATTEMPTS} times. Raise the timeout, "
            "send smaller batches, or check the server."
        )

    def _unreachable(self, reason: str) -> EncoderUnavailable:
        return EncoderUnavailable(
            f"{self.name} cannot be reached ({reason}). Check that the server runs and the base URL is right."
        )


def _sendable(text: str) -> str:
    """Servers refuse empty texts, and UTF-8 cannot hold lone surrogates."""
    return text.encode("utf-8", "replace").decode() or " "


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
