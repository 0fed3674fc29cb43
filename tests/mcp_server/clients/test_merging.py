"""Putting our entry into a text: everything else stays, byte for byte."""

import json
import tomllib
from pathlib import PurePath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.mcp_server.clients import json_text, toml_text
from memoryops.mcp_server.clients.attach import merged, snippet
from memoryops.mcp_server.clients.entry import Entry, over_http
from memoryops.mcp_server.clients.errors import ConfigRefused, NotMergeable, NotParseable
from memoryops.mcp_server.clients.registry import CLIENTS

ENTRY = Entry("memoryops", ("/opt/memoryops", "mcp"))
PATH = PurePath("/home/ada/file")
VSCODE, DESKTOP, CODEX = (CLIENTS[id] for id in ("vscode", "claude-desktop", "codex"))

COMMENTED = """\
{
    // what our team uses
    "inputs": [{ "id": "key", "type": "promptString" }, /* one more */ ],
    "servers": {
        "other": { "command": "x", "args": ["//no comment"] } // keep me
        /* and me */
    }, // trailing comma follows
}
"""

TOML = """\
# my settings
model = "o"   # the good one

[mcp_servers.other]
command = "x"
args = [ # several
  "[not a header]",
  "a # b",
]

[mcp_servers.memoryops] # ours
command = "/old" # why
args = [
  "mcp", # the command
]
startup_timeout_sec = 30

[mcp_servers.memoryops.env]
MEMORYOPS_QDRANT_API_KEY = "hush"

[tui]
theme = '''
[mcp_servers.memoryops]
'''
"""


def put(client: Any, text: str | None, entry: Entry = ENTRY) -> str:
    return merged(client, entry, text, PATH)[0]


class TestAll:
    @pytest.mark.parametrize("id", CLIENTS)
    @pytest.mark.parametrize("text", [None, "", "\n"])
    def test_nothing_becomes_the_snippet(self, id: str, text: str | None) -> None:
        after, action = merged(CLIENTS[id], ENTRY, text, PATH)
        assert after.strip() == snippet(CLIENTS[id], ENTRY).strip()
        assert action == ("created" if text is None else "added")

    @pytest.mark.parametrize("id", CLIENTS)
    def test_twice_is_once(self, id: str) -> None:
        once = put(CLIENTS[id], None)
        assert merged(CLIENTS[id], ENTRY, once, PATH) == (once, "unchanged")

    @pytest.mark.parametrize("id", CLIENTS)
    def test_an_entry_is_replaced_and_both_of_ours_stand_beside_each_other(self, id: str) -> None:
        client = CLIENTS[id]
        person = Entry("memoryops-human", ("/opt/memoryops", "mcp", "--human"))
        both = put(client, put(client, None), person)
        moved = put(client, both, Entry("memoryops", ("/new", "mcp", "--workspace=w")))
        servers = client.language.parse(moved)[client.table]
        assert servers["memoryops"]["command"] == "/new"
        assert servers["memoryops-human"]["args"] == ["mcp", "--human"]
        assert put(client, put(client, moved), ENTRY) == both

    @pytest.mark.parametrize("id", [id for id, client in CLIENTS.items() if client.http])
    def test_a_command_becomes_an_address_and_back(self, id: str) -> None:
        client = CLIENTS[id]
        called = put(client, put(client, None), over_http(8765, "t"))
        entry = client.language.parse(called)[client.table]["memoryops"]
        assert entry == client.form(over_http(8765, "t"))
        assert client.language.parse(put(client, called)) == client.language.parse(put(client, None))

    @pytest.mark.parametrize("id", CLIENTS)
    def test_a_text_that_is_wrong_is_refused(self, id: str) -> None:
        with pytest.raises(NotParseable, match=r"/file is no (JSON|TOML) that .*line 2.*mend it"):
            put(CLIENTS[id], '{"mcpServers": {},\n]' if id != "codex" else "a = 1\nb = = 2")

    @pytest.mark.parametrize("id", CLIENTS)
    def test_a_table_of_another_kind_is_refused(self, id: str) -> None:
        table = CLIENTS[id].table
        for text in (
            (f'{{"{table}": []}}', f'{{"{table}": {{"memoryops": 1}}}}') if id != "codex" else (f"{table} = 1",)
        ):
            with pytest.raises(NotParseable, match=r"holds no servers by name|memoryops in .* is no table"):
                put(CLIENTS[id], text)


