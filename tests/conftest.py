"""What holds for every test: no network, no trace in the user's own folders, no setting from outside."""

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_GUARD = Path(__file__).parent / "network_guard" / "sitecustomize.py"
_SHORT_TMP = "/tmp" if os.name == "posix" else None  # the path of a Unix socket ends near 103 bytes


def _load_guard() -> list[str]:
    """Switch the guard on for this process and for the Python processes it starts.

    Returns the list that the guard writes its blocked attempts to.
    """
    started_with = sys.modules.get("sitecustomize")  # a worker of pytest-xdist is a process that tests start
    if started_with is not None and Path(str(started_with.__file__)) == _GUARD:
        found: list[str] = started_with.attempts
        return found
    spec = importlib.util.spec_from_file_location("network_guard", _GUARD)
    assert spec is not None
    assert spec.loader is not None
    guard = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(guard)
    inherited = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_GUARD.parent), inherited]))
    attempts: list[str] = guard.attempts
    return attempts


def _leave_home() -> Path:
    """Settings of whoever runs the tests do not reach them, and their files stay out of reach."""
    for name in list(os.environ):
        ours = name.startswith("MEMORYOPS_") and not name.startswith("MEMORYOPS_TEST_")
        if ours or name.startswith("XDG_"):
            del os.environ[name]
    home = Path(tempfile.mkdtemp(prefix="mo-home-", dir=_SHORT_TMP))
    for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"):
        if name in os.environ:
            os.environ[name] = str(home)
    os.environ["HF_HUB_OFFLINE"] = "1"  # its downloader is native code, which no audit hook sees
    return home


_attempts = pytest.StashKey[list[str]]()
_home = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_home] = _leave_home()
    config.stash[_attempts] = _load_guard()


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[_home], ignore_errors=True)


@pytest.fixture
def network_attempts(pytestconfig: pytest.Config) -> list[str]:
    """What the guard blocked during this test. A test that means to be blocked empties the list."""
    return pytestconfig.stash[_attempts]


@pytest.fixture(autouse=True)
def _no_network(network_attempts: list[str]) -> Iterator[None]:
    """A blocked attempt fails its test even where the code under test swallowed the error."""
    network_attempts.clear()
    yield
    assert not network_attempts, f"tried to leave this machine: {network_attempts}"


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """An empty data folder with a path short enough for a Unix socket beside its files."""
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir=_SHORT_TMP))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
