"""TOML files, edited as texts: what is not ours keeps its every byte."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from .ports import OWN_KEYS, Language

_STRING_OR_COMMENT = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|(?P<comment>\#[^\r\n]*)', re.DOTALL
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = re.compile(r"\s*\[")


def parse(text: str) -> dict[str, Any]:
    """What a TOML text says."""
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except (ValueError, RecursionError) as error:
        raise ValueError(str(error) or type(error).__name__) from error


def comments(text: str) -> list[str]:
    """The comments of a text."""
    return [match["comment"] for match in _STRING_OR_COMMENT.finditer(text) if match["comment"]]


def snippet(table: str, name: str, value: Mapping[str, Any]) -> str:
    """A whole file that holds *value* alone."""
    return "".join(f"{line}\n" for line in [f"[{table}.{_key(name)}]", *_lines(value)])


def merged(text: str, table: str, name: str, value: Mapping[str, Any]) -> str:
    """*text* with the own keys of *value* in the table *name* of *table*; further keys are left as they stand."""
    newline = "\r\n" if "\r\n" in text else "\n"
    old = parse(text).get(table, {}).get(name)
    ours = {key: each for key, each in value.items() if key in OWN_KEYS}
    if old is None:
        gap = "" if not text else newline if text.endswith("\n") else newline * 2
        return text + gap + snippet(table, name, ours).replace("\n", newline)
    lines = text.split("\n")  # each keeps the \r that it may end in
    start = _header(lines, table, name)
    end = next((number for number in range(start + 1, len(lines)) if _HEADER.match(lines[number])), len(lines))
    changed = {key: each for key, each in ours.items() if old.get(key) != each}
    gone = [key for key in old if key in OWN_KEYS and key not in ours]
    first = [line + newline.removesuffix("\n") for line in _lines(changed)]
    return "\n".join([*lines[: start + 1], *first, *_without(lines[start + 1 : end], {*changed, *gone}), *lines[end:]])


def _header(lines: list[str], table: str, name: str) -> int:
    """The line of the table's header."""
    names = rf"(?:{re.escape(name)}|\"{re.escape(name)}\"|'{re.escape(name)}')"
    header = re.compile(rf"\s*\[\s*{re.escape(table)}\s*\.\s*{names}\s*\]\s*(?:#.*)?")
    for number, line in enumerate(lines):
        if header.fullmatch(line):
            return number
    raise ValueError(f"it has {table}.{name}, but not under a header [{table}.{name}]")


def _without(lines: list[str], keys: set[str]) -> list[str]:
    """*lines* without the values of *keys*; comments within those values stay, on lines of their own."""
    kept: list[str] = []
    number = 0
    while number < len(lines):
        key = re.match(r"\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*=", lines[number])
        if key is None or key[1] not in keys:
            kept.append(lines[number])
            number += 1
            continue
        end = _value_end(lines, number)
        ending = "\r" if lines[end - 1].endswith("\r") else ""
        kept += [comment + ending for comment in comments("\n".join(lines[number:end]))]
        number = end
    return kept


def _value_end(lines: list[str], start: int) -> int:
    """Behind the last line of the value that begins on the line *start*."""
    for end in range(start + 1, len(lines) + 1):
        try:
            tomllib.loads("\n".join(lines[start:end]) + "\n")
        except tomllib.TOMLDecodeError:
            continue
        return end
    raise ValueError(f"the value on {lines[start].strip()!r} has no end")


def _lines(value: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(each)}" for key, each in value.items()]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


TOML = Language("TOML", parse, snippet, merged, comments)
