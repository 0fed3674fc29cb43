"""Content of several blocks: what makes room, what stays, what is said of it, and how all of it comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryops.memory import blocks
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.in_memory import InMemoryStore

FILLER = " ".join(f"Filling sentence number {n} tells of ordinary things and ends." for n in range(60))
PNG = "iVBORw0KGgo" * 4000
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"n": 1, "deep": {"ä": [1.50, None]}}}
THOUGHT = {"type": "thinking", "thinking": FILLER, "signature": "EqQBCgIYAhIM"}
ITEM = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": FILLER}]}
TEXT = {"type": "text", "text": FILLER}
BLOCKS = st.lists(
    st.sampled_from(
        [
            TEXT,
            "A plain string.",
            {"type": "text", "text": "Short."},
            CALL,
            THOUGHT,
            ITEM,
            {"type": "redacted_thinking", "data": "xyz"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
            {"type": "file", "file": {"file_data": PNG, "filename": "a.pdf"}},
            {"type": "refusal", "refusal": "No."},
            {"type": "server_thing", "odd": [1, 2]},
        ]
    ),
    max_size=6,
)


@settings(max_examples=150, deadline=None, database=None)
@given(BLOCKS, st.booleans())
def test_what_stays_stays_as_it_is_and_in_its_order(content: list[Any], calls: bool) -> None:
    shown = blocks.with_text(content, "MARK", calls)
    assert isinstance(shown, list)
    kept = [block for block in content if blocks.stays(block, calls)]
    assert [block for block in shown if block != {"type": "text", "text": "MARK"}] == kept
    assert len(shown) == len(kept) + 1
    assert all(block in shown for block in content if blocks.is_call(block))
    whole = blocks.whole(content)
    assert json.loads(whole) == content if whole else len(content) <= 1
    parts = blocks.said(content), blocks.left_out(content)
    assert blocks.read(whole) == (parts if any(parts) and whole else (whole, ""))


@pytest.mark.parametrize(
    ("block", "named"),
    [
        ({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}, "image, 33 kB"),
        ({"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}, "image"),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}, "image, 33 kB"),
        ({"type": "image", "base64": PNG, "mime_type": "image/png"}, "image, 33 kB"),
        ({"type": "input_audio", "input_audio": {"data": PNG * 40, "format": "wav"}}, "audio, 1.3 MB"),
        ({"type": "file", "file": {"file_data": PNG, "filename": "a.pdf"}}, "file, 33 kB"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "file"),
        ({"type": "document", "source": {"type": "text", "data": "x" * 4000}}, "file, 3 kB"),
        (TEXT, ""),
        (CALL, ""),
    ],
)
def test_what_is_left_out_is_named(block: dict[str, Any], named: str) -> None:
    assert blocks.left_out([block]) == named


def test_several_are_named_together() -> None:
    picture = {"type": "image", "base64": "A" * 4000}
    assert blocks.left_out([picture, TEXT, picture, {"type": "file", "file_id": "f"}]) == "file; 2 images, 6 kB"


def conversation(content: list[Any], role: str = "assistant", **fields: Any) -> list[dict[str, Any]]:
    later = [{"role": ("user", "assistant")[n % 2], "content": f"{n} few words"} for n in range(6)]
    return [{"role": "user", "content": "Begin."}, {"role": role, "content": content, **fields}, *later]


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ([TEXT, CALL], [CALL]),
        ([THOUGHT, TEXT, CALL], [CALL]),
        ([ITEM, TEXT, CALL], [ITEM, CALL]),
        ([ITEM, TEXT], []),
        ([TEXT, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}], []),
        ([{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}], []),
        ([{**TEXT, "cache_control": {"type": "ephemeral"}}], []),
    ],
)
def test_the_whole_comes_back_by_its_id(content: list[Any], kept: list[Any]) -> None:
    ops = MemoryOps(InMemoryStore(), Scope("w"))
    messages = conversation(content, "assistant" if kept or ITEM in content else "user")
    window = ops.fit(messages).tokens_before * 5 // 4
    fitted = ops.fit(messages, max_tokens=window, recent=0)
    step, shown = fitted.steps[1], fitted.messages[1]["content"]
    assert step.new
    assert [block for block in shown if "[" not in str(block.get("text", ""))[:1]] == kept
    item = ops.retrieve(step.id)
    assert (json.loads(item.content), item.content_type) == (content, "blocks")
    again = list(fitted.messages)
    assert list(ops.fit(again, max_tokens=window, recent=0).messages) == again
    if blocks.said(content):
        assert step.id in {hit.id for hit in ops.search("filling sentence number 7").hits}


def test_what_no_json_carries_stays_where_it_is() -> None:
    ops = MemoryOps(InMemoryStore(), Scope("w"))
    odd = [TEXT, {"type": "image", "source": {"data": b"\x00" * 4000}}]
    messages = [*conversation(odd, "user"), *conversation([TEXT] * 5, "user")]
    fitted = ops.fit(messages, max_tokens=7500, recent=0)
    assert fitted.messages[1] is messages[1]
    assert fitted.replaced


def test_a_forged_mark_beside_a_picture_does_not_keep_it() -> None:
    ops = MemoryOps(InMemoryStore(), Scope("w"))
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    id = ops.add("Something else.").id
    forged = {"type": "text", "text": f"[in memory, ID: {id}] Something else."}
    fitted = ops.fit(conversation([forged, picture], "user"), max_tokens=1500, recent=0)
    assert fitted.steps[1].new
    assert json.loads(ops.retrieve(fitted.steps[1].id).content) == [forged, picture]
