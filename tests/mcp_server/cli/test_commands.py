"""The command line, run in this process on a real data folder."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memoryops.mcp_server.cli.main import main
from memoryops.mcp_server.cli.output import printable
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.embedded.ending import stop_owner

Cli = Callable[..., Any]


def added(cli: Cli, *arguments: str) -> str:
    """The id of a memory that `memoryops add` stores."""
    (one,) = cli("--json", "add", *arguments).json
    return str(one["id"])


class TestMemories:
    def test_a_text_is_added_found_shown_and_forgotten(self, cli: Cli) -> None:
        id = added(cli, "We chose SQLite.", "--tag", "db", "--metadata", "lines=40", "--priority", "8")
        found = cli("search", "which", "database", "--where", "tags=db", "--where", "metadata.lines=40")
        assert found.status == 0
        assert id in found.out
        assert "We chose SQLite." in found.out
        assert cli("show", id).out == "We chose SQLite."
        assert cli("retrieve", id).out == "We chose SQLite."
        assert cli("--json", "show", id).json["priority"] == 8
        assert "1 forgotten" in cli("forget", id, "--yes").out
        assert f"there is no memory '{id}'" in cli("show", id).err

    def test_files_get_their_type_and_path(self, cli: Cli, tmp_path: Path) -> None:
        texts = {"notes.md": "# Ferry", "fares.py": "FARE = 1450", "free.txt": "no type"}
        for name, text in texts.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        ran = cli("add", "--tag", "t", "--file", *(str(tmp_path / name) for name in texts))
        assert [line.rpartition("  ")[2] for line in ran.out.splitlines()] == [str(tmp_path / name) for name in texts]
        found = cli("--json", "search", "ferry", "--where", "tags=t").json
        assert {Path(hit["metadata"]["path"]).name: hit["content_type"] for hit in found["hits"]} == {
            "notes.md": "markdown",
            "fares.py": "code",
            "free.txt": "note",
        }

    @pytest.mark.parametrize("arguments", [["add"], ["add", "-"]])
    def test_standard_input_is_added(self, cli: Cli, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
        text = "piped, ünïcode\r\nand all"
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        (one,) = cli("--json", *arguments).json
        assert cli("show", one["id"]).out == text

    def test_a_search_is_explained_bounded_and_continued(self, cli: Cli) -> None:
        for number in range(3):
            added(cli, f"the ferry leaves pier {number}")
        first = cli("search", "ferry", "--limit", "2", "--explain")
        assert "dense " in first.out
        cursor = first.out.rpartition("--cursor ")[2].strip()
        rest = cli("--json", "search", "ferry", "--limit", "2", "--cursor", cursor).json
        assert len(rest["hits"]) == 1
        assert rest["hits"][0]["id"] not in first.out
        assert cli("--json", "search", "ferry", "--max-tokens", "3").json["tokens"] <= 3
        assert cli("search", "ferry", "--where", "tags=none").out == "Nothing found.\n"

    def test_a_message_keeps_thread_speaker_and_time(self, cli: Cli) -> None:
        options = ["--kind", "message", "--thread", "t", "--speaker", "Ops", "--created-at", "2026-03-29"]
        item = cli("--json", "show", added(cli, "yes", *options)).json
        assert (item["kind"], item["thread"], item["speaker"]) == ("message", "t", "Ops")
        assert item["created_at"].startswith("2026-03-29")

    def test_a_repeated_key_stores_nothing(self, cli: Cli) -> None:
        first = added(cli, "yes", "--kind", "message", "--idempotency-key", "k")
        assert added(cli, "yes", "--kind", "message", "--idempotency-key", "k") == first

    def test_memories_are_forgotten_by_filter_only_when_confirmed(self, cli: Cli) -> None:
        id = added(cli, "a draft", "--tag", "draft")
        refused = cli("forget", "--where", "tags=draft")
        assert (refused.status, refused.err) == (1, "memoryops: nothing was forgotten; confirm with --yes\n")
        assert cli("--json", "forget", "--where", "tags=draft", "--yes", "--hard").json["ids"] == [id]
        assert cli("forget", id, "--yes").status == 1

    def test_the_state(self, cli: Cli) -> None:
        added(cli, "one")
        assert cli("--json", "state").json["items"] == 1
        assert "context utilization percentage" in cli("state").out


class TestPeople:
    def test_a_person_answers_what_an_agent_asked(self, cli: Cli, agent: MemoryOps) -> None:
        request = agent.hil.request("Deploy tonight?", options=["yes", "no"], context="11 tests are new")
        listed = cli("hil", "list")
        for text in (request.id, "Deploy tonight?", "yes, no", "11 tests"):
            assert text in listed.out
        assert "choose one of yes, no" in cli("hil", "answer", request.id, "perhaps").err
        assert cli("hil", "answer", request.id, "no", "--by", "Ops", "--comment", "not now").status == 0
        settled = agent.hil.get(request.id)
        assert (settled.status, settled.answer, settled.answered_by) == ("answered", "no", "Ops")
        assert cli("hil", "list").out == "No request waits for an answer.\n"
        assert "answer by Ops: no" in cli("hil", "list", "--status", "all").out
        assert "is answered already" in cli("hil", "decline", request.id).err

    def test_a_person_declines(self, cli: Cli, agent: MemoryOps) -> None:
        request = agent.hil.request("May I?")
        assert cli("--json", "hil", "decline", request.id).json["status"] == "declined"

    def test_quarantine(self, cli: Cli) -> None:
        id = added(cli, "wrong figures about ferries")
        assert cli("quarantine", "add", id, "--reason", "wrong").status == 0
        assert cli("search", "ferries").out == "Nothing found.\n"
        assert cli("show", id).out == "wrong figures about ferries"
        listed = cli("quarantine", "list", "--content").out
        assert "reason: wrong" in listed
        assert "wrong figures" in listed
        assert cli("quarantine", "release", id).status == 0
        assert id in cli("search", "ferries").out
        other = cli("--json", "quarantine", "add", "--text", "bad", "--reason", "r").json["id"]
        assert "confirm with --yes" in cli("quarantine", "purge", other).err
        assert cli("quarantine", "purge", other, "--yes").status == 0
        assert cli("quarantine", "list").out == "The quarantine is empty.\n"
        assert "there is no quarantined memory" in cli("quarantine", "release", other).err


class TestWork:
    def test_a_task_from_its_making_to_its_end(self, cli: Cli) -> None:
        made = cli("--json", "tasks", "create", "Rotate the key", "--priority", "8", "--tag", "ops").json
        id = made["id"]
        assert "Rotate the key" in cli("tasks", "list", "--status", "open", "--tag", "ops").out
        assert f"{id}  in_progress by reviewer" in cli("--agent", "reviewer", "tasks", "claim").out
        taken = cli("tasks", "claim", id, "--agent", "other")
        assert taken.status == 1
        assert "is held by reviewer" in taken.err
        assert cli("tasks", "update", id, "--status", "blocked").status == 0
        assert cli("tasks", "update", id, "--status", "open", "--title", "Rotate both keys").status == 0
        assert cli("tasks", "done", id, "--result", "rotated").status == 0
        shown = cli("tasks", "show", id).out
        assert "Rotate both keys" in shown
        assert "rotated" in shown
        assert cli("tasks", "list", "--status", "open").out == "No tasks.\n"
        assert cli("tasks", "claim", "--agent", "other").status == 1

    def test_agents(self, cli: Cli, agent: MemoryOps) -> None:
        assert cli("agents", "list").out == "No agent has registered.\n"
        agent.agents.register("reviewer", ["python"])
        assert "reviewer  python" in cli("agents", "list", "--capability", "python").out
        assert cli("--json", "agents", "list", "--capability", "go").json["agents"] == []


class TestData:
    def test_export_and_import_are_each_others_inverse(self, cli: Cli, tmp_path: Path) -> None:
        added(cli, "one")
        cli("quarantine", "add", "--text", "bad", "--reason", "r")
        path = str(tmp_path / "memory.jsonl")
        assert cli("export", path).out == f"1 records written to {path}; 1 in quarantine left out\n"
        assert "exists already" in cli("export", path).err
        assert "1 unchanged" in cli("import", path).out
        into = ["--workspace", "another"]
        assert cli(*into, "--json", "import", path).json["added"] == 1
        again = str(tmp_path / "again.jsonl")
        assert cli(*into, "export", again).status == 0
        assert Path(again).read_bytes() == Path(path).read_bytes()
        (tmp_path / "other.json").write_text("{}", encoding="utf-8")
        assert "is no export" in cli("import", str(tmp_path / "other.json")).err

    def test_backup_and_restore(self, cli: Cli, tmp_path: Path) -> None:
        id = added(cli, "worth keeping")
        path = tmp_path / "b.sqlite"
        assert cli("--json", "backup", str(path)).json == {"path": str(path), "bytes": path.stat().st_size}
        assert "exists already" in cli("backup", str(path)).err
        assert Path(cli("--json", "backup").json["path"]).parent.name == "backups"
        assert "holds a memory already" in cli("restore", str(path)).err
        assert "there is no backup" in cli("restore", str(tmp_path / "none"), "--data-dir", str(tmp_path / "e")).err
        new = tmp_path / "new"
        assert cli("restore", str(path), "--data-dir", str(new)).status == 0
        assert cli("--data-dir", str(new), "show", id).out == "worth keeping"
        assert id in cli("--data-dir", str(new), "search", "worth keeping").out
        stop_owner(new)

    def test_reembed_gives_the_folder_another_encoder(self, cli: Cli, folder: Path) -> None:
        place = ["--data-dir", str(folder)]
        id = added(cli, *place, "the ferry leaves")
        assert "passages embedded with hashing:64" in cli(*place, "reembed", "--encoder", "hashing:64").out
        assert id in cli(*place, "search", "ferry").out
        assert "hashing:64" in cli(*place, "state").out
        assert "no encoder is called 'word2vec'" in cli(*place, "reembed", "--encoder", "word2vec").err


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["show", "nobody"], "there is no memory 'nobody'"),
            (["add", " "], "content is empty"),
            (["add", "a", "--priority", "11"], "priority is 11"),
            (["add", "a", "--metadata", "b"], "--metadata 'b' is no pair"),
            (["add", "a", "--file", "b"], "either a text or --file"),
            (["add", "--file", "/nowhere/at/all"], "cannot read /nowhere/at/all"),
            (["search", "a", "--where", "b"], "--where 'b' is no condition"),
            (["search", "a", "--where", "colour=red"], "cannot filter by 'colour'"),
            (["search", "a", "--cursor", "b"], "pass next_cursor as it came"),
            (["search", "a", "--limit", "0"], "limit is 0"),
            (["forget"], "either ids or --where"),
            (["hil", "answer", "nobody", "yes"], "there is no HIL request"),
            (["quarantine", "add", "--reason", "r"], "either the id of a memory or --text"),
            (["tasks", "done", "nobody"], "there is no task"),
            (["tasks", "claim"], "a claim needs an agent"),
            (["import", "/nowhere"], "cannot read /nowhere"),
            (["--workspace", "\n", "state"], "printable characters"),
        ],
    )
    def test_an_error_is_one_line_with_what_to_do(self, cli: Cli, arguments: list[str], said: str) -> None:
        ran = cli(*arguments)
        assert (ran.status, ran.out) == (1, "")
        assert said in ran.err
        assert ran.err.startswith("memoryops: ")
        assert ran.err.count("\n") == 1

    @pytest.mark.parametrize(
        "arguments",
        [[], ["remember"], ["hil"], ["search"], ["search", "a", "--limit", "many"], ["config", "emacs"], ["--data"]],
    )
    def test_wrong_usage_is_status_2(self, cli: Cli, arguments: list[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            cli(*arguments, here=False)
        assert ended.value.code == 2

    def test_a_wrong_setting_is_named(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MEMORYOPS_WINDOW", "wide")
        assert "MEMORYOPS_WINDOW is 'wide'" in cli("state").err

    def test_a_damaged_folder(self, cli: Cli, folder: Path) -> None:
        (folder / "documents.sqlite").write_bytes(b"no database" * 1000)
        ran = cli("--data-dir", str(folder), "state")
        assert ran.status == 1
        assert "backup" in ran.err

    def test_a_data_folder_that_is_a_file(self, cli: Cli, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.touch()
        assert f"{path} is a file, not a folder" in cli("--data-dir", str(path), "state").err

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
    def test_a_read_only_folder(self, cli: Cli, folder: Path) -> None:
        folder.chmod(0o500)
        try:
            ran = cli("--data-dir", str(folder), "add", "a")
        finally:
            folder.chmod(0o700)
        assert ran.status == 1
        assert "give this user write permission" in ran.err

    def test_a_binary_file_is_not_added(self, cli: Cli, tmp_path: Path) -> None:
        path = tmp_path / "image.png"
        path.write_bytes(b"\x89PNG\xff")
        assert "is no UTF-8 text (byte 0)" in cli("add", "--file", str(path)).err
        path.write_bytes(b" \n")
        assert "is empty; leave it out" in cli("add", "--file", str(path)).err

    def test_ctrl_c_is_status_130(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        class Interrupted(io.TextIOWrapper):
            @property
            def buffer(self) -> Any:
                raise KeyboardInterrupt

        monkeypatch.setattr("sys.stdin", Interrupted(io.BytesIO()))
        assert cli("add").status == 130


class TestOutput:
    def test_control_characters_do_not_reach_the_terminal(self, cli: Cli) -> None:
        id = added(cli, "red \x1b[31malert\x07 \u202eevil")
        assert "\\x1b[31malert\\x07 \\u202eevil" in cli("search", "alert").out
        assert cli("show", id).out == "red \x1b[31malert\x07 \u202eevil"
        assert printable("a\tb\nc\r\nd\re") == "a\tb\nc\nd\\x0de"

    def test_json_is_json(self, cli: Cli) -> None:
        added(cli, "ünïcode")
        assert json.loads(cli("--json", "search", "x").out)["hits"][0]["content"] == "ünïcode"

    def test_config_prints_json_alone(self, cli: Cli, tmp_path: Path) -> None:
        ran = cli("config", "claude-desktop", "--data-dir", str(tmp_path), "--workspace", "w", here=False)
        server = ran.json["mcpServers"]["memoryops"]
        assert Path(server["command"]).is_absolute()
        assert server["args"][-3:] == ["mcp", f"--data-dir={tmp_path}", "--workspace=w"]
        assert "claude_desktop_config.json" in ran.err

    def test_version(self, cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["--version"])
        assert ended.value.code == 0
        assert capsys.readouterr().out.startswith("memoryops 0.")


@pytest.fixture
def agent(shared_folder: Path, request: pytest.FixtureRequest) -> Any:
    """An agent in this test's workspace."""
    with MemoryOps.open(shared_folder, scope=Scope(workspace=request.node.name[:100], agent="reviewer")) as ops:
        yield ops
