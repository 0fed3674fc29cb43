"""What is built is what stands on disk, it works away from the repository, and its core stays light."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

import memoryops

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES: list[str] = PYPROJECT["tool"]["setuptools"]["packages"]
ROOMS: dict[str, str] = PYPROJECT["tool"]["setuptools"]["package-dir"]

HEAVY = ["fastembed", "mcp", "numpy", "onnxruntime", "qdrant_client", "qdrant_edge", "tokenizers", "torch"]


def _folder(package: str) -> Path:
    """Where *package* lies in the repository: its own entry in package-dir, or that of its nearest parent."""
    if package in ROOMS:
        return ROOT / ROOMS[package]
    parent, _, name = package.rpartition(".")
    return _folder(parent) / name


def _packages_on_disk() -> set[str]:
    found = set()
    for package, folder in ROOMS.items():
        for module in (ROOT / folder).rglob("*.py"):
            inside = module.parent.relative_to(ROOT / folder)
            found.add(".".join([package, *inside.parts]))
    return found


def _run(code: str, cwd: Path, pythonpath: Path | None = None) -> str:
    """Run *code* in a fresh interpreter; its standard output, or its traceback as this test's failure."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if pythonpath is not None:
        environment["PYTHONPATH"] = str(pythonpath)
    child = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return child.stdout


def test_every_folder_of_the_house_is_listed() -> None:
    assert set(PACKAGES) == _packages_on_disk()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_what_it_is(package: str) -> None:
    assert (_folder(package) / "__init__.py").is_file()


def test_type_checkers_see_every_room() -> None:
    links = ROOT / ".links" / "memoryops"
    if not links.joinpath("stores").is_symlink():
        pytest.skip("this checkout has no symbolic links (git config core.symlinks)")
    rooms = {folder for folder in ROOMS.values() if folder != "memoryops"}
    assert {link.name for link in links.iterdir() if link.is_dir()} == rooms
    for link in links.iterdir():
        assert link.resolve() == (ROOT / "memoryops" / link.name if link.is_file() else ROOT / link.name)


def test_the_core_asks_for_no_torch() -> None:
    names = {re.split(r"[^\w-]", line)[0].lower() for line in PYPROJECT["project"]["dependencies"]}
    assert names.isdisjoint({"torch", "transformers", "peft", "sentence-transformers", "langgraph", "openai"})


def test_importing_memoryops_is_light(tmp_path: Path) -> None:
    loaded = _run("import sys, memoryops; print(*sys.modules)", cwd=tmp_path).split()
    assert set(loaded).isdisjoint(HEAVY)


def test_every_public_name_resolves() -> None:
    for name in memoryops.__all__:
        assert getattr(memoryops, name) is not None
        assert name in dir(memoryops)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Memory'"):
        memoryops.Memory  # noqa: B018 - reading the attribute is the test


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: a build in place would leave folders that the next build picks up."""
    source = tmp_path_factory.mktemp("source")
    for folder in set(ROOMS.values()):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    built = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index"]
    child = subprocess.run(
        [*command, "--wheel-dir", str(built), str(source)], capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stdout + child.stderr
    return next(built.glob("memoryops-*.whl"))


def test_the_wheel_holds_all_modules_the_model_and_the_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        f"{package.replace('.', '/')}/{module.name}" for package in PACKAGES for module in _folder(package).glob("*.py")
    }
    assert expected <= names
    assert "memoryops/py.typed" in names
    assert "memoryops/encoders/minilm/tokenizer.json" in names
    assert "memoryops/memory/llms.json" in names
    assert [name for name in names if re.fullmatch(r"memoryops/encoders/minilm/[^/]+\.onnx", name)]
    assert [name for name in names if re.fullmatch(r"memoryops-[^/]+\.dist-info/licenses/LICENSE", name)]
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"memoryops"}


def test_the_wheel_works_beside_a_users_own_stores_and_graphs(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    project = tmp_path / "project"
    for name in ("graphs", "stores", "memory"):
        folder = project / name
        folder.mkdir(parents=True)
        folder.joinpath("__init__.py").write_text("OWNER = 'the user'\n", encoding="utf-8")
    code = f"""
import importlib, pathlib
import graphs, memory, stores
for package in {PACKAGES!r}:
    print(pathlib.Path(importlib.import_module(package).__file__).as_posix())
assert graphs.OWNER == memory.OWNER == stores.OWNER == 'the user'
from memoryops import MemoryOps
assert MemoryOps.__module__ == 'memoryops.memory.service', MemoryOps.__module__
"""
    printed = _run(code, cwd=project, pythonpath=installed).splitlines()
    assert [Path(line).parent for line in printed] == [installed.joinpath(*package.split(".")) for package in PACKAGES]
