"""Texts of every kind that a compressor may meet, and pieces that texts go wrong at."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

TYPES = (
    "note",
    "markdown",
    "code",
    "python",
    "chat",
    "log",
    "diff",
    "json",
    "jsonl",
    "frontend",
    "something/else",
    "tool_result",
    "tool_call",
    "tool_schema",
)

PIECES = st.sampled_from(
    [
        "\n",
        "\r\n",
        "\n\n",
        " ",
        "    ",
        "\t",
        ". ",
        "! ",
        "word",
        "Wörter laufen.",
        "A sentence with words. ",
        "中文。",
        "한국어 ",
        "ภาษาไทย",
        "שלום עולם. ",
        "مرحبا بالعالم۔ ",
        "\u202eetirw\u202c",
        "🇩🇪",
        "👍🏽",
        "👨\u200d👩\u200d👧",
        "é̂",
        "́",
        "\u200d",
        "\ud83d",
        "\ude00",
        "# Head\n",
        "Head\n====\n",
        "```\n",
        "~~~~\n",
        "Ann: hi there\n",
        "Bob: ",
        "<Cy> yes\n",
        "def f():\n",
        "    return 1\n",
        "}\n",
        "{",
        "[",
        "]",
        '"k": 1,',
        '{"a": [1, 2, {"b": null}]}',
        '{"name": "pay", "arguments": "{}"}',
        "@@ -1 +1 @@\n",
        "diff --git a/x b/x\n",
        "--- a\n+++ b\n",
        "2024-01-02T03:04:05 INFO x\n",
        "ERROR no\n",
        "Traceback (most recent call last):\n",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "\u2028",
        "\x0b",
        "\x00",
        "\ufeff",
        "- item\n",
        "12. item\n",
        "| a | b |\n",
        "|---|---|\n",
        "…",
        "Dr. Who",
        "<!-- x -->",
        "\\",
        '"',
        "'",
        ",",
    ]
)
TEXTS = st.one_of(
    st.lists(PIECES, max_size=60).map("".join),
    st.text(st.characters(codec=None, exclude_categories=()), max_size=300),
)
QUERIES = st.sampled_from(["", " ", "word", "which item did Ann mean?", "中文", "ERROR", "🇩🇪", "\ud83d", "the"])
BUDGETS = st.one_of(st.integers(0, 40), st.integers(0, 2000))

_EXAMPLES = 60 if "MEMORYOPS_TEST_TOKENIZER" in os.environ else 300
"""Fewer where the laws are tested a second time, by another tokenizer."""

law = settings(max_examples=_EXAMPLES, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
