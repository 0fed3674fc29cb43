from typing import Any

import pytest

from memoryops.mcp_server.cli.where import conditions, pairs
from memoryops.memory.conditions import parse
from memoryops.memory.errors import InvalidInput


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["tags=db"], {"tags": ["db"]}),
        (["tags=db", "tags=api"], {"tags": ["db", "api"]}),
        (["thread!=t1"], {"thread": {"not": "t1"}}),
        (["priority>=7", "priority<9"], {"priority": {"gte": 7, "lt": 9}}),
        (["created_at>=2026-05-01"], {"created_at": {"gte": "2026-05-01"}}),
        (["metadata.lang=py", "metadata.lines=40"], {"metadata.lang": ["py"], "metadata.lines": [40]}),
        (['metadata.lines="40"'], {"metadata.lines": ["40"]}),
        (["flagged=true"], {"flagged": [True]}),
        (["thread=40"], {"thread": ["40"]}),
        (["speaker=a=b"], {"speaker": ["a=b"]}),
    ],
)
def test_conditions(texts: list[str], expected: dict[str, Any]) -> None:
    assert conditions(texts) == expected
    parse(conditions(texts))


@pytest.mark.parametrize(
    "texts", [["tags"], ["=db"], ["tags=db", "tags!=api"], ["priority>1", "priority>2"], ["tags=a", "tags>=1"]]
)
def test_what_is_no_condition_is_named(texts: list[str]) -> None:
    with pytest.raises(InvalidInput, match=r"--where"):
        conditions(texts)


def test_pairs() -> None:
    assert pairs(["lang=py", "lines=40", "draft=true", 'id="7"', "note=a=b", "list=[1]"], "--metadata") == {
        "lang": "py",
        "lines": 40,
        "draft": True,
        "id": "7",
        "note": "a=b",
        "list": "[1]",
    }
    with pytest.raises(InvalidInput, match="--metadata 'lang' is no pair"):
        pairs(["lang"], "--metadata")
