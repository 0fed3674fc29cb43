"""Laws of cutting into units (any text, any type), and what a whole unit of each kind of text is."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.compressors.structure.calls import is_untouched
from memoryops.compressors.structure.json_text import is_json
from memoryops.compressors.structure.units import ATOM, units

from .strategies import TEXTS, TYPES, law


def cut(content: str, content_type: str = "note", longest: int = 800) -> list[str]:
    return [content[unit.start : unit.end] for unit in units(content, content_type, longest)]


@law
@given(TEXTS, st.sampled_from(TYPES), st.sampled_from([40, 160, 800]))
def test_laws(content: str, content_type: str, longest: int) -> None:
    found = units(content, content_type, longest)
    assert found == units(content, content_type, longest)
    at = 0
    as_json = is_json(content, content_type)
    for unit in found:
        assert at <= unit.start < unit.end <= len(content)
        between = content[at : unit.start]
        assert not between.strip() or (as_json and between.strip() == ",")
        at = unit.end
        text = content[unit.start : unit.end]
        assert text.strip() and (text == text.rstrip() or is_untouched(content_type))
    assert not content[at:].strip()
    for number, unit in enumerate(found):
        assert all(0 <= each < len(found) and each != number for each in unit.needs)


@law
@given(TEXTS, st.sampled_from(TYPES))
def test_no_unit_needs_itself_by_way_of_others_except_a_pair_of_brackets(content: str, content_type: str) -> None:
    found = units(content, content_type, 60)
    for number, unit in enumerate(found):
        seen: set[int] = set()
        ahead = list(unit.needs)
        while ahead:
            each = ahead.pop()
            if each not in seen:
                seen.add(each)
                ahead.extend(found[each].needs)
        assert number not in seen


@pytest.mark.parametrize("blank", ["", " ", "\n\r\n\t \u2003", "\x1c\x85"])
def test_blank_text_has_no_units(blank: str) -> None:
    assert units(blank) == []


def test_prose_is_cut_by_sentence_and_abbreviations_end_none() -> None:
    text = "Dr. Who came at 3.14 p.m. and left. Nobody had seen her before! Was it e.g. a visit?"
    assert cut(text) == [
        "Dr. Who came at 3.14 p.m. and left.",
        "Nobody had seen her before!",
        "Was it e.g. a visit?",
    ]


def test_a_number_ends_a_sentence() -> None:
    sentences = [f"They met in the room with the number {n}." for n in range(4)]
    assert cut(" ".join(sentences)) == sentences


def test_chinese_and_hindi_end_at_their_own_full_stops() -> None:
    sentence = "我们今天讨论了数据库的迁移计划。"
    assert cut(sentence * 3) == [sentence] * 3
    assert len(cut("यह पहला वाक्य है जो लंबा है। यह दूसरा वाक्य है जो लंबा है।")) == 2


def test_wrapped_lines_run_on_and_lines_broken_on_purpose_do_not() -> None:
    wrapped = (
        "This paragraph was wrapped by an editor at some\nwidth, so that its only sentence goes on and on\n"
        "over three lines."
    )
    assert cut(wrapped) == [wrapped]
    facts = "Name: Ada Lovelace\nPhone: 030 1234\nAddress of the office: 12 St James's Square, London"
    assert cut(facts) == facts.split("\n")


def test_sentences_need_their_heading_and_items_stay_with_their_marker() -> None:
    text = (
        "# Setup\n\nInstall the thing first. Then start it slowly.\n\n"
        "## Steps\n\n1. Open the big box.\n12. Close the big box.\n"
    )
    found = units(text, "markdown")
    assert [(text[u.start : u.end], u.needs) for u in found] == [
        ("# Setup", ()),
        ("Install the thing first.", (0,)),
        ("Then start it slowly.", (0,)),
        ("## Steps", ()),
        ("1. Open the big box.", (3,)),
        ("12. Close the big box.", (3,)),
    ]


def test_what_is_too_long_for_a_heading_is_none() -> None:
    text = f"# {'a line that somebody forgot to break ' * 20}\n\nA sentence below it all."
    assert all(not unit.needs for unit in units(text, "markdown", 160))


def test_rows_of_a_table_need_its_head() -> None:
    text = "| line | fare |\n|---|---|\n| north | 1450 |\n| east | 1200 |"
    found = units(text, "markdown")
    assert [text[u.start : u.end] for u in found] == [
        "| line | fare |\n|---|---|",
        "| north | 1450 |",
        "| east | 1200 |",
    ]
    assert [u.needs for u in found] == [(), (0,), (0,)]


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_separated_values_are_rows_under_their_columns(separator: str) -> None:
    rows = [separator.join(row) for row in (("id", "name", "fare"), *((str(n), f"line {n}", "7") for n in range(30)))]
    found = units("\n".join(rows), "tool_result")
    assert cut("\n".join(rows), "tool_result") == rows
    assert [unit.needs for unit in found] == [(), *[(0,)] * 30]


def test_lines_of_prose_with_a_comma_each_are_no_rows() -> None:
    text = "This was wrapped by an editor, at some\nwidth, so that one sentence goes on and\non, over a few lines."
    assert cut(text) == [text]


def test_a_fenced_block_is_whole_or_stands_between_its_fences() -> None:
    fence = "```python\n" + "".join(f"call_{n}(first, second)\n" for n in range(20)) + "```"
    text = f"Some words before the block.\n\n{fence}\n\nSome words after it."
    assert fence in cut(text, "markdown")
    found = units(text, "markdown", 100)
    statement = next(u for u in found if "call_7" in text[u.start : u.end])
    opening = found[statement.needs[0]]
    assert text[opening.start : opening.end] == "```python"
    assert [text[found[n].start : found[n].end] for n in opening.needs] == ["```"]


def test_chat_is_cut_by_turn_and_sentences_of_a_long_turn_need_the_speaker() -> None:
    text = (
        "Ann: hello there.\nBob: I went to the sea. "
        + "It was a long and windy day. " * 60
        + "\nAnn: nice. Really nice!"
    )
    found = units(text, "chat")
    assert text[found[0].start : found[0].end] == "Ann: hello there."
    assert cut(text, "chat")[-1] == "Ann: nice. Really nice!"
    said = [u for u in found if u.needs]
    assert len(said) == 61
    assert {text[found[u.needs[0]].start : found[u.needs[0]].end] for u in said} == {"Bob:"}


def test_a_short_function_is_whole_and_a_long_ones_statements_need_its_signature() -> None:
    body = "".join(f"    value_{n} = compute(first, second, {n})\n" for n in range(40))
    head = "@cached\ndef long(\n    first: int,\n    second: int,\n) -> int:"
    text = f"import os\n\n\ndef short(a):\n    return a\n\n\n{head}\n{body}    return 1\n"
    found = units(text, "python")
    assert "def short(a):\n    return a" in cut(text, "python")
    statement = next(u for u in found if "value_7 " in text[u.start : u.end])
    signature = found[statement.needs[0]]
    assert text[signature.start : signature.end] == head


SIGNATURES = {
    "python": "def long(first: int,\n         second: dict[str, int],\n         third: str = ':') -> int:",
    "c": "main_function(int argc,\n              char **argv)\n{",
    "csharp": "public void LongMethod(int first, int second)\n{",
    "java": "public static int longOne(int first,\n        int second)\n        throws IOException {",
    "rust": "fn long<T>(&self, first: T) -> u8\nwhere\n    T: Clone,\n{",
    "cpp": "Foo::Foo(int first)\n    : first_(first)\n    , second_(0)\n{",
    "go": "func long[\n    T any,\n](first T, second int) int {",
    "rs": "pub fn long<\n    T: Clone,\n>(first: &'a T, second: &'a T) -> u8 {",
    "javascript": "describe('long',\n  () => {",
    "ruby": "def long(first, second)",
}


@pytest.mark.parametrize("language", SIGNATURES)
@pytest.mark.parametrize("indent", ["", "    "])
def test_signatures_of_every_style_are_whole(language: str, indent: str) -> None:
    head = SIGNATURES[language]
    end = "}" if head.endswith("{") else "end" if language == "ruby" else ""
    body = "".join(f"    value_{n} = compute(first, second, {n});\n" for n in range(40))
    above = "before = 1\nafter = 2\n\n" if not indent else "class A {\n" if end == "}" else "class A:\n"
    lines = f"{head}\n{body}{end}\n".splitlines(keepends=True)
    text = above + "".join(indent + line for line in lines)
    found = units(text, language)
    statement = next(u for u in found if "value_7 " in text[u.start : u.end])
    signature = found[statement.needs[0]]
    assert (
        text[signature.start : signature.end] == "".join(indent + line for line in lines[: head.count("\n") + 1])[:-1]
    )
    assert [text[found[n].start : found[n].end].strip() for n in signature.needs if n > statement.needs[0]] == (
        [end] if end else []
    )


def test_texts_at_the_margin_inside_of_a_function_end_nothing() -> None:
    body = "".join(f"    value_{n} = compute(first, second, {n})\n" for n in range(40))
    text = f'def long(first):\n    query = """\nselect *\n  from\nwhere x\n"""\n{body}\n\ndef other():\n    pass\n'
    found = units(text, "python", 160)
    whole = {text[u.start : u.end] for u in found}
    assert {'    query = """\nselect *\n  from\nwhere x\n"""', "def other():\n    pass"} <= whole
    statement = next(u for u in found if "value_7 " in text[u.start : u.end])
    assert [text[found[n].start : found[n].end] for n in statement.needs] == ["def long(first):"]


def test_elements_stay_with_their_ends() -> None:
    rows = [f'  <row id="{n}">\n    <name>of {n}</name>\n  </row>' for n in range(40)]
    text = "<root>\n" + "\n".join(rows) + "\n</root>\n"
    assert cut(text, "xml") == ["<root>", *rows, "</root>"]


def test_statements_in_braces_keep_them_balanced() -> None:
    body = "".join(f"  let value{n} = compute(first, second, {n});\n" for n in range(40))
    text = f"function long(first, second) {{\n{body}}}\n"
    found = units(text, "javascript")
    statement = next(u for u in found if "value7 " in text[u.start : u.end])
    signature = found[statement.needs[0]]
    assert text[signature.start : signature.end] == "function long(first, second) {"
    assert [text[found[n].start : found[n].end] for n in signature.needs] == ["}"]


def test_json_is_cut_by_member_between_its_brackets() -> None:
    text = json.dumps(
        {"name": "a" * 30, "rows": [{"id": n, "text": "words " * 5} for n in range(30)], "e": {}}, indent=1
    )
    found = units(text, "json")
    row = next(u for u in found if '"id": 7,' in text[u.start : u.end])
    assert json.loads(text[row.start : row.end]) == {"id": 7, "text": "words " * 5}
    rows = found[row.needs[0]]
    assert text[rows.start : rows.end] == '"rows": ['
    assert {text[found[n].start : found[n].end] for n in rows.needs} == {"{", "]"}


def test_a_conversation_that_a_program_keeps_is_json() -> None:
    turns = [{"role": "user", "content": f"the order number {n} was refunded"} for n in range(40)]
    assert json.dumps(turns[7]) in cut(json.dumps(turns), "chat")


@pytest.mark.parametrize("text", ['{"a": 1, "b": [1, 2}', "[1, 2,, 3]", '{"a": 1}}', "[" * 5000])
def test_json_that_does_not_parse_is_still_cut(text: str) -> None:
    assert units(text, "json")


def test_json_lines_are_cut_by_line() -> None:
    text = "\n".join(json.dumps({"n": n, "text": "word " * 300}) for n in range(5))
    assert [json.loads(each)["n"] for each in cut(text, "jsonl")] == [0, 1, 2, 3, 4]


def test_a_stack_trace_stays_with_its_record() -> None:
    trace = (
        '2024-05-06 07:09:00 ERROR failed\nTraceback (most recent call last):\n  File "w.py", line 3\nValueError: no'
    )
    text = f"2024-05-06 07:08:00 INFO fine\n{trace}\n2024-05-06 07:10:00 INFO again"
    assert cut(text, "log") == ["2024-05-06 07:08:00 INFO fine", trace, "2024-05-06 07:10:00 INFO again"]


def test_hunks_need_the_header_of_their_file() -> None:
    hunk = "@@ -{n},2 +{n},2 @@\n context\n-old {n}\n+new {n}\n"
    head = "diff --git a/{f} b/{f}\nindex 1..2 100644\n--- a/{f}\n+++ b/{f}\n"
    text = head.format(f="x.py") + hunk.format(n=1) + hunk.format(n=9) + head.format(f="y.py") + hunk.format(n=3)
    found = units(text)
    assert [text[u.start : u.end].split("\n")[0] for u in found] == [
        "diff --git a/x.py b/x.py", "@@ -1,2 +1,2 @@", "@@ -9,2 +9,2 @@", "diff --git a/y.py b/y.py", "@@ -3,2 +3,2 @@",
    ]  # fmt: skip
    assert [u.needs for u in found] == [(), (0,), (0,), (), (3,)]


def test_lines_of_a_hunk_that_look_like_a_header_are_none() -> None:
    head = "diff --git a/x.sql b/x.sql\n--- a/x.sql\n+++ b/x.sql"
    hunks = [f"@@ -{n},3 +{n},3 @@\n select\n--- old remark {n}\n+++ new remark {n}\n from" for n in range(9)]
    found = units("\n".join([head, *hunks]), "diff")
    assert cut("\n".join([head, *hunks]), "diff") == [head, *hunks]
    assert [unit.needs for unit in found] == [(), *[(0,)] * 9]


def test_hunks_of_a_merge_are_whole() -> None:
    head = "diff --cc x.py\nindex 1,2..3\n--- a/x.py\n+++ b/x.py"
    hunks = [f"@@@ -{n},2 -{n},2 +{n},2 @@@\n- old {n}\n++new {n}" for n in range(60)]
    text = "\n".join([head, *hunks])
    assert cut(text) == cut(text, "diff") == [head, *hunks]


def test_line_ends_of_windows_are_no_part_of_a_unit() -> None:
    assert cut("First line of it.\r\n\r\nSecond line of it.\r\n") == ["First line of it.", "Second line of it."]


@pytest.mark.parametrize("char", ["a", "word ", "中", "👨‍👩‍👧", "{", "(", "\t#", "- \n", "a,b;c ", '\\"'])
@pytest.mark.parametrize("content_type", ["note", "code", "chat", "log", "json", "diff"])
def test_a_huge_line_is_cut_in_time(char: str, content_type: str) -> None:
    text = char * (100_000 // len(char))
    started = time.process_time()
    found = units(text, content_type)
    assert time.process_time() - started < 30
    assert max(unit.end - unit.start for unit in found) <= ATOM


@pytest.mark.parametrize("rule", ["-", "| -", ":-", " |"])
def test_a_huge_line_below_a_tables_first_is_looked_at_in_time(rule: str) -> None:
    started = time.process_time()
    assert units("a | b\n" + rule * (200_000 // len(rule)) + "x\nc | d\n")
    assert time.process_time() - started < 10  # well below a second; the square of the length would take minutes


@pytest.mark.parametrize("content_type", TYPES)
def test_the_laws_hold_for_real_files(content_type: str) -> None:
    for path in sorted(Path(__file__).parents[2].glob("examples/documents/*")):
        text = path.read_text(encoding="utf-8")
        found = units(text, content_type)
        assert "".join("".join(text[u.start : u.end].split()) for u in found).replace(",", "") == "".join(
            text.split()
        ).replace(",", "")
