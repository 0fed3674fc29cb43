"""Laws of splitting (any text, any limits) and what a reader expects of each kind of text."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryops.memory.passages import Passage, split, weight

TYPES = ("note", "code", "python", "chat", "log", "diff", "markdown", "json", "frontend", "something/else")
PIECES = st.sampled_from(
    [
        "\n",
        "\r\n",
        "\n\n",
        " ",
        "    ",
        "\t",
        ". ",
        "word",
        "Wörter",
        "中文。",
        "한국어",
        "🇩🇪",
        "👍🏽",
        "👨‍👩‍👧",
        "e\u0301\u0302",
        "\u0301",
        "\u200d",
        "\ud83d",
        "\ude00",
        "# Head",
        "```",
        "~~~~",
        "Ann: hi",
        "def f():",
        "}",
        "{",
        '"k": 1,',
        "@@ -1 +1 @@",
        "diff --git a/x b/x",
        "2024-01-02T03:04:05 INFO",
        "Traceback",
        "a" * 70,
        "\u2028",
        "\x0b",
        "\x00",
        "=====",
        "- item",
    ]
)
TEXTS = st.one_of(
    st.lists(PIECES, max_size=60).map("".join),
    st.text(st.characters(codec=None, exclude_categories=()), max_size=300),
)


def pieces(content: str, content_type: str = "note") -> list[str]:
    return [content[passage.start : passage.end] for passage in split(content, content_type)]


@settings(max_examples=600, deadline=None)
@given(TEXTS, st.sampled_from(TYPES), st.integers(1, 120), st.integers(1, 30))
def test_laws(content: str, content_type: str, max_chars: int, max_tokens: int) -> None:
    found = split(content, content_type, max_chars=max_chars, max_tokens=max_tokens)
    covered = [0] * len(content)
    previous = 0
    for passage in found:
        assert previous <= passage.start < passage.end <= len(content)
        previous = passage.end
        text = content[passage.start : passage.end]
        assert text.strip() and text == text.rstrip()
        assert len(text) <= max_chars
        assert len(text) == 1 or weight(text) <= max_tokens
        for at in range(passage.start, passage.end):
            covered[at] += 1
    assert all(covered[at] == 1 for at, char in enumerate(content) if not char.isspace())
    assert found == split(content, content_type, max_chars=max_chars, max_tokens=max_tokens)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=60).map("".join), st.sampled_from(TYPES))
def test_no_character_is_torn_apart(content: str, content_type: str) -> None:
    for passage in split(content, content_type, max_chars=24):
        if passage.end == len(content) or len(content[passage.start : passage.end]) == 24:
            continue
        before, after = content[passage.end - 1], content[passage.end]
        if after.isspace():
            continue
        assert not ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff")
        assert unicodedata.category(after) != "Mn"
        assert before != "\u200d" or after.isascii()


@pytest.mark.parametrize("blank", ["", " ", "\n\r\n\t \u2003", "\x1c\x85"])
def test_blank_content_has_no_passages(blank: str) -> None:
    assert split(blank) == []


@pytest.mark.parametrize(("max_chars", "max_tokens"), [(0, 160), (900, -1)])
def test_limits_below_one_are_refused(max_chars: int, max_tokens: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        split("text", max_chars=max_chars, max_tokens=max_tokens)


def test_a_short_note_is_one_passage_without_its_margins() -> None:
    assert split("\n\n  A short note.\n\nTwo paragraphs.\n") == [Passage(2, 34)]


def test_small_paragraphs_are_merged_and_long_ones_end_with_a_sentence() -> None:
    small = "\n\n".join(f"Paragraph {number} says little." for number in range(40))
    found = pieces(small)
    assert len(found) < 12 and all(text.endswith("little.") for text in found)
    long = " ".join(f"Sentence {number} of Dr. Who goes on, e.g. about tea." for number in range(60))
    assert all(text.endswith("tea.") for text in pieces(long))


def test_chinese_ends_at_its_own_full_stops() -> None:
    found = pieces("我们今天讨论了数据库的迁移计划。" * 40)
    assert len(found) > 3 and all(text.endswith("。") for text in found)


def test_dense_scripts_get_shorter_passages() -> None:
    longest = {
        name: max(map(len, pieces(text)))
        for name, text in {
            "en": "plain words " * 400,
            "ru": "простые слова " * 400,
            "ko": "한국어문장 " * 400,
        }.items()
    }
    assert longest["en"] > 3 * longest["ru"] > 3 * longest["ko"]


def test_sections_part_and_name_what_they_stand_under() -> None:
    body = "A sentence that fills the section with words. " * 12
    content = f"# Install\n\n{body}\n\n# Use it\n\n{body}{body}"
    found = split(content)
    assert content[found[0].start : found[0].end].startswith("# Install")
    starts = [passage for passage in found if content.startswith("# Use it", passage.start)]
    assert len(starts) == 1
    assert {passage.heading for passage in found if passage.start > starts[0].start} == {"Use it"}


def test_a_heading_does_not_stay_behind_alone() -> None:
    body = "A sentence that fills the section with words. "
    for lead in range(1, 16):
        content = body * lead + "\n\n## The next thing\n\n" + body * 30
        assert not any(text.endswith("thing") for text in pieces(content))


def test_line_ends_of_windows_count_as_one() -> None:
    content = "\r\n".join(f"line {n} with some words in it" for n in range(200))
    for text in pieces(content):
        assert not text.startswith("\n") and not text.endswith("\r")


def test_fenced_code_stays_whole_where_it_fits_and_its_comments_are_no_headings() -> None:
    fence = "```python\n# not a heading\n\n" + "".join(f"call_{n}(first, second)\n" for n in range(12)) + "```"
    prose = "Some words lead up to the example that follows. " * 9
    content = f"# Top\n\n{prose}\n\n{fence}\n\n{prose}"
    assert any(fence in text for text in pieces(content))
    assert {passage.heading for passage in split(content)} <= {None, "Top"}


def test_chat_is_cut_by_turn_and_a_long_turn_keeps_its_speaker() -> None:
    turns = [
        f"{name}: I would like to tell you number {n} of my stories about the sea and the boats we had."
        for n, name in enumerate(["Ann", "Bob", "Ann", "Bob"])
    ]
    assert pieces("\n".join(turns)) == turns
    content = "Ann: hello there, how is your long day going in the office?\nBob: " + "It went on and on. " * 120
    found = split(content, "chat")
    assert [passage.heading for passage in found[2:]] == ["Bob"] * len(found[2:])


@pytest.mark.parametrize(
    "function",
    [
        "def name_{n}(first, second):\n    total = first + second\n\n    return [total, {n}]\n",
        "export function name{n}(first, second) {{\n  let a = 1;\n\n  return [a, second, {n}];\n}}\n",
        "static int name_{n}(int a, int b)\n{{\n    int all = a;\n\n    return all + b + {n};\n}}\n",
    ],
    ids=["python", "javascript", "c"],
)
def test_functions_are_kept_whole(function: str) -> None:
    functions = [function.format(n=n) for n in range(12)]
    for separator in ("\n", "\n\n"):
        found = pieces(separator.join(functions), "code")
        assert len(found) > 2
        assert all(sum(whole.strip() in text for text in found) == 1 for whole in functions)
        assert pieces(separator.join(functions)) == found


def test_a_long_class_is_cut_between_methods_under_its_name() -> None:
    method = "    def method_{n}(self, value):\n        result = self.compute(value, {n})\n        return result\n"
    content = "class Service:\n" + "\n".join(method.format(n=n) for n in range(20))
    found = split(content, "python")
    assert all(content[passage.start : passage.end].lstrip().startswith(("class", "def")) for passage in found)
    assert [passage.heading for passage in found] == [None] + ["class Service:"] * (len(found) - 1)


def test_a_stack_trace_stays_with_its_record() -> None:
    record = "2024-05-06 07:08:{n:02d},123 INFO worker finished job {n} in 13 ms\n"
    trace = (
        "2024-05-06 07:09:00,001 ERROR job failed\nTraceback (most recent call last):\n"
        '  File "work.py", line 3, in run\n    step()\nValueError: no such step\n'
    )
    content = "".join(record.format(n=n) for n in range(20)) + trace + "".join(record.format(n=n) for n in range(9))
    found = pieces(content)
    assert len(found) > 3
    assert any(trace.strip() in text for text in found)
    assert all(text.startswith("2024-05-06 07:") for text in found)


def test_a_diff_is_cut_by_file_and_hunk() -> None:
    hunk = (
        "@@ -{n},3 +{n},4 @@ def run():\n"
        + " context line of code here\n" * 6
        + "-old = call(1, 2)\n+new = call(2, 3)\n"
    )
    header = "diff --git a/{f} b/{f}\nindex 83db48f..bf2a3c1 100644\n--- a/{f}\n+++ b/{f}\n"
    content = "".join(
        header.format(f=f) + hunk.format(n=1) + hunk.format(n=40) + hunk.format(n=90) for f in ("a.py", "b.py")
    )
    found = split(content)
    texts = [content[passage.start : passage.end] for passage in found]
    assert all(text.startswith(("diff --git", "@@ ")) for text in texts)
    assert texts[0].count("diff --git") == 1
    assert {passage.heading for passage in found if content.startswith("@@", passage.start)} == {
        "a.py",
        "b.py",
    }


def test_pretty_json_is_cut_between_members() -> None:
    member = '  {{\n    "id": {n},\n    "name": "item {n}",\n    "tags": ["red", "green"]\n  }}'
    content = "[\n" + ",\n".join(member.format(n=n) for n in range(30)) + "\n]"
    found = pieces(content)
    assert all(text.startswith(("[\n  {", "  {")) and text.endswith(("},", "]")) for text in found)


@pytest.mark.parametrize(
    "make",
    [
        lambda size: "x" * size,
        lambda size: "a\n" * (size // 2),
        lambda size: "\n" * (size - 1) + "x",
        lambda size: "ab " * (size // 3),
        lambda size: "function a(b,c){return b[c]+1};var d={e:1,f:[2,3]};" * (size // 51),
        lambda size: "." * size,
        lambda size: "a: b\n" * (size // 5),
        lambda size: "```\n" * (size // 4),
        lambda size: "\u0301" * (size // 2),
        lambda size: "🇩🇪" * (size // 8),
        lambda size: "x" + " " * size + "y",
    ],
    ids=[
        "one line",
        "newlines",
        "blank",
        "words",
        "minified",
        "dots",
        "turns",
        "fences",
        "marks",
        "flags",
        "spaces",
    ],
)
@pytest.mark.parametrize("content_type", ["note", "code", "chat"])
def test_time_is_linear(make: Callable[[int], str], content_type: str) -> None:
    def seconds(size: int) -> float:
        content = make(size)
        best = 1e9
        for _ in range(2):
            begin = time.process_time()
            split(content, content_type)
            best = min(best, time.process_time() - begin)
        return best

    small, large = seconds(50_000), seconds(400_000)
    assert large < 30 * small + 0.2
