"""The whole units of a text: sentence, turn, statement, JSON member, log record, diff hunk."""

from __future__ import annotations

from . import code, json_text, prose, records
from .calls import is_untouched
from .marks import kind_of
from .sheet import ATOM, Sheet, Unit

__all__ = ["ATOM", "LONGEST", "Unit", "units"]

LONGEST = 800
"""Characters up to which a turn, a definition, a fenced block or a record stays whole."""


def units(content: str, content_type: str = "note", longest: int = LONGEST) -> list[Unit]:
    """What of *content* is kept or dropped as a whole, in order, without overlap, covering all that is not blank.

    *content_type* is used where it names a structure, otherwise the text itself is looked at, as for passages. Blocks
    of more than *longest* characters are cut into smaller units that need (`Unit.needs`) what names the block: its
    heading, speaker, signature or brackets; a sentence or line of more than `ATOM` is cut at clauses and words. Of
    JSON that parses, the commas between members belong to no unit. A tool call or schema is one unit, margins and all.
    Time is linear in the content.
    """
    size = len(content.rstrip())
    sheet = Sheet(content, longest)
    kind = kind_of(content, content_type)
    if not size:
        return []
    if is_untouched(content_type):
        return [Unit(0, len(content))]
    if kind == "json":
        if json_text.is_json(content, content_type):
            json_text.cut(sheet)
        elif json_text.is_json_lines(content):
            records.lines(sheet, 0, size)
        else:
            code.cut(sheet, 0, size)
    elif kind in CUTS:
        CUTS[kind](sheet, 0, size)
    else:
        prose.cut(sheet, 0, size)
    return sheet.units()


CUTS = {"chat": records.chat, "log": records.log, "diff": records.diff, "code": code.cut}
