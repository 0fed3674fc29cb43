"""How much disk the core install takes: MemoryOps and its dependencies, without extras, pip and setuptools.

Installs the repository into a throw-away environment, so it needs a package index. Exits 1 at 330 MB or more.
"""

import shutil
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from pathlib import Path

LIMIT_MB = 330
ROOT = Path(__file__).parents[1]
NOT_OURS = ("_distutils_hack", "distutils-precedence.pth", "pip", "pkg_resources", "setuptools")


def install(folder: Path) -> Path:
    """Install the core into a new environment below *folder* and return its site-packages."""
    # from a copy: a build in place would leave its folders in the repository
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "__pycache__", "build", "*.egg-info"))
    venv.create(folder / "venv", with_pip=True, symlinks=sys.platform != "win32")
    python = folder / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    constraints = source / "constraints.txt"
    subprocess.run([python, "-m", "pip", "install", "-qq", "-c", constraints, source], check=True)
    where = "import sysconfig; print(sysconfig.get_path('platlib'))"
    return Path(subprocess.check_output([python, "-c", where], text=True).strip())


def sizes_by_folder(site_packages: Path) -> Counter[str]:
    """Bytes of all files, by their top-level folder."""
    sizes: Counter[str] = Counter()
    for file in site_packages.rglob("*"):
        top = file.relative_to(site_packages).parts[0]
        if file.is_file() and not top.startswith(NOT_OURS):
            sizes[top] += file.stat().st_size
    return sizes


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="memoryops-size-") as folder:
        sizes = sizes_by_folder(install(Path(folder)))
    total = sum(sizes.values()) / 1e6
    for top, size in sizes.most_common(10):
        print(f"{size / 1e6:8.1f} MB  {top}")
    print(f"{total:8.1f} MB  all {len(sizes)} entries (limit {LIMIT_MB} MB)")
    if "torch" in sizes or total >= LIMIT_MB:
        print("the core install must have no torch and stay under its limit", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
