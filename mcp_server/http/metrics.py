"""Figures for Prometheus, at `/metrics`. No label holds what a caller wrote, so their number is bounded."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import anyio.to_thread
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ...memory.models import Added
from ...memory.threads import Ingested
from ...stores.embedding_jobs import BOUNDS
from ..errors import DOMAIN
from ..runtime import Runtime

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""Seconds: from a read of a memory to a long answer of a model."""
STORING = frozenset(("add", "add_many", "threads.ingest"))
FINDING = frozenset(("search", "context"))
"""Operations of the façade that are counted as such."""
HOLDS = 5.0
"""Seconds for which the store's own figures are given again."""


class Metrics:
    """All series of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"memoryops_{name}", about, labels, registry=self.registry)

        def seconds(name: str, about: str, *labels: str) -> Histogram:
            return Histogram(f"memoryops_{name}", about, labels, registry=self.registry, buckets=BUCKETS)

        self.requests = counter("http_requests", "HTTP requests by route and status", "method", "route", "status")
        self.seconds = seconds("http_request_seconds", "Time until the last byte of the reply", "method", "route")
        self.limited = counter("rate_limit_hits", "Requests refused because a limit was reached")
        self.ingested = counter("messages_ingested", "Texts stored over REST and by the gateway")
        self.searches = counter("searches", "Searches and recalls, over REST and for the gateway", "status")
        self.search_seconds = seconds("search_seconds", "Time of one search or recall, over REST or for the gateway")
        self.chats = counter("gateway_requests", "Chat completions by upstream and status", "upstream", "status")
        self.tokens = counter("gateway_tokens", "Tokens of chat completions: in, out, saved", "direction")
        self.cost = counter("gateway_cost_usd", "Cost of chat completions by the table of prices (USD)", "upstream")
        self.lost = counter("gateway_unremembered", "Exchanges that could not be remembered")

    def operated(self, operations: Collection[str], seconds: float, done: object) -> None:
        """Count what a call over REST did: *operations* of the façade, in *seconds*, with the result *done*."""
        if not STORING.isdisjoint(operations):
            self.ingested.inc(_added(done))
        if not FINDING.isdisjoint(operations):
            self.searches.labels("ok").inc()
            self.search_seconds.observe(seconds)

    def watch(self, runtime: Runtime) -> None:
        """Also show what the store of *runtime* holds."""
        self.registry.register(_StoreFigures(runtime))

    @property
    def routes(self) -> list[BaseRoute]:
        """What is at which path."""
        return [Route("/metrics", self._page, methods=["GET"])]

    async def _page(self, _: Request) -> Response:
        page = await anyio.to_thread.run_sync(generate_latest, self.registry)
        return Response(page, media_type=MEDIA_TYPE)


def _added(done: object) -> int:
    """How many texts a result says were stored."""
    if isinstance(done, Ingested):
        return sum(_added(each) for each in (done.chat, done.diffs, done.logs))
    if isinstance(done, Sequence):
        return sum(map(_added, done))
    return isinstance(done, Added) and done.action == "added"


class _StoreFigures(Collector):
    """What the store holds, asked when somebody looks, and only of a memory that is open already."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._figures: dict[str, float] = {}
        self._jobs: Mapping[str, Any] | None = None
        self._until = 0.0

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        if self._runtime.opened and time.monotonic() >= self._until:
            self._figures, self._until = self._asked(), time.monotonic() + HOLDS
        for name, value in self._figures.items():
            yield GaugeMetricFamily(f"memoryops_store_{name}", _ABOUT[name], value=value)
        if self._jobs is not None:
            yield from _embedding(self._jobs)

    def _asked(self) -> dict[str, float]:
        try:
            info = self._runtime.ops().store.info()
        except DOMAIN:
            return {"up": 0}
        self._jobs = info.details.get("embedding_jobs")
        return {
            "up": 1,
            "passages": info.passages,
            "records": info.records,
            "pending_embeddings": info.pending_embeddings,
        }


def _embedding(jobs: Mapping[str, Any]) -> Iterator[Metric]:
    """The embedding of what was written, since the store was opened."""
    ends = [*map(str, BOUNDS), "+Inf"]
    buckets = list(zip(ends, map(float, accumulate(jobs["counts"])), strict=True))
    about = "Time of one job: the texts of a write, or a batch of those that waited"
    yield HistogramMetricFamily("memoryops_embedding_seconds", about, buckets=buckets, sum_value=jobs["seconds"])
    yield CounterMetricFamily("memoryops_embedded_texts", "Texts that were embedded for writes", value=jobs["texts"])


_ABOUT = {
    "up": "Whether the store answers",
    "passages": "Passages that can be searched",
    "records": "Records of all kinds",
    "pending_embeddings": "Passages that wait for their embedding",
}
