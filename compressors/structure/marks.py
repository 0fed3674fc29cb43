"""What kind of text it is, and where its structure begins anew: section, function, turn, record, hunk."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Mark(NamedTuple):
    """A place where the text's own structure begins anew.

    A passage filled to the share *fill* ends before it. *until* is the end of a block that is kept whole
    where it fits; 0 means that the block lasts to the next mark.
    """

    at: int
    fill: float
    heading: str | None = None
    until: int = 0


NEVER = 9.0
_SECTION = 1 / 3
_TURN_FILL = 1 / 10
_HEADING_CHARS = 120

_PROSE = re.compile(
    r"^ {0,3}(?:(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})[^\n]*|#{1,6}[ \t]+(?P<atx>\S[^\n]*))"
    r"|^(?P<setext>[^\s#>|\-=][^\n]*)\n(?:={3,}|-{3,}|\^{3,})[ \t\r]*$",
    re.MULTILINE,
)


def _prose_marks(content: str) -> Iterator[Mark]:
    at = 0
    while found := _PROSE.search(content, at):
        at = found.end()
        if fence := found["fence"]:
            closing = re.compile(rf"^ {{0,3}}{fence[0]}{{{len(fence)},}}[ \t\r]*(?:\n|\Z)", re.MULTILINE)
            closed = closing.search(content, at)
            at = closed.end() if closed else len(content)
            yield Mark(found.start(), NEVER, None, at)
        else:
            yield Mark(found.start(), _SECTION, (found["atx"] or found["setext"]).strip()[:_HEADING_CHARS])


CLOSING_WORD = r"(?:end|fi|done|esac)\b(?! *[=.:(\[])"
"""What ends a block in Ruby, Lua and shells, unless it is the name of something."""
_BLOCK = re.compile(
    r"(?:\A|\n(?:[ \t][^\n]*|[)\]][^\n]*)\n(?!\{)|\n(?:\}[^\n]*|\r?)\n)(?=[^\s)\]}>])(?!</)"
    rf"(?!(?:else|elif|except|finally|catch)\b|{CLOSING_WORD})"
)
_DEFINITION = re.compile(rf"(?:(?:@|#|//|/\*|\*)[^\n]*\n){{0,8}}([^\n]{{0,{_HEADING_CHARS}}})")


def _code_marks(content: str) -> Iterator[Mark]:
    for found in _BLOCK.finditer(content):
        line = _DEFINITION.match(content, found.end())
        yield Mark(found.end(), _SECTION, line[1].strip() or None if line else None)


TURN = re.compile(
    r"^(?:\[[^\]\n]{1,40}\][ \t]*|\d[\d/.,:\- T]{3,30}(?:[AaPp]\.?[Mm]\.?)?[ \t]*(?:-[ \t]*)?)?"
    r"(?:<(?P<nick>[^<>\n]{1,40})>(?=[ \t])"
    r"|(?:\*\*)?(?P<name>[^\W\d_][\w .'’()\-]{0,39})(?:\*\*)?(?::(?:\*\*)?(?=\s|\Z)|：))",
    re.MULTILINE,
)


def _chat_marks(content: str) -> Iterator[Mark]:
    for found in TURN.finditer(content):
        yield Mark(found.start(), _TURN_FILL, (found["name"] or found["nick"]).strip())


_STAMP = re.compile(
    r"^[\[<(]?(?:\d{4}[-/.]\d\d[-/.]\d\d[T ,]|\d\d:\d\d:\d\d\b|\d{1,2}[/ ][A-Z][a-z]{2}[/ ]\d{4}|\d{10,13}\b"
    r"|(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d|\d{1,3}(?:\.\d{1,3}){3} "
    r"|(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)\b)",
    re.MULTILINE,
)
_RECORD = re.compile(r"^(?![ \t)\]}]|Traceback|Caused by|at |[\w.]+(?:Error|Exception)\b)(?=\S)", re.MULTILINE)


def _log_marks(content: str) -> Iterator[Mark]:
    stamped = _STAMP.search(content, 0, 4096)
    for found in (_STAMP if stamped else _RECORD).finditer(content):
        yield Mark(found.start(), NEVER)


DIFF = re.compile(
    r"^(?:(?:diff --(?:git|cc|combined)|Index:)[ \t](?P<git>[^\n]*)"
    r"|--- [^\n]*\n\+\+\+ (?P<new>[^\n\t]*)[^\n]*(?=\n@@+ )|(?P<hunk>@@+) )",
    re.MULTILINE,
)


def _diff_marks(content: str) -> Iterator[Mark]:
    in_header = False
    for found in DIFF.finditer(content):
        if not found["hunk"] and not (in_header and found["git"] is None):
            path = (found["git"] or found["new"] or "").split(" b/")[-1].removeprefix("b/").strip()
            yield Mark(found.start(), 0.05, path[:_HEADING_CHARS] or None)
        elif found["hunk"] and not in_header:
            yield Mark(found.start(), _SECTION)
        in_header = not found["hunk"]


MARKS: dict[str, Callable[[str], Iterator[Mark]]] = {
    "prose": _prose_marks,
    "chat": _chat_marks,
    "code": _code_marks,
    "json": lambda content: iter(()),
    "log": _log_marks,
    "diff": _diff_marks,
}
_NAMED = {
    word: kind
    for kind, words in {
        "prose": "markdown md docs doc documentation prose article",
        "chat": "chat conversation dialogue dialog transcript messages",
        "log": "log logs traceback stacktrace",
        "diff": "diff patch",
        "json": "json jsonl ndjson yaml yml toml",
        "code": "code source python py javascript js typescript ts jsx tsx c cpp csharp java kotlin go rust"
        " ruby php swift sql html css xml bash shell sh",
    }.items()
    for word in words.split()
}
_WORDS = re.compile(r"[a-z]+")
_DIFF_START = re.compile(r"^(?:diff --(?:git|cc|combined) |@@ -\d+(?:,\d+)? \+\d)", re.MULTILINE)
_JSON_START = re.compile(
    r"\ufeff?\s*(?:\{\s*[\"}]|\[\s*(?:[\"{]|\[\s*(?:[\"{\[\]\d-]|(?:true|false|null)\s*[,\]])"
    r"|(?:-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null)\s*,))"
)
_CODE_LINE = re.compile(
    r"[ \t]*(?:(?:def|class|import|from|return|if|for|while|function|const|let|var|func|fn|use|package|public"
    r"|private|static|struct|#include|@\w+|//|/\*)\b.*[;:{}()=,\"'>]|.*[;{}]|.*[\w\])]\(.*\)[:,]?"
    r"|[\w.\[\]]+ [-+]?= .+)\s*$"
)


def kind_of(content: str, content_type: str) -> str:
    """The structure that *content_type* names, else the one that the first 8,000 characters show."""
    words = _WORDS.findall(content_type.lower())
    sample = content[:8000]
    for word in words:
        if word in _NAMED:
            return "json" if _NAMED[word] == "chat" and _is_bracketed(content, sample) else _NAMED[word]
    if _DIFF_START.search(sample):
        return "diff"
    if _JSON_START.match(sample):
        return "json"
    lines = [line[:400] for line in sample.splitlines() if line.strip()]
    flush = [line for line in lines if not line[0].isspace()]
    if 2 * sum(1 for line in flush if _STAMP.match(line)) > len(flush) and len(flush) > 2:
        return "log"
    names = Counter(found["name"] or found["nick"] for line in lines if (found := TURN.match(line)))
    if names.total() > 2 and 2 * names.total() > len(lines) and 2 * len(names) <= names.total() + 1:
        return "chat"
    coded = sum(1 for line in lines if _CODE_LINE.match(line))
    if coded > 1 and 2 * coded > len(lines) and "\n```" not in sample:
        return "code"
    return "code" if {"frontend", "backend"} & set(words) and 4 * coded > len(lines) else "prose"


def _is_bracketed(content: str, sample: str) -> bool:
    """Whether it begins and ends as JSON does, as conversations do that programs keep."""
    return _JSON_START.match(sample) is not None and content.rstrip()[-1:] in ("]", "}")