class TestJson:
    def test_comments_and_trailing_commas_stay(self) -> None:
        after = put(VSCODE, COMMENTED)
        lines = after.splitlines()
        assert [line for line in COMMENTED.splitlines() if line not in lines] == [
            '        "other": { "command": "x", "args": ["//no comment"] } // keep me'
        ]
        assert '        "other": { "command": "x", "args": ["//no comment"] }, // keep me' in lines
        assert '        "memoryops": {' in lines
        assert '            "type": "stdio",' in lines
        assert json_text.parse_with_comments(after)["servers"]["other"]["args"] == ["//no comment"]

    def test_where_comments_are_no_json_they_are_refused(self) -> None:
        with pytest.raises(NotParseable, match="line 2"):
            put(DESKTOP, COMMENTED)

    def test_the_files_own_layout_is_kept(self) -> None:
        tabs = '{\r\n\t"theme": "dark",\r\n\t"mcpServers": {\r\n\t\t"a": {"command": "x"}\r\n\t}\r\n}\r\n'
        after = put(DESKTOP, tabs)
        assert after.startswith(tabs[: tabs.index("}") + 1] + ',\r\n\t\t"memoryops": {\r\n\t\t\t"command"')
        assert "\n" not in after.replace("\r\n", "")
        assert put(DESKTOP, '{"a":1}') == '{"a":1,\n' + put(DESKTOP, None).removeprefix("{\n").removesuffix("\n")

    def test_a_file_of_comments_alone_keeps_them(self) -> None:
        assert put(VSCODE, "// nothing yet") == "// nothing yet\n" + put(VSCODE, None)

    def test_servers_of_others_may_be_odd(self) -> None:
        assert json.loads(put(DESKTOP, '{"mcpServers": {"a": null}}'))["mcpServers"]["a"] is None

    def test_a_byte_order_mark_stays(self) -> None:
        assert put(DESKTOP, '\ufeff{"a": 1}\n').startswith('\ufeff{"a": 1,')

    def test_what_the_user_added_to_our_entry_stays(self) -> None:
        old = {"mcpServers": {"memoryops": {"command": "/old", "env": {"A": "b"}, "disabled": True, "url": "x"}}}
        (entry,) = json.loads(put(DESKTOP, json.dumps(old)))["mcpServers"].values()
        assert entry == {"command": "/opt/memoryops", "args": ["mcp"], "env": {"A": "b"}, "disabled": True}

    def test_of_equal_keys_the_last_counts(self) -> None:
        text = '{"mcpServers": {"old": {}}, "mcpServers": {"new": {}}}'
        assert json.loads(put(DESKTOP, text))["mcpServers"].keys() == {"new", "memoryops"}

    @given(
        st.dictionaries(
            st.text(max_size=5) | st.just("mcpServers"),
            st.dictionaries(st.text(max_size=5) | st.just("memoryops"), st.dictionaries(st.text(), st.text())),
            max_size=4,
        ),
        st.sampled_from([None, 1, 4, "\t"]),
        st.booleans(),
    )
    def test_only_our_entry_changes(self, value: dict[str, Any], indent: int | str | None, ascii: bool) -> None:
        text = json.dumps(value, indent=indent, ensure_ascii=ascii)
        after = json.loads(put(DESKTOP, text))
        ours = after["mcpServers"].pop("memoryops")
        assert (ours["command"], ours["args"]) == ("/opt/memoryops", ["mcp"])
        value.setdefault("mcpServers", {}).pop("memoryops", None)
        assert after == value


class TestToml:
    def test_only_what_changes_is_touched(self) -> None:
        after = put(CODEX, TOML)
        gone = [line for line in TOML.splitlines() if line not in after.splitlines()]
        assert gone == ['command = "/old" # why']
        assert toml_text.comments(after) == toml_text.comments(TOML)
        entry = tomllib.loads(after)["mcp_servers"]["memoryops"]
        assert entry["command"] == "/opt/memoryops"
        assert entry["startup_timeout_sec"] == 30
        assert entry["env"] == {"MEMORYOPS_QDRANT_API_KEY": "hush"}

    def test_it_is_appended_with_the_files_own_line_ends(self) -> None:
        after = put(CODEX, 'model = "o"\r\n')
        assert after.startswith('model = "o"\r\n\r\n[mcp_servers.memoryops]\r\ncommand')
        assert "\n" not in after.replace("\r\n", "")
        assert put(CODEX, 'model = "o"').startswith('model = "o"\n\n[mcp_servers.memoryops]\n')

    def test_line_ends_stay_even_where_they_are_mixed(self) -> None:
        text = TOML.replace("\n", "\r\n").replace("# my settings\r\n", "# my settings\n")
        after = put(CODEX, text)
        assert [line for line in after.split("\n") if line not in text.split("\n")] == [
            'command = "/opt/memoryops"\r',
            "# why\r",
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "mcp_servers = { other = { command = 'x' } }\n",
            "mcp_servers.memoryops = { command = 'x' }\n",
            "[mcp_servers]\nmemoryops.command = 'x'\n",
            "[mcp_servers.memoryops]\ncommand = 'x'\nargs = []\n[mcp_servers.memoryops.http_headers]\nA = 'b'\n",
        ],
    )
    def test_what_cannot_be_edited_is_refused_and_named(self, text: str) -> None:
        entry = over_http(1, "t") if "http_headers" in text else ENTRY
        with pytest.raises(NotMergeable, match=r"/file is left as it is: .*; put the entry in by hand"):
            put(CODEX, text, entry)

    @given(
        st.dictionaries(
            st.text(min_size=1, max_size=5), st.text() | st.integers() | st.lists(st.text(), max_size=3), max_size=4
        )
    )
    def test_only_our_entry_changes(self, value: dict[str, Any]) -> None:
        value.pop("mcp_servers", None)
        text = "".join(f"{toml_text._value(key)} = {toml_text._value(each)} # c\n" for key, each in value.items())
        try:
            before = tomllib.loads(text)
        except tomllib.TOMLDecodeError:  # characters that TOML forbids
            return
        after = tomllib.loads(put(CODEX, text))
        assert after.pop("mcp_servers") == {"memoryops": {"command": "/opt/memoryops", "args": ["mcp"]}}
        assert after == before


@given(st.text(alphabet="{}[],:\"/*\\ \n\tab1-.#='"))
def test_no_text_whatever_ends_in_anything_but_a_result_or_a_refusal(text: str) -> None:
    for client in (VSCODE, DESKTOP, CODEX):
        try:
            after, _ = merged(client, ENTRY, text, PATH)
        except ConfigRefused:
            continue
        assert client.language.parse(after)[client.table]["memoryops"]["command"] == "/opt/memoryops"
