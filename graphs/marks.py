"""Messages in a shorter form: what a saver hands to a run may say less than what it stores, and has a mark then.

A mark lies in `response_metadata`, which no provider is sent. It names the memory that holds the original, and has the
hashes of what the message said and of what it says now: so a message goes back to exactly what it was, wherever the run
has taken it, and one that somebody changed meanwhile is told apart.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from copy import copy, deepcopy
from operator import is_
from typing import Any, NamedTuple, TypeVar

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.types import Overwrite, Send

from ..memory import blocks, messages
from ..memory.drafts import fingerprint
from ..memory.errors import MemoryOpsError, OriginalLost
from ..memory.service import MemoryOps
from .conversation import OURS

Message = TypeVar("Message", bound=BaseMessage)
Swap = Callable[[BaseMessage], BaseMessage]

MARK = "original"
MOST_CHARS = 64 * 1024 * 1024
MOST_WHOLE = 8000
"""Messages whose originals are at hand; then all are forgotten, which costs a few hashes."""
DEPTH = 4
"""How deep messages are looked for in what is stored: several `Send`, each with a state that has a list of them."""

_set = object.__setattr__


class Mark(NamedTuple):
    """*id*: of the memory with the original. *whole*, *short*: the hashes of both contents."""

    id: str
    whole: str
    short: str


class Contents:
    """What replaced messages said, by workspace and mark, so that they go back without asking the store.

    The least used are forgotten: the memory and the thread have them, too.
    """

    def __init__(self, most: int = MOST_CHARS) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, Mark], Any] = OrderedDict()
        self._size, self._most = 0, most

    def keep(self, workspace: str, mark: Mark, content: Any) -> None:
        with self._lock:
            if (workspace, mark) in self._known:
                return
            self._known[workspace, mark] = content if isinstance(content, str) else deepcopy(content)
            self._size += _length(content)
            while self._size > self._most:
                self._size -= _length(self._known.popitem(last=False)[1])

    def find(self, workspace: str, mark: Mark) -> Any:
        with self._lock:
            content = self._known.get((workspace, mark))
            if content is None:
                return None
            self._known.move_to_end((workspace, mark))
        return content if isinstance(content, str) else deepcopy(content)


_contents = Contents()


def marked_for(message: BaseMessage, id: str, short: Any, workspace: str) -> Mark:
    """The mark of *message* with *short* for its content; the memory *id* holds what it says now."""
    mark = Mark(id, _hash(message.content), _hash(short))
    _contents.keep(workspace, mark, message.content)
    return mark


def shortened(message: Message, short: Any, mark: Mark) -> Message:
    """A copy of *message* with *short* for its content, and the *mark* that leads back."""
    ours = {**message.response_metadata.get(OURS, {}), MARK: mark._asdict()}
    return _with(message, short, {**message.response_metadata, OURS: ours})


def mark_of(message: BaseMessage) -> Mark | None:
    """The mark of *message*, if it has one."""
    ours = message.response_metadata.get(OURS)
    found = ours.get(MARK) if isinstance(ours, dict) else None
    if not isinstance(found, dict) or found.keys() != set(Mark._fields):
        return None
    return Mark(**found) if all(isinstance(each, str) for each in found.values()) else None


def whole(message: Message, ops: MemoryOps, more: Callable[[], Iterable[BaseMessage]] = tuple) -> Message:
    """*message* as it was before it got its mark; as it is, where it has none or was changed since.

    What it said is at hand, else in the memory, else among *more*, messages of its thread. Raises `OriginalLost`.
    """
    mark = mark_of(message)
    if mark is None:
        return message
    content = message.content if _hash(message.content) != mark.short else _content(message, mark, ops, more)
    ours = {name: value for name, value in message.response_metadata[OURS].items() if name != MARK}
    rest = {name: value for name, value in message.response_metadata.items() if name != OURS}
    return _with(message, content, {**rest, OURS: ours} if ours else rest)


def restored(message: Message, mark: Mark, ops: MemoryOps, more: Callable[[], Iterable[BaseMessage]]) -> Message:
    """*message*, which has lost its *mark*, with what it said before. Raises `OriginalLost`."""
    return _with(message, _content(message, mark, ops, more), message.response_metadata)


class Wholes:
    """What messages were before they were shown shorter: a run hands in the same objects with each step."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[BaseMessage, dict[str, Any], dict[str, Any], BaseMessage]] = {}

    def keep(self, message: BaseMessage, original: BaseMessage) -> None:
        """*message*, which nobody has seen yet, was made of *original*."""
        if isinstance(message.content, str):  # blocks may be changed within
            if len(self._known) >= MOST_WHOLE:
                self._known.clear()
            self._known[id(message)] = message, message.__dict__.copy(), message.response_metadata.copy(), original

    def of(self, message: BaseMessage, found: Callable[[], BaseMessage]) -> BaseMessage:
        """What was *found* for *message*; the same object again, unless somebody has changed it in place."""
        known = self._known.get(id(message))
        if known is not None and known[0] is message:
            _, fields, metadata, original = known
            if fields == message.__dict__ and metadata == message.response_metadata:
                return original
        original = found()
        self.keep(message, original)
        return original


