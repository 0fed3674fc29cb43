"""Which shortened texts stand for which memories, so that none is taken for an original, and no original for one.

Of a slice or a hint its words tell. A summary has words of its own, so it is kept beside its original: no search finds
it, and whoever forgets the original forgets it, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..stores.ports import Point, Put
from . import blocks, drafts
from .errors import InvalidInput
from .items import Items
from .parts import body, content_id, hint_text, line_of, marked

CONTENT_TYPE = "summary"
_WORD = re.compile(r"\w+")


def originals_of(items: Items, texts: Iterable[str]) -> dict[str, Point]:
    """The memory that each of *texts* stands for; of those that stand for none, nothing."""
    asked = {text: found for text in texts if (found := marked(text)) is not None}
    if not asked:
        return {}
    kept = [_id(items, text) for text, (form, _) in asked.items() if form == "summary"]
    ids = list(dict.fromkeys([*(id for _, id in asked.values()), *kept]))
    points = {point.id: point for point in items.active(ids) if point is not None}

    def stands(text: str, point: Point) -> bool:
        return made_of(text, point) or _is_kept(text, point.id, points.get(_id(items, text)))

    return {text: points[id] for text, (_, id) in asked.items() if id in points and stands(text, points[id])}


def records(items: Items, made: Iterable[tuple[str, str]], thread: str | None, source: str) -> list[tuple[str, Put]]:
    """What keeps that each text (second) is a summary of the memory of an id (first), with its own id.

    Those that are kept already are left out. One that cannot be stored will be taken for an original: then it is kept
    as such, and nothing is lost.
    """
    wanted = {_id(items, text): (id, text) for id, text in made}
    known = items.active(list(wanted)) if wanted else []
    found = []
    for (own, (id, text)), point in zip(wanted.items(), known, strict=True):
        if point is not None:
            continue
        try:
            draft = drafts.draft(
                items.scope,
                items.clock(),
                text,
                content_type=CONTENT_TYPE,
                priority=1,
                thread=thread,
                metadata={"source": source},
                derived_from=[id],
            )
        except InvalidInput:
            continue
        found.append((own, drafts.record(draft, own, items.clock(), items.screened(text), expected_rev=0)))
    return found


def made_of(text: str, point: Point) -> bool:
    """Whether the marked *text* is what the memory *point* becomes when it is replaced, so that nothing else is lost.

    Of a compressed text the words are compared: they are some of the original's, in its order.
    """
    original, left = blocks.read(point.text or "", point.payload["content_type"])
    found = marked(text)
    if found is None:
        return False
    if found[0] == "hint":
        lines = (line_of(original, left), "")
        return text in (*(hint_text(point.id, line) for line in lines), point.payload["metadata"].get("line"))
    words = iter(_WORD.findall(f"{left}\n{original}"))
    return all(word in words for word in _WORD.findall(body(text)))


def _id(items: Items, text: str) -> str:
    return content_id("summary", items.scope.user or "", text)


def _is_kept(text: str, id: str, kept: Point | None) -> bool:
    return (
        kept is not None
        and kept.text == text
        and kept.payload["content_type"] == CONTENT_TYPE
        and id in kept.payload.get("derived_from", ())
    )
