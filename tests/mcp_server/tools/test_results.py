"""Pages that are cut to a number of tokens, while others write."""

from dataclasses import dataclass
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from memoryops.mcp_server.tools.results import fitting


@dataclass(frozen=True)
class Shown:
    name: int
    tokens_of: int


@dataclass(frozen=True)
class Page:
    entries: list[Shown]
    next_cursor: str | None


@given(st.lists(st.integers(0, 50), max_size=12), st.lists(st.integers(0, 50), max_size=12), st.integers(1, 8))
def test_pages_show_each_entry_once_whatever_comes_before_them(sizes: list[int], more: list[int], limit: int) -> None:
    """Newest first; with each fetch an entry comes that is newer than all."""
    stored = [Shown(name, size) for name, size in enumerate(sizes)]
    coming = [Shown(-1 - name, size) for name, size in enumerate(more)]

    def fetch(most: int, cursor: str | None) -> Page:
        if coming:
            stored.insert(0, coming.pop(0))
        names = [each.name for each in stored]
        since = names.index(int(cursor)) + 1 if cursor is not None else 0
        some = stored[since : since + most]
        return Page(some, str(some[-1].name) if since + most < len(stored) else None)

    seen: list[int] = []
    cursor: str | None = None
    while True:
        shown, cursor = fitting(partial(fetch, cursor=cursor), lambda page: page.entries, lambda e: e, limit, 60)
        assert len(shown) <= limit and (len(shown) <= 1 or sum(each.tokens_of for each in shown) <= 60)
        seen += [each.name for each in shown]
        if cursor is None:
            break
    assert len(set(seen)) == len(seen) and set(range(len(sizes))) <= set(seen)
