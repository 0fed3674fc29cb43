"""What holds for every compressor, whatever decides: the laws of `compressors.ports`.

The suite runs over whatever `registry.COMPRESSORS` names, and over chains of them; a new compressor joins by its line
there, and by one in `CONFIGS` where it cannot be made without.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.compressors import registry, tokens
from memoryops.compressors.chain import standard
from memoryops.compressors.errors import CompressorFailed, InvalidBudget
from memoryops.compressors.extractive import Extractive
from memoryops.compressors.llm import LLMConfig
from memoryops.compressors.ports import Compressor, Kept, Passage, joined
from memoryops.compressors.render import rendered
from memoryops.compressors.structure.calls import is_untouched
from memoryops.compressors.structure.json_text import is_json
from memoryops.compressors.structure.units import units

from .chat_server import ChatServer
from .strategies import BUDGETS, QUERIES, TEXTS, TYPES, law

CONFIGS: dict[str, Callable[[ChatServer], object]] = {"llm": lambda server: LLMConfig("m", server.url)}
"""How the compressors that need a config are made here."""
CHAINS = {"the default chain": registry.DEFAULT, "a chain with everything": ("llm", *registry.DEFAULT)}
PASSAGES = st.lists(st.builds(Passage, st.just("p"), TEXTS, st.sampled_from(TYPES)), max_size=4)


ELSEWHERE = {"qr_head_decoder"}
"""Needs torch: its own folder of tests holds the same laws, marked `extra`."""


@pytest.fixture(params=[*(name for name in registry.COMPRESSORS if name not in ELSEWHERE), *CHAINS], scope="session")
def compressor(request: pytest.FixtureRequest, chat_server: ChatServer) -> Compressor:
    """Every compressor in turn."""
    configs = {name: make(chat_server) for name, make in CONFIGS.items()}
    if request.param in CHAINS:
        return standard(CHAINS[request.param], configs)
    return registry.make(request.param, configs.get(request.param))


def answer(compressor: Compressor, passages: list[Passage], query: str, budget: int) -> Kept | None:
    """What it keeps; None where it says that it cannot choose: a model's client may, a head without a query must."""
    try:
        return compressor.compress(passages, query, budget)
    except CompressorFailed:
        assert compressor.name == "llm" or (compressor.name == "qr_head" and not query.strip())
        return None


@law
@given(PASSAGES, QUERIES, BUDGETS)
def test_laws(compressor: Compressor, passages: list[Passage], query: str, budget: int) -> None:
    kept = answer(compressor, passages, query, budget)
    if kept is None:
        return
    assert tokens.count(kept.text) == kept.tokens_after <= budget
    assert kept.tokens_before == sum(tokens.count(passage.text) for passage in passages)
    assert kept == answer(compressor, passages, query, budget)
    at = (0, 0)
    for span in kept.spans:
        assert (span.passage, span.start) >= at
        at = (span.passage, span.end)
        assert passages[span.passage].text[span.start : span.end] in kept.texts[span.passage]
    for number, text in enumerate(rendered(passages, kept.spans)):
        if number in kept.rewritten:
            assert not text
            assert kept.texts[number].strip()
        else:
            assert kept.texts[number] == text
            assert not is_untouched(passages[number].content_type) or text in ("", passages[number].text)
    assert not kept.rewritten or compressor.name.startswith("llm")
    if tokens.count(joined([passage.text for passage in passages])) <= budget:
        assert kept.texts == tuple(passage.text for passage in passages)
        assert not kept.rewritten


@law
@given(PASSAGES, QUERIES, BUDGETS)
def test_compressing_again_changes_nothing(
    compressor: Compressor, passages: list[Passage], query: str, budget: int
) -> None:
    once = answer(compressor, passages, query, budget)
    if once is None:
        return
    left = [Passage(each.id, text, each.content_type) for each, text in zip(passages, once.texts, strict=True)]
    again = compressor.compress(left, query, budget)
    assert (again.texts, again.rewritten) == (once.texts, ())


@law
@given(TEXTS, st.sampled_from(TYPES), QUERIES, BUDGETS)
def test_extractive_keeps_whole_units_with_what_they_need(
    text: str, content_type: str, query: str, budget: int
) -> None:
    kept = Extractive().compress([Passage("a", text, content_type)], query, budget)
    if kept.text == text:
        return
    found = units(text, content_type, min(800, max(160, 2 * budget)))
    places = {(unit.start, unit.end): number for number, unit in enumerate(found)}
    numbers = {places[span.start, span.end] for span in kept.spans}
    assert all(numbers.issuperset(found[number].needs) for number in numbers)


