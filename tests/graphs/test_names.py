"""What `memoryops.graphs` names is there; without LangGraph, each name says what to install."""

from __future__ import annotations

import subprocess
import sys

from memoryops import graphs

WITHOUT = """
import sys
for name in ("langgraph", "langchain", "langchain_core"):
    sys.modules[name] = None  # as if it were not installed
from memoryops import graphs
for name in graphs.__all__:
    try:
        getattr(graphs, name)
    except ImportError as error:
        print(error)
"""


def test_every_name_is_there() -> None:
    for name in graphs.__all__:
        assert getattr(graphs, name).__name__ == name
    assert set(graphs.__all__) <= set(dir(graphs))


def test_without_langgraph_each_name_says_what_to_install() -> None:
    said = subprocess.run([sys.executable, "-P", "-c", WITHOUT], capture_output=True, encoding="utf-8", check=True)
    expected = [
        f"memoryops.graphs.{name} needs LangGraph: pip install 'memoryops[langgraph]'" for name in graphs.__all__
    ]
    assert said.stdout.splitlines() == expected
