"""The gateway put together: its routes, and what runs beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
from starlette.routing import BaseRoute, Route

from ...compressors import tokens
from ...memory.settings import Settings
from ..http.metrics import Metrics
from ..http.observed import Shape
from ..runtime import Runtime
from ..workers import Workers
from .after import After, Spend
from .chat import Chat
from .client import Client
from .embeddings import EmbeddingsEndpoint, OwnModel
from .errors import of_problem
from .ledger import Ledger
from .models import Model, Models
from .openapi import described
from .passing import Passing
from .recalling import Recalling
from .upstreams import from_settings
from .usage import UsageEndpoint

BESIDE = 2
"""Threads for what happens after the replies."""


class Gateway:
    """The OpenAI-compatible endpoints over *runtime*. Raises `InvalidInput` where its settings are wrong, and
    `TokenizerUnavailable`. *spend* is told how many tokens each request took, once that is known.
    """

    def __init__(self, settings: Settings, runtime: Runtime, metrics: Metrics, spend: Spend | None = None) -> None:
        tokens.choose(settings.tokenizer)
        client = Client(settings.upstream_timeout, settings.upstream_proxy)
        self._passing = Passing(settings, from_settings(settings), client)
        self._beside = Workers(BESIDE, "after")
        self._writing = Workers(1, "ledger")  # its own, so that what cannot be remembered does not hold it up
        self._ledger = Ledger(runtime, self._writing, settings.usage_days)
        self._recalling = Recalling(runtime, settings, metrics)
        self._after = After(self._beside, self._recalling, self._ledger, metrics, spend)
        self._usage = UsageEndpoint(runtime, self._ledger, self._passing.workers)
        self._own = OwnModel(settings, runtime)

    @property
    def routes(self) -> list[BaseRoute]:
        """What is at which path."""
        models = Models(self._passing, self._own)
        return [
            Route("/v1/chat/completions", Chat(self._passing, self._recalling, self._after), methods=["POST"]),
            Route("/v1/embeddings", EmbeddingsEndpoint(self._passing, self._own, self._after), methods=["POST"]),
            Route("/v1/usage", self._usage.__call__, methods=["GET"]),
            Route("/v1/models", models.__call__, methods=["GET"]),
            Route("/v1/models/{model:path}", Model(models), methods=["GET"]),
        ]

    @property
    def described(self) -> Mapping[str, Any]:
        """Its part of the OpenAPI document."""
        return described()

    @property
    def shapes(self) -> dict[str, Shape]:
        """How errors of its paths are told."""
        return dict.fromkeys(("/v1/chat/completions", "/v1/embeddings", "/v1/models"), of_problem)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The gateway while its server runs."""
        try:
            async with anyio.create_task_group() as group, self._ledger.running(), self._after.running():
                if self._passing.upstreams.all:
                    group.start_soon(self._warm)
                yield
                group.cancel_scope.cancel()
        finally:
            await self._passing.client.close()
            self._passing.workers.close()
            self._beside.close()
            self._writing.close()
            self._recalling.workers.close()
            self._own.close()

    async def _warm(self) -> None:
        """Load what counts tokens, and open the memory, before the first request has to wait for that."""
        await self._passing.workers.run(None, partial(tokens.count, "loaded with this"))
        if self._passing.settings.gateway_memory != "off":
            await self._recalling.warm()
