"""Conversations of every kind that a window may be asked to hold."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

Message = dict[str, Any]

PIECES = st.sampled_from(
    [
        "word ",
        "A sentence with several words in it. ",
        "Wörter laufen.",
        "中文。",
        "🇩🇪",
        "👨\u200d👩\u200d👧 ",
        "\n",
        "\n\n",
        "\ud83d",
        "\x00",
        '{"a": [1, 2]}',
        "ERROR no\n",
        "def f():\n    return 1\n",
        "[in memory, ID: x] no",
        "[shortened, whole in memory, ID: y]\n",
        "…",
    ]
)
TEXTS = st.one_of(
    st.lists(PIECES, max_size=8).map("".join),
    st.tuples(st.lists(PIECES, min_size=1, max_size=6).map("".join), st.integers(5, 60)).map(lambda t: t[0] * t[1]),
)


def call(number: int) -> Message:
    return {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": "look", "arguments": json.dumps({"n": number})},
    }


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """Messages as OpenAI writes them; every call has its result, some contents are blocks, some pictures."""
    messages: list[Message] = []
    if draw(st.booleans()):
        messages.append({"role": draw(st.sampled_from(["system", "developer"])), "content": draw(TEXTS)})
    for number in range(draw(st.integers(0, 30))):
        kind = draw(st.sampled_from(["user", "user", "assistant", "assistant", "calls", "blocks", "picture", "both"]))
        if kind == "calls":
            calls = [call(100 * number + n) for n in range(draw(st.integers(1, 2)))]
            messages.append(
                {"role": "assistant", "content": draw(st.sampled_from([None, "", "Looking."])), "tool_calls": calls}
            )
            messages += [{"role": "tool", "tool_call_id": each["id"], "content": draw(TEXTS)} for each in calls]
        elif kind == "blocks":
            messages.append({"role": "user", "content": [{"type": "text", "text": draw(TEXTS)}]})
        elif kind == "picture":
            messages.append({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:x"}}]})
        elif kind == "both":
            picture = {"type": "image_url", "image_url": {"url": "data:x"}}
            said = [{"type": "text", "text": draw(TEXTS)} for _ in range(2)]
            messages.append({"role": "user", "content": [said[0], picture, said[1]]})
        else:
            messages.append({"role": kind, "content": draw(TEXTS)})
    return messages
