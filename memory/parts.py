"""The parts of a context: texts that may make room, the lines that stand for them, and the marks that tell which.

A mark is the first thing in a text that was replaced, so that a model knows what it sees, and a later plan does not
take what was shortened before for an original.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..compressors import tokens
from .drafts import fingerprint, hint
from .models import Form, Item

Hold = Literal["free", "recent", "last", "pinned"]
"""How long a text stays as it is: *free* makes room first, *recent* (used in the last turns) only where the rest does
not do, *last* (results of the newest tool calls) only where the context would overflow, *pinned* never."""

ID_CHARS = 20
_FORMS: Mapping[str, Form] = {
    "in memory": "hint",
    "shortened, whole in memory": "compressed",
    "summarised, whole in memory": "summary",
}
_MARK = re.compile(rf"\[({'|'.join(_FORMS)}), ID: ([^\]\n]{{1,200}})\](?: |\n|$)")
_MARKED_ID = re.compile(r"[^\]\n]{1,200}")
SAME = "…"
"""What stands for a text that the mark above it names together with others."""
_LINE_CHARS = 200
"""More than the longest line that is ever put in the place of texts."""


@dataclass(frozen=True, slots=True)
class Part:
    """One text of a context.

    *id* brings its original back. *size*: the tokens of *text*; *frame*: those beside it that stay whatever happens
    (role, tool calls); *media*: those of what goes with it (pictures, thoughts), *left*: what that is in a few words.
    *whole*: what is kept of it then, "" for *text* itself. *priority* 1 to 10: the lowest makes room first. *form*:
    what the text is already. *joins*: whether one line may stand for it and its neighbours together. *shares*: whether
    its mark may name others, too.
    """

    id: str
    text: str
    size: int
    frame: int = 0
    media: int = 0
    left: str = ""
    whole: str = ""
    priority: int = 5
    hold: Hold = "free"
    content_type: str = "note"
    form: Form = "full"
    joins: bool = False
    shares: bool = False

    @property
    def tokens(self) -> int:
        """What it takes as it is."""
        return self.frame + self.size + self.media

    @property
    def original(self) -> str:
        """What its id brings back."""
        return self.whole or self.text

    @property
    def line(self) -> str:
        """The one line that stands for it."""
        return hint_text(self.id, line_of(self.body, self.left))

    @property
    def mark(self) -> str:
        """What stands for it where there is no room for a line."""
        return hint_text(self.id, "")

    def shortened(self, text: str, *, rewritten: bool = False) -> str:
        """What stands for it where *text* is left of its own."""
        return compressed_text(self.id, f"[{self.left}]\n{text}" if self.left else text, rewritten=rewritten)

    @property
    def body(self) -> str:
        """Its text without the mark of an earlier replacement."""
        return self.text if self.form == "full" else body(self.text)


def of_item(item: Item, hold: Hold = "free") -> Part:
    """A memory as a part."""
    size = tokens.count(item.content)
    return Part(item.id, item.content, size, priority=item.priority, hold=hold, content_type=item.content_type)


def content_id(*texts: str) -> str:
    """The id of a text that has none of its own: the same for the same text."""
    return fingerprint(*texts)[:ID_CHARS]


def can_be_marked(id: object) -> bool:
    """Whether *id* can stand in a mark."""
    return isinstance(id, str) and id.isprintable() and _MARKED_ID.fullmatch(id) is not None


def line_of(text: str, left: str) -> str:
    """The line that tells of *text* and of what was *left* out beside it."""
    return f"[{left}] {hint(text)}".rstrip() if left else hint(text)


def hint_text(id: str, line: str) -> str:
    """*line* as a hint to what *id* brings back."""
    return f"[in memory, ID: {id}] {line}".rstrip()


def shared_text(id: str, count: int) -> str:
    """The mark of *count* texts, as it stands for the first of them; `SAME` stands for the others."""
    return hint_text(id, f"and the next {count - 1} “{SAME}”")


def compressed_text(id: str, text: str, *, rewritten: bool = False) -> str:
    """What is left of a text as it stands in a context; *rewritten*: a model wrote it."""
    return f"[{'summarised' if rewritten else 'shortened'}, whole in memory, ID: {id}]\n{text}"


def marked(text: str) -> tuple[Form, str] | None:
    """What *text* says it is, and of which id: None for an original.

    A hint is one short line: whoever writes our mark before a long text does not make it one that cannot make room.
    """
    found = _MARK.match(text)
    if found is None or not can_be_marked(found[2]):
        return None
    form = _FORMS[found[1]]
    rest = text[found.end() :]
    if form == "hint" and (len(rest) > _LINE_CHARS or "\n" in found[0] + rest):
        return None
    return form, found[2]


def body(text: str) -> str:
    """*text* without its mark."""
    return _MARK.sub("", text, count=1)
