"""The figures at /metrics: each series that services like this one name, and that it counts what happens."""

from __future__ import annotations

import time

from prometheus_client.parser import text_string_to_metric_families

from .conftest import Served


def figures(served: Served) -> dict[str, float]:
    """Each series without labels, the sum of those with labels."""
    with served.http() as http:
        page = http.get("/metrics").text
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def test_rest_is_counted(served: Served) -> None:
    before = figures(served)
    materials = {"chat": "User: Hello\nAssistant: Hello!", "logs": "2026-01-20 10:30:00 ERROR: it failed"}
    with served.http() as http:
        http.post("/v1/items", json={"content": "counted once"}).raise_for_status()
        http.post("/v1/items", json={"content": "counted once"}).raise_for_status()
        http.post("/v1/messages", json={"content": "Hello", "role": "user"}).raise_for_status()
        http.post("/v1/items/batch", json={"items": [{"content": f"text {n}"} for n in range(3)]}).raise_for_status()
        ingested = http.post("/v1/ingest", json={"materials": materials}).raise_for_status().json()
        http.get("/v1/search", params={"q": "counted"}).raise_for_status()
        http.post("/v1/recall", json={"purpose": "count"}).raise_for_status()
    time.sleep(5.1)  # for so long the store's figures are given again
    after = figures(served)

    def more(name: str) -> float:
        return after.get(name, 0.0) - before.get(name, 0.0)

    assert more("memoryops_messages_ingested_total") == 5 + sum(len(each) for each in ingested.values())
    assert more("memoryops_searches_total") == 2
    assert more("memoryops_search_seconds_count") == 2
    assert more("memoryops_search_seconds_sum") > 0
    assert more("memoryops_embedded_texts_total") >= 7
    assert more("memoryops_embedding_seconds_count") >= 4
    assert after["memoryops_embedding_seconds_sum"] > 0


NAMED = {
    "request counts and latencies": ("memoryops_http_requests_total", "memoryops_http_request_seconds_bucket"),
    "error rates and types": ("memoryops_http_requests_total",),
    "message ingestion counts": ("memoryops_messages_ingested_total",),
    "search operation counts and durations": ("memoryops_searches_total", "memoryops_search_seconds_bucket"),
    "embedding job durations": ("memoryops_embedding_seconds_bucket", "memoryops_store_pending_embeddings"),
    "rate limit hits": ("memoryops_rate_limit_hits_total",),
    "database connections": ("memoryops_store_up",),
    "context memory usage": ("memoryops_store_passages", "memoryops_store_records", "process_resident_memory_bytes"),
}
"""What such services name, and where it is found here."""


def test_every_series_that_others_name_is_there(served: Served) -> None:
    there = figures(served)
    for what, names in NAMED.items():
        for name in names:
            assert name in there, what
