"""The local token: made once, kept private, never half there."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from memoryops.mcp_server.http.token import NoToken, local_token, token_path
from memoryops.memory.errors import InvalidInput

posix = pytest.mark.skipif(os.name != "posix", reason="there are no such modes here")


def test_it_is_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    token = local_token(folder)
    assert len(token) >= 43
    assert local_token(folder) == token
    assert [path.name for path in folder.iterdir()] == ["http.token"]


@posix
def test_its_file_and_its_folder_are_private(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        local_token(tmp_path / "new")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "new" / "http.token").stat().st_mode) == 0o600


def test_a_persons_is_not_the_agents(tmp_path: Path) -> None:
    assert len({local_token(tmp_path, role) for role in ("agent", "human", "admin")}) == 3
    assert token_path(tmp_path, "human").name == "http-human.token"


def test_all_who_start_at_once_get_the_same(tmp_path: Path) -> None:
    code = f"from memoryops.mcp_server.http.token import local_token; from pathlib import Path; " \
           f"print(local_token(Path({str(tmp_path)!r})))"  # fmt: skip
    processes = [subprocess.Popen([sys.executable, "-P", "-c", code], stdout=-1, text=True) for _ in range(4)]
    with ThreadPoolExecutor(16) as pool:
        tokens = set(pool.map(lambda _: local_token(tmp_path), range(64)))
    tokens |= {process.communicate(timeout=60)[0].strip() for process in processes}
    assert tokens == {local_token(tmp_path)}
    assert [path.name for path in tmp_path.iterdir()] == ["http.token"]


@posix
def test_one_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    local_token(tmp_path)
    token_path(tmp_path).chmod(0o644)
    with pytest.raises(InvalidInput, match=r"http\.token can be read by other users \(mode 0644\); delete it"):
        local_token(tmp_path)


@pytest.mark.parametrize("content", ["", "short", "two words that are longer than thirty-two", "ü" * 50, "\x00" * 50])
def test_what_is_no_token_is_not_used(tmp_path: Path, content: str) -> None:
    token_path(tmp_path).touch(mode=0o600)
    token_path(tmp_path).write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput, match="holds no token"):
        local_token(tmp_path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    tmp_path.joinpath("file").touch()
    with pytest.raises(NoToken, match="file"):
        local_token(tmp_path / "file")
