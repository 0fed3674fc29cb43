"""The last resort: whole units from the beginning, else its first tokens."""

from __future__ import annotations

from memoryops.compressors.ports import Passage
from memoryops.compressors.truncate import Truncate


def kept(text: str, budget: int) -> str:
    return Truncate().compress([Passage("a", text)], "", budget).text


def test_it_ends_with_a_unit() -> None:
    assert kept("The first sentence. The second sentence. The third sentence.", 9) == (
        "The first sentence. The second sentence."
    )


def test_where_no_unit_fits_it_ends_with_a_token() -> None:
    assert kept("one two three four five six seven eight nine ten", 3) == "one two three"
    assert kept("数据库迁移计划数据库迁移计划", 4) == "数据库迁"


def test_no_letter_is_torn_apart() -> None:
    assert kept("👨‍👩‍👧" * 50, 3) in ("", "👨‍👩‍👧")


def test_later_passages_get_what_the_first_leaves() -> None:
    passages = [Passage("a", "One short line."), Passage("b", "Another short line. And a line too much for this.")]
    assert Truncate().compress(passages, "", 8).texts == ("One short line.", "Another short line.")
