"""The paragraph for AGENTS.md and CLAUDE.md."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from mcp import Client

from memoryops.mcp_server.clients import paragraph
from memoryops.mcp_server.clients.errors import NotMergeable


def test_it_is_put_at_the_end_once() -> None:
    once = paragraph.merged("# Shop\n\nUse tabs.\n", "AGENTS.md")
    assert once == f"# Shop\n\nUse tabs.\n\n{paragraph.snippet()}"
    assert paragraph.merged(once, "AGENTS.md") == once
    assert paragraph.merged(None, "AGENTS.md") == paragraph.merged("", "AGENTS.md") == paragraph.snippet()
    assert paragraph.merged("no end", "AGENTS.md") == f"no end\n\n{paragraph.snippet()}"


def test_an_older_one_is_replaced_where_it_stands() -> None:
    text = f"before\n{paragraph.BEGIN}\nold\n{paragraph.END} behind\nafter\n"
    assert paragraph.merged(text, "AGENTS.md") == f"before\n{paragraph.snippet().rstrip()} behind\nafter\n"


def test_line_ends_are_the_files_own() -> None:
    assert "\n" not in paragraph.merged("a\r\n", "AGENTS.md").replace("\r\n", "")


@pytest.mark.parametrize(
    "text",
    [
        paragraph.BEGIN,
        paragraph.END,
        f"{paragraph.END}{paragraph.BEGIN}",
        f"{paragraph.BEGIN}{paragraph.BEGIN}{paragraph.END}",
    ],
)
def test_marks_that_are_no_pair_are_refused(text: str) -> None:
    with pytest.raises(NotMergeable, match=r"AGENTS\.md has .* leave one pair"):
        paragraph.merged(text, "AGENTS.md")


def test_every_tool_it_names_is_there(converse: Callable[..., Any]) -> None:
    async def names(client: Client) -> set[str]:
        return {tool.name for tool in (await client.list_tools()).tools}

    named = set(re.findall(r"`(\w+_\w+)`", paragraph.TEXT))
    assert named >= {"memory_search", "memory_retrieve", "memory_add"}
    assert named <= converse(names)


def test_lines_are_short_enough_to_read() -> None:
    assert max(map(len, paragraph.TEXT.splitlines())) <= 120
