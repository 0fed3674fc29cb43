"""Structure is sacred: what any compressor that selects leaves of each kind of text, at every budget."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator

import pytest

from memoryops.compressors.chain import standard
from memoryops.compressors.extractive import Extractive
from memoryops.compressors.ports import Compressor, Passage
from memoryops.compressors.structure.calls import is_call, is_untouched
from memoryops.compressors.structure.marks import kind_of
from memoryops.compressors.structure.units import units
from memoryops.compressors.truncate import Truncate

EVERY = pytest.mark.parametrize("compressor", [Extractive(), Truncate(), standard()], ids=lambda each: str(each.name))
BUDGETS = (*range(0, 60, 4), *range(60, 400, 80))
QUERIES = ("", "which order was refunded", "number 17")


def kept(compressor: Compressor, text: str, content_type: str, least: int = 0) -> Iterator[str]:
    """What is left at each budget from *least* on and for each query, where something is left out."""
    for budget in BUDGETS:
        for query in QUERIES:
            left = compressor.compress([Passage("a", text, content_type)], query, budget).text
            if budget >= least and left not in ("", text):
                yield left


ROOM = 40
"""Tokens from which on the last resort need not cut inside of a unit."""


@EVERY
def test_prose_is_kept_by_sentence(compressor: Compressor) -> None:
    sentences = [f"The order number {n} was refunded on the same day." for n in range(60)]
    for left in kept(compressor, " ".join(sentences), "note", ROOM):
        for run in left.split(" … "):
            assert set(re.findall(r"The [^.]*\.", run)) <= set(sentences)
            assert re.sub(r"The [^.]*\.", "", run).strip() == ""


@EVERY
def test_chat_is_kept_by_turn(compressor: Compressor) -> None:
    turns = [f"{'Ann' if n % 2 else 'Bob'}: the order number {n} was refunded." for n in range(60)]
    for left in kept(compressor, "\n".join(turns), "chat", ROOM):
        assert set(left.split("\n")) <= {*turns, "…"}


@EVERY
@pytest.mark.parametrize("blank", [" ", "\n"])
def test_a_desert_of_blanks_takes_no_room(compressor: Compressor, blank: str) -> None:
    said = ("The order number 17 was refunded.", "Nobody knew why it was.")
    for text in (f"{blank * 50_000}".join(said), f'["{said[0]}",{blank * 50_000}"{said[1]}"]'):
        left = compressor.compress([Passage("a", text)], "number 17", 40).text
        assert all(sentence in left for sentence in said)
        assert len(left) < 100


@EVERY
def test_markdown_is_kept_with_its_headings(compressor: Compressor) -> None:
    blocks = {f"## Part {p}": [f"Item number {10 * p + n} was refunded." for n in range(10)] for p in range(8)}
    text = "\n\n".join(f"{heading}\n\n{' '.join(lines)}" for heading, lines in blocks.items())
    for left in kept(compressor, text, "markdown", ROOM):
        heading = ""
        for found in re.finditer(r"^## .*$|Item number \d+ was refunded\.", left, re.MULTILINE):
            heading = found[0] if found[0].startswith("#") else heading
            assert found[0] == heading or found[0] in blocks[heading]


@EVERY
def test_code_is_kept_by_statement_under_its_signature(compressor: Compressor) -> None:
    def function(name: str) -> str:
        body = "\n".join(f"    step_{n} = {name}(order, {n})" for n in range(40))
        return f"def ship_{name}(\n    order: Order,\n) -> Order:\n{body}\n    return order\n"

    text = f"{function('refund')}\n\n{function('number')}"
    for left in kept(compressor, text, "python", ROOM):
        ast.parse(re.sub(r"\n…\n(?!def)", "\n    ...\n", left).replace("…", ""))
        names = re.findall(r"= (\w+)\(", left)
        assert all(f"def ship_{name}(\n    order: Order,\n) -> Order:" in left for name in names)


@EVERY
@pytest.mark.parametrize("content_type", ["json", "tool_result", "note"])
@pytest.mark.parametrize("indent", [None, 2])
def test_json_is_kept_by_member_and_parses(compressor: Compressor, content_type: str, indent: int | None) -> None:
    orders = [{"order": n, "state": "refunded", "notes": ["number " * 3] * (n % 4)} for n in range(40)]
    value = {"orders": orders, "more": {"of": {"it": list(range(90))}}, "name": "x"}
    for left in kept(compressor, json.dumps(value, indent=indent), content_type):
        found = json.loads(left)
        assert found.keys() <= value.keys()
        assert all(
            order.items() <= orders[order["order"]].items() for order in found.get("orders", []) if "order" in order
        )


@EVERY
def test_of_json_too_long_for_its_room_nothing_is_kept_rather_than_a_torn_part(compressor: Compressor) -> None:
    text = json.dumps({"text": "word " * 300})
    assert compressor.compress([Passage("a", text, "json")], "word", 20).text == ""


@EVERY
@pytest.mark.parametrize("content_type", ["log", "tool_result"])
def test_logs_are_kept_by_line(compressor: Compressor, content_type: str) -> None:
    lines = [f"2026-04-02T05:05:{n:02d}Z INFO order number {n} was refunded" for n in range(60)]
    lines[33] = "2026-04-02T05:05:33Z ERROR disk is full"
    for left in kept(compressor, "\n".join(lines), content_type, ROOM):
        assert set(left.split("\n")) <= {*lines, "…"}


@pytest.mark.parametrize("query", QUERIES)
def test_of_a_log_errors_and_both_ends_are_kept_whatever_is_asked(query: str) -> None:
    lines = [f"2026-04-02T05:05:{n:02d}Z INFO order number {n} was shipped" for n in range(60)]
    lines[33] = "2026-04-02T05:05:33Z ERROR disk is full"
    left = Extractive().compress([Passage("a", "\n".join(lines), "log")], query, 140).text.split("\n")
    assert {lines[0], lines[33], lines[-1]} <= set(left)


@EVERY
@pytest.mark.parametrize("content_type", ["diff", "tool_result", "note"])
def test_diffs_are_kept_by_hunk_under_their_file(compressor: Compressor, content_type: str) -> None:
    hunks = [f"@@ -{n},2 +{n},2 @@\n order number {n}\n-shipped {n}\n+refunded {n}" for n in range(1, 40)]
    head = "diff --git a/{f} b/{f}\n--- a/{f}\n+++ b/{f}"
    files = {head.format(f=f): hunks[at : at + 13] for f, at in (("x.py", 0), ("y.py", 13), ("z.py", 26))}
    text = "\n".join("\n".join([file, *own]) for file, own in files.items())
    for left in kept(compressor, text, content_type, 60):
        file = ""
        for block in re.split(r"\n(?=@@|diff|…)", left.replace("\n…", "")):
            file = block if block.startswith("diff") else file
            assert block == file or block in files[file]


CALL = json.dumps(
    [{"id": "c1", "type": "function", "function": {"name": "refund", "arguments": '{"order": 17}'}}] * 30, indent=1
)
SCHEMA = json.dumps(
    {"name": "refund", "description": "number 17 " * 90, "inputSchema": {"type": "object", "properties": {}}}
)


@EVERY
@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        (CALL, "tool_call"),
        (f"\n {CALL}\n\n", "tool_calls"),
        (SCHEMA, "tool_schema"),
        ("refund(order=17)\n" * 90, "tool_call"),
    ],
)
def test_tool_calls_and_schemas_are_whole_to_the_byte_or_left_out(
    compressor: Compressor, text: str, content_type: str
) -> None:
    others = [Passage(str(n), f"Order number {n} was refunded. " * 20) for n in range(2)]
    seen = set()
    for budget in range(0, 1800, 150):
        for query in QUERIES:
            passages = [others[0], Passage("call", text, content_type), others[1]]
            left = compressor.compress(passages, query, budget).texts[1]
            assert left in ("", text)
            seen.add(left)
    assert seen == {"", text}


def test_a_tool_call_inside_of_json_is_whole_or_left_out() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "refund", "arguments": '{"order": 17}' * 70}}
    text = json.dumps([{"role": "user", "content": "word " * 400}, {"role": "assistant", "tool_calls": [call] * 2}])
    seen = [unit for unit in units(text, "json") if '"refund"' in text[unit.start : unit.end]]
    assert [json.loads(text[unit.start : unit.end]) for unit in seen] == [call, call]
    assert [(unit.start, unit.end) for unit in units(SCHEMA, "json", 60)] == [(0, len(SCHEMA))]


@pytest.mark.parametrize(
    ("content_type", "untouched"),
    [
        ("tool_call", True), ("tool_calls", True), ("Tool-Schema", True), ("function_call", True), ("tool_use", True),
        ("toolCall", True), ("tools", True), ("tool_definitions", True),
        ("tool_result", False), ("tool_call_result", False), ("function_call_output", False), ("tool", False),
        ("note", False), ("json", False), ("", False), ("tooling", False),
    ],
)  # fmt: skip
def test_which_content_types_are_not_touched(content_type: str, untouched: bool) -> None:
    assert is_untouched(content_type) is untouched


@pytest.mark.parametrize(
    ("value", "call"),
    [
        ({"type": "function", "function": {"name": "f", "parameters": {}}}, True),
        ({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}, True),
        ({"type": "tool_use", "id": "t", "name": "f", "input": {}}, True),
        ({"name": "f", "inputSchema": {}}, True),
        ({"name": "f", "input_schema": {}}, True),
        ({"name": "f", "args": []}, False),
        ({"type": "function"}, False),
        ({"name": 3, "parameters": {}}, False),
        ([], False),
        ("tool_use", False),
    ],
)
def test_what_looks_like_a_call(value: object, call: bool) -> None:
    assert is_call(value) is call


def test_the_kind_of_a_tools_result_is_seen_in_its_text() -> None:
    assert kind_of('{"a": 1}', "tool_result") == "json"
    assert kind_of("diff --git a/x b/x\n", "tool_result") == "diff"
    assert kind_of("def f():\n    return 1\n\n\nx = f()\n", "tool_result") == "code"
    assert kind_of("It went well.", "tool_result") == "prose"


SCALARS = [
    [True, False] * 100,
    [None] * 200,
    [1.5e-10 * n for n in range(1, 200)],
    [[True, [None]]] * 100,
    [[[-1]], []] * 100,
]


@EVERY
@pytest.mark.parametrize("value", SCALARS, ids=["booleans", "nulls", "floats", "nested", "empties"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_json_of_any_values_parses_whatever_it_is_called(compressor: Compressor, value: object, mark: str) -> None:
    for content_type in ("note", "json"):
        for left in kept(compressor, mark + json.dumps(value), content_type):
            json.loads(left)


@EVERY
def test_each_line_of_json_lines_still_parses(compressor: Compressor) -> None:
    text = "\n".join(json.dumps({"number": n, "text": f"The order number {n} was refunded."}) for n in range(40))
    for left in kept(compressor, text, "note"):
        assert all(json.loads(line)["text"] for line in left.split("\n"))


SIGNED = '''
# What this does takes a while to tell, so that the comment above is long and is cut off from the definition that
# it stands above, which must keep all of its lines.
def planned(
    window: ContextWindow,
    parts: Sequence[Part],
    reserved: int = 0,
) -> Plan:
    """Make a plan.

    Of several lines: the order number 17
    is told here, too.
    """
    first = refunded(17)
    second = refunded(18)
    return Plan(first, second, window.of(parts), window.of(reserved), window.of("something that goes on and on"))
'''


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_signature_and_a_docstring_of_several_lines_are_kept_whole(end: str) -> None:
    text = SIGNED.replace("\n", end)
    for left in kept(Extractive(), text, "python", ROOM):
        if "refunded" in left or "Of several" in left:
            assert f"def planned({end}    window: ContextWindow,{end}" in left
        assert left.count('"' * 3) in (0, 2)


@pytest.mark.parametrize(
    "line",
    [
        "error: no space left on device",
        "[error] 31#31: worker exited",
        "npm ERR! code 1",
        'time=9 level=error msg="no route"',
        "Error: no such table",
        "step 9 failed",
    ],
)
def test_what_went_wrong_is_kept_of_a_log_however_it_is_written(line: str) -> None:
    text = "".join(f"step {n} ok\n" for n in range(200)) + line + "\n" + "".join(f"step {n} ok\n" for n in range(200))
    assert line in Extractive().compress([Passage("a", text, "log")], "", 60).text