def _content(message: BaseMessage, mark: Mark, ops: MemoryOps, more: Callable[[], Iterable[BaseMessage]]) -> Any:
    content = _contents.find(ops.scope.workspace, mark)
    if content is None:
        content = _remembered(message, mark, ops)
    if content is None:
        content = _among(more(), message.id, mark)
    if content is None:
        raise OriginalLost(message.id, mark.id)
    _contents.keep(ops.scope.workspace, mark, content)
    return content


def _remembered(message: BaseMessage, mark: Mark, ops: MemoryOps) -> Any:
    try:
        item = ops.retrieve(mark.id)
        content: Any = json.loads(item.content) if item.content_type == blocks.CONTENT_TYPE else item.content
    except (MemoryOpsError, ValueError):  # forgotten, in quarantine, of another user; or a text of that type
        return None
    if isinstance(content, str) and not isinstance(message.content, str):
        content = [{"type": "text", "text": content}]
    return content if _hash(content) == mark.whole else None


def _among(some: Iterable[BaseMessage], id: str | None, mark: Mark) -> Any:
    return next((each.content for each in some if each.id == id and _hash(each.content) == mark.whole), None)


def swapped(value: Any, swap: Swap, depth: int = DEPTH) -> Any:
    """*value* with each message in it swapped: the same object where none is another one then.

    *value*: of a channel, or what a node wrote: messages, lists of them, states with such lists.
    """
    if isinstance(value, BaseMessage):
        return swap(value)
    if depth == 0:
        return value
    if type(value) in (list, tuple, _DeltaSnapshot):
        return _swapped_items(value, swap, depth)
    if type(value) is dict:
        made = {name: swapped(each, swap, depth - 1) for name, each in value.items()}
        return made if any(made[name] is not value[name] for name in value) else value
    if isinstance(value, Overwrite | Send):
        name = "value" if isinstance(value, Overwrite) else "arg"
        inner = swapped(getattr(value, name), swap, depth - 1)
        if inner is getattr(value, name):
            return value
        changed: Any = copy(value)
        _set(changed, name, inner)
        return changed
    return value


def _swapped_items(value: Any, swap: Swap, depth: int) -> Any:
    if isinstance(value, _DeltaSnapshot):
        inner = swapped(value.value, swap, depth)
        return value if inner is value.value else _DeltaSnapshot(inner)
    if not value or not any(isinstance(each, BaseMessage | dict | Send) for each in (value[0], value[-1])):
        return value  # a list of numbers may be long
    made = [swap(each) if isinstance(each, BaseMessage) else swapped(each, swap, depth - 1) for each in value]
    if all(map(is_, made, value)):
        return value
    return made if type(value) is list else tuple(made)


def _with(message: Message, content: Any, metadata: dict[str, Any]) -> Message:
    """A copy with another content, as pydantic makes one but in less time; its other values are the same objects."""
    made: Message = object.__new__(type(message))
    _set(made, "__dict__", {**message.__dict__, "content": content, "response_metadata": metadata})
    more, private = message.__pydantic_extra__, message.__pydantic_private__
    _set(made, "__pydantic_fields_set__", message.__pydantic_fields_set__.copy())
    _set(made, "__pydantic_extra__", more if more is None else more.copy())
    _set(made, "__pydantic_private__", private if private is None else private.copy())
    return made


def _hash(content: Any) -> str:
    return fingerprint(content if isinstance(content, str) else messages.as_json(content))


def _length(content: Any) -> int:
    return len(content if isinstance(content, str) else messages.as_json(content)) + 200
