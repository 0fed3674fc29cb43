"""The blocks of a message's content, as OpenAI, Anthropic and LangChain write them. Pure.

Of a message that makes room its texts shrink, and pictures, documents and thoughts are left out whole; what they were
is said in a few words. What a provider pairs or checks stays as it is: calls and their results, and thoughts that a
provider knows by an id (OpenAI's reasoning items) beside the calls that need them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

CONTENT_TYPE = "blocks"
"""That of a memory that keeps a content of several blocks, as JSON."""
TEXT = frozenset(("text", "input_text", "output_text"))
MEDIA = {
    "image": "image",
    "image_url": "image",
    "input_image": "image",
    "audio": "audio",
    "audio_url": "audio",
    "input_audio": "audio",
    "video": "video",
    "video_url": "video",
    "file": "file",
    "input_file": "file",
    "document": "file",
    "media": "file",
    "text-plain": "file",
}
"""What a block of each of these types is called where it is left out."""
THOUGHTS = frozenset(("thinking", "redacted_thinking", "reasoning", "reasoning_content"))
CALLS = frozenset(("tool_use", "tool_call", "function_call", "server_tool_use", "server_tool_call", "input_json_delta"))
PLAIN = frozenset(("type", "text"))
"""Fields of a block that is nothing but its text."""
_DATA = ("data", "base64", "file_data", "url", "text")
"""Fields in which media lie, as text or in base64, at any depth."""

Content = str | Sequence[Any] | None


def said(content: Content) -> str:
    """The texts of *content*, those of several blocks apart by a blank line."""
    if content is None or isinstance(content, str):
        return content or ""
    return "\n\n".join(block if isinstance(block, str) else block["text"] for block in content if is_text(block))


def is_text(block: object) -> bool:
    return isinstance(block, str) or (_type(block) in TEXT and isinstance(_of(block).get("text"), str))


def is_media(block: object) -> bool:
    return _type(block) in MEDIA


def is_call(block: object) -> bool:
    return _type(block) in CALLS


def stays(block: object, calls: bool) -> bool:
    """Whether *block* is untouchable in a message that makes room; *calls*: whether that calls tools."""
    if is_text(block) or is_media(block):
        return False
    return _type(block) not in THOUGHTS or (calls and "id" in _of(block))


def with_text(content: Content, text: str, calls: bool) -> Content:
    """*content* that says *text*, where the first block of it stood that makes room; the others of these are gone."""
    if content is None or isinstance(content, str):
        return text
    place = next((n for n, block in enumerate(content) if not stays(block, calls)), 0)
    kept = [block for block in content[place:] if stays(block, calls)]
    return [*content[:place], {"type": "text", "text": text}, *kept]


def whole(content: Content) -> str:
    """*content* as the JSON that brings all of its blocks back; "" where its text does.

    Raises `ValueError` or `TypeError` for what no JSON can carry.
    """
    if content is None or isinstance(content, str) or not content:
        return ""
    if len(content) == 1 and is_text(content[0]) and _of(content[0]).keys() <= PLAIN:
        return ""
    return json.dumps(list(content), ensure_ascii=False, separators=(",", ":"))


def read(stored: str, content_type: str = CONTENT_TYPE) -> tuple[str, str]:
    """The text of a memory, and of one that `whole` wrote what was beside it, in a few words."""
    try:
        content = json.loads(stored) if content_type == CONTENT_TYPE else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, list) or not (said(content) or left_out(content)):
        return stored, ""
    return said(content), left_out(content)


def left_out(content: Content) -> str:
    """What media *content* has, by kind and size: "2 images, 68 kB; file, 1 MB"; "" where it has none."""
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for block in content or ():
        if is_media(block):
            kind = MEDIA[_type(block)]
            counts[kind] += 1
            sizes[kind] += _bytes(block)
    return "; ".join(_named(kind, counts[kind], sizes[kind]) for kind in sorted(counts))


def _named(kind: str, count: int, size: int) -> str:
    many = f"{count} {kind}s" if count > 1 and kind != "audio" else kind if count == 1 else f"{count} {kind}"
    if not size:
        return many
    return f"{many}, {max(1, round(size / 1000))} kB" if size < 1_000_000 else f"{many}, {size / 1_000_000:.1f} MB"


def _bytes(value: object, name: str = "") -> int:
    """The bytes of the media in *value*: 0 where it only says where they are."""
    if isinstance(value, Mapping):
        return sum(_bytes(each, str(key)) for key, each in value.items())
    if isinstance(value, bytes):
        return len(value)
    if not isinstance(value, str) or name not in _DATA:
        return 0
    if name == "url":
        return len(value.partition(",")[2]) * 3 // 4 if value.startswith("data:") else 0
    return len(value.encode("utf-8", "surrogatepass")) if name == "text" else len(value) * 3 // 4


def _type(block: object) -> str:
    return str(_of(block).get("type", ""))


def _of(block: object) -> Mapping[str, Any]:
    return block if isinstance(block, Mapping) else {}
