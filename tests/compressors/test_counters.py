"""Token counters: exact where a vocabulary is on this machine, chosen once, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bpe_openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryops.compressors import tokens
from memoryops.compressors.counters import bpe as module
from memoryops.compressors.counters import minilm
from memoryops.compressors.counters.bpe import BpeCounter, bpe
from memoryops.compressors.counters.minilm import MiniLMCounter
from memoryops.compressors.counters.ports import Counter
from memoryops.compressors.errors import TokenizerSettled, TokenizerUnavailable, UnknownTokenizer

from .strategies import TEXTS

tiktoken = pytest.importorskip("tiktoken")
COUNTERS = {"minilm": MiniLMCounter, "o200k": lambda: bpe("o200k_base"), "cl100k": lambda: bpe("cl100k_base")}


@pytest.fixture(params=list(COUNTERS.values()), ids=list(COUNTERS), scope="module")
def counter(request: pytest.FixtureRequest) -> Counter:
    make: Callable[[], Counter] = request.param
    return make()


@given(TEXTS, st.integers(0, 80))
@settings(max_examples=200, deadline=None, database=None)
def test_any_text_has_a_count_and_a_head_within_a_budget(counter: Counter, text: str, budget: int) -> None:
    size = counter.count(text)
    assert size == counter.count(text) >= 0
    head = counter.clip(text, budget)
    assert text.startswith(head)
    assert counter.count(head) <= budget or not head
    assert head == text or size > budget or not budget


@given(st.one_of(TEXTS, st.text(st.sampled_from("a中 \n\u1234\u0301\ud83d👨‍👩‍👧-"), max_size=300)))
@settings(max_examples=200, deadline=None, database=None)
def test_a_count_is_that_of_the_places_where_tokens_end(text: str) -> None:
    assert minilm._count(text) == len(minilm._ends(text)) == sum(map(minilm._line, text.split("\n")))


@pytest.mark.parametrize(
    "text", ["x" * 300_000, "中" * 100_000, " \n" * 150_000, "👨‍👩‍👧" * 30_000], ids=lambda t: repr(t[:2])
)
def test_long_runs_are_counted_and_cut(counter: Counter, text: str) -> None:
    assert counter.count(text) > 0
    assert counter.count(counter.clip(text, 500)) <= 500


@pytest.mark.parametrize("filler", [" ", "\n", "\x00", "\u3000"], ids=ascii)
def test_what_no_word_piece_stands_for_takes_room_all_the_same(filler: str) -> None:
    counter = MiniLMCounter()
    assert counter.count(f"a{filler * 5}b") <= 2
    assert counter.count(f"a{filler * 1_000_000}b") > 10_000
    assert len(counter.clip(f"a{filler * 1_000_000}b", 10)) < 1000


def test_known_counts() -> None:
    text = "hello world<|endoftext|> \ud83d"
    assert bpe("o200k_base").count("hello world") == 2
    assert bpe("cl100k_base").count("数据库迁移") == len(tiktoken_like("cl100k_base")("数据库迁移"))
    assert bpe("o200k_base").count(text) == len(tiktoken_like("o200k_base")("hello world<|endoftext|> ?"))
    assert bpe("o200k_base").name == "o200k_base"


def tiktoken_like(name: str) -> Callable[[str], list[int]]:
    encode: Callable[[str], list[int]] = bpe_openai.get_encoding(name).encode_ordinary
    return encode


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tiktoken's cache with the file of o200k_base, written from what bpe-openai brings along."""
    folder = tmp_path_factory.mktemp("tiktoken")
    ranks: dict[bytes, int] = bpe_openai.get_encoding("o200k_base")._mergeable_ranks
    lines = (
        base64.b64encode(token) + b" " + str(rank).encode() + b"\n"
        for token, rank in sorted(ranks.items(), key=lambda pair: pair[1])
    )
    url = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
    (folder / hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest()).write_bytes(b"".join(lines))
    return folder


def test_tiktoken_counts_where_its_vocabulary_is_on_disk(vocabulary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(vocabulary))
    encode = module._tiktoken("o200k_base")
    assert encode is not None
    theirs = BpeCounter("o200k_base", encode)
    for text in ("hello world", "def f(x):\n    return x\n", "数据库 🇩🇪 <|endoftext|>", "a \ud83d b", "x" * 200_000):
        assert theirs.count(text) == bpe("o200k_base").count(text)
    assert module._tiktoken("cl100k_base") is None


def test_a_damaged_or_missing_vocabulary_is_not_fetched(
    vocabulary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network_attempts: list[str]
) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    assert module._tiktoken("o200k_base") is None
    (file,) = vocabulary.iterdir()
    (tmp_path / file.name).write_bytes(file.read_bytes()[:-10])
    assert module._tiktoken("o200k_base") is None
    assert (tmp_path / file.name).exists()
    assert not network_attempts


def test_a_process_settles_on_one_counter() -> None:
    assert tokens.choose("minilm") == tokens.name() == "minilm (approximate)"
    assert tokens.choose("minilm") == tokens.name()
    with pytest.raises(TokenizerSettled, match="counts tokens by 'minilm' and cannot count by 'o200k'"):
        tokens.choose("o200k")
    assert tokens.name() == "minilm (approximate)"


CHOOSING = """
import sys
import tokenizers  # what the shipped estimate needs
from memoryops.compressors import tokens
from memoryops.compressors.counters import bpe
from memoryops.compressors.errors import UnknownTokenizer
if sys.argv[2:]:
    sys.path[:] = [each for each in sys.path if "site-packages" not in each]
try:
    print(tokens.choose(sys.argv[1]), tokens.name(), tokens.count("hello world"))
except UnknownTokenizer as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["o200k"], "o200k_base o200k_base 2"),
        (["cl100k"], "cl100k_base cl100k_base 2"),
        (["auto"], "o200k_base o200k_base 2"),
        (["auto", "without"], "minilm (approximate) minilm (approximate) 2"),
        (["o200k", "without"], "TokenizerUnavailable the vocabulary o200k_base is not on this machine"),
        (["words"], "UnknownTokenizer no tokenizer is called 'words'; use minilm, auto, o200k, cl100k"),
    ],
    ids=" ".join,
)
def test_what_may_be_chosen(arguments: list[str], said: str) -> None:
    if arguments[1:]:
        assert issubclass(TokenizerUnavailable, UnknownTokenizer)
    child = subprocess.run([sys.executable, "-c", CHOOSING, *arguments], capture_output=True, text=True, check=False)
    assert said in child.stdout, child.stderr


def test_the_laws_hold_by_another_counter_too() -> None:
    """The suite of laws again, in a process that counts by o200k."""
    laws = Path(__file__).with_name("test_laws.py")
    names = ("test_laws", "test_compressing_again_changes_nothing", "test_what_is_kept_of_json_still_parses")
    chosen = [f"{laws}::{name}" for name in names]
    command = [sys.executable, "-m", "pytest", *chosen, "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "MEMORYOPS_TEST_TOKENIZER": "o200k"}
    child = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=laws.parents[2])
    assert child.returncode == 0, child.stdout[-5000:]


def test_lines_that_are_known_are_bounded() -> None:
    assert minilm._known.cache_info().maxsize == minilm.LINES
    long = "word " * minilm.LINE_CHARS
    before = minilm._known.cache_info()
    assert minilm._line(long) == minilm.LINE_CHARS
    assert minilm._known.cache_info() == before
