"""Builds dist/memoryops-VERSION.mcpb: what a desktop application installs with a double click.

The bundle holds this code as a wheel, and the host's uv installs it with its dependencies at the first start. The
same sources give the same bytes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FILES = ("manifest.json", "icon.png", "server.py")
BEGINNING = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip archive can hold: every file in the bundle has it."""

PROJECT = """\
[project]
name = "memoryops-bundle"
version = "{version}"
requires-python = ">=3.11"
dependencies = ["memoryops=={version}"]

[tool.uv.sources]
memoryops = {{ path = "{wheel}" }}
"""


def build(wheel: Path, folder: Path) -> Path:
    """The bundle with *wheel* in it, as a new file in *folder*."""
    version = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))["version"]
    path = folder / f"memoryops-{version}.mcpb"
    folder.mkdir(parents=True, exist_ok=True)
    contents = {name: (HERE / name).read_bytes() for name in FILES}
    contents["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    contents["pyproject.toml"] = PROJECT.format(version=version, wheel=wheel.name).encode()
    contents[wheel.name] = wheel.read_bytes()
    with zipfile.ZipFile(path, "w") as bundle:
        for name, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, BEGINNING)
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name == wheel.name else zipfile.ZIP_DEFLATED
            bundle.writestr(entry, content)
    return path


def wheel(folder: Path) -> Path:
    """This code as a wheel in *folder*, built from a copy: a build in place leaves folders that the next picks up."""
    source = folder / "source"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for room in set(project["tool"]["setuptools"]["package-dir"].values()):
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-index"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "315532800"}
    subprocess.run([*command, "--wheel-dir", str(folder), str(source)], env=environment, check=True)
    return next(folder.glob("memoryops-*.whl"))


def main() -> int:
    """Build it and say where it is."""
    with tempfile.TemporaryDirectory() as folder:
        path = build(wheel(Path(folder)), ROOT / "dist")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