def objects() -> st.SearchStrategy[object]:
    scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=60), st.floats(allow_nan=False))
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=12), inner, max_size=6)
    )


@law
@given(
    st.dictionaries(st.text(max_size=12), objects(), max_size=8) | st.lists(objects(), max_size=8),
    st.sampled_from([None, 1]),
    QUERIES,
    st.integers(0, 200),
)
def test_what_is_kept_of_json_still_parses(value: object, indent: int | None, query: str, budget: int) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    kept = Extractive().compress([Passage("a", text, "json")], query, budget).text
    if kept and is_json(text, "json"):
        assert isinstance(json.loads(kept), type(value))


@pytest.mark.parametrize("budget", [-1, 1.5, True, None, "9"])
def test_a_budget_that_is_no_number_of_tokens_is_refused(compressor: Compressor, budget: int) -> None:
    with pytest.raises(InvalidBudget, match="from 0 up"):
        compressor.compress([Passage("a", "text")], "", budget)


HUGE = {
    "one line": "x" * 100_000,
    "one line of words": "word " * 20_000,
    "Chinese without stops": "数据库迁移计划" * 3000,
    "open brackets": "[{" * 15_000,
    "blank": " \n" * 50_000,
    "one sentence many times": "The same sentence stands here. " * 3000,
    "short lines": "a\n" * 10_000,
    "deep indentation": "".join(" " * n + "if x:\n" for n in range(300)),
    "emoji": "👨‍👩‍👧🇩🇪" * 3000,
    "numbers": json.dumps(list(range(10_000))),
    "nested json": json.dumps({"a": [{"b": [{"c": ["text " * 20] * 9}] * 9}] * 4}),
}


@pytest.mark.parametrize("content_type", ["note", "code", "chat", "log", "json"])
@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE.keys())
def test_huge_and_odd_texts_stay_within_the_budget_and_a_time(
    compressor: Compressor, text: str, content_type: str
) -> None:
    if compressor.name.startswith("qr_head") and content_type not in ("note", "json"):
        pytest.skip("the cutting is the same for all of them, and a model is slow")
    for budget in (0, 1, 300):
        started = time.process_time()
        kept = answer(compressor, [Passage("a", text, content_type)], "which word", budget)
        assert time.process_time() - started < 60  # seconds at most, where a square of the length would take hours
        if kept is None:
            continue
        assert tokens.count(kept.text) <= budget
        if compressor.name not in ("extractive", "qr_head") and budget == 300 and text.strip():
            assert kept.text


def test_a_hundred_thousand_tokens_take_seconds_not_minutes() -> None:
    sources = sorted(Path(__file__).parents[2].glob("examples/documents/*.md"))
    text = "\n\n".join(f"Copy {n}. {path.read_text(encoding='utf-8')}" for n in range(60) for path in sources)
    started = time.process_time()
    kept = Extractive().compress([Passage("a", text[:560_000])], "when do releases happen", 8000)
    assert time.process_time() - started < 60  # half a second on an idle core
    assert 7000 < kept.tokens_after <= 8000
    assert "Releases go out on Tuesdays and Thursdays" in kept.text


MEGABYTES = 600
"""What ten megabytes of text may take while they are compressed, beside what the process had before."""

CHILD = """
import resource, sys
from memoryops.compressors import registry, tokens
from memoryops.compressors.ports import Passage
line = "2026-04-02T05:00:00Z INFO request {} of client {} was served in {} ms"
text = "\\n".join(line.format(n, n * 7919 % 100_003, n % 977) for n in range(160_000))[:10_000_000]
tokens.count("loads the tokenizer")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
kept = registry.make(sys.argv[1]).compress([Passage("a", text, "log")], "client 7919", 2000)
assert 0 < tokens.count(kept.text) <= 2000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("name", [name for name in registry.COMPRESSORS if name not in {*CONFIGS, *ELSEWHERE}])
def test_ten_megabytes_take_bounded_memory(name: str) -> None:
    child = subprocess.run([sys.executable, "-c", CHILD, name], capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(child.stdout) * unit < MEGABYTES * 1_000_000
