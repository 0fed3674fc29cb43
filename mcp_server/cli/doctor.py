"""`memoryops doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import os
import platform
import shutil
import stat
from argparse import Namespace
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from ...memory.errors import MemoryOpsError
from ...memory.settings import Settings, stale_names, unknown_names
from ..clients.machine import Machine
from ..errors import DOMAIN, answer
from . import output
from .doctor_clients import clients
from .doctor_model import shipped_model
from .findings import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...stores.ports import PointStore

PACKAGES = ("qdrant-edge-py", "mcp", "onnxruntime", "tokenizers", "numpy", "pydantic", "msgpack", "rich")
LITTLE_BYTES = 1_000_000_000
TOO_LITTLE_BYTES = 50_000_000


class _Verified(Protocol):
    """A store that can compare its documents with its index."""

    def verify(self) -> Mapping[str, int]: ...


def doctor(load: Callable[[], Settings], args: Namespace) -> int:
    """Check the installation and the memory; 1 if something fails."""
    findings = []
    for finding in examine(load):
        findings.append(finding)
        if not args.json:
            _show(finding)
    if args.json:
        output.as_json(findings)
    return 1 if any(finding.level == "fail" for finding in findings) else 0


def _show(finding: Finding) -> None:
    from rich.text import Text

    colour = {"ok": "green", "warn": "yellow", "fail": "red"}[finding.level]
    text = Text(f"{finding.level:6}", style=colour)
    text.append(f"{finding.topic:15}", style="bold")
    text.append(output.printable(finding.text), style="default")
    if finding.remedy:
        text.append(f"\n{'':21}-> {output.printable(finding.remedy)}")
    output.console().print(text, soft_wrap=True)


def examine(load: Callable[[], Settings], machine: Machine | None = None) -> Iterator[Finding]:
    """All findings, as they come. *machine*: where the clients keep their files (default: this one)."""
    yield from _installation()
    yield from _environment()
    try:
        settings = load()
    except MemoryOpsError as error:
        yield Finding("fail", "settings", str(error), "correct or unset it")
        return
    yield shipped_model(settings)
    yield from _memory(settings)
    yield from clients(settings, machine or Machine.here())


def _memory(settings: Settings) -> Iterator[Finding]:
    if settings.qdrant_url:
        yield from _store(settings)
        return
    yield from _folder(settings.folder)
    if (settings.folder / "documents.sqlite").exists():
        yield _owner(settings.folder)
        yield from _store(settings)
    else:
        yield Finding("ok", "memory", "nothing is stored yet; the first use makes the data folder")


def _installation() -> Iterator[Finding]:
    from ... import __version__

    python = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield Finding("ok", "install", f"memoryops {__version__}, {python}")
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    yield Finding("ok", "packages", ", ".join(found))
    if missing:
        yield Finding("fail", "packages", f"missing: {', '.join(missing)}", "pip install -U memoryops")


def _environment() -> Iterator[Finding]:
    for name in unknown_names():
        yield Finding("warn", "environment", f"{name} is no setting", "correct its spelling, or unset it")
    for name in stale_names():
        yield Finding("warn", "environment", f"{name} is set, which means nothing here", "see the MEMORYOPS_ settings")


def _folder(path: Path) -> Iterator[Finding]:
    from ...stores.embedded.folder import NETWORK_FILE_SYSTEMS, file_system

    existing = next(each for each in (path, *path.parents) if each.exists())
    if not existing.is_dir():
        yield Finding("fail", "data folder", f"{existing} is a file", "choose another folder with --data-dir")
        return
    kind = file_system(existing)
    where = f"{path} on {kind}" if kind else str(path)
    if kind in NETWORK_FILE_SYSTEMS:
        remedy = "choose a local folder with --data-dir, or a Qdrant server"
        yield Finding("fail", "data folder", f"{where}, a network file system without reliable locks", remedy)
    elif not os.access(existing, os.W_OK | os.X_OK):
        remedy = "give this user write permission, or choose another folder with --data-dir"
        yield Finding("fail", "data folder", f"{existing} cannot be written by this user", remedy)
    elif existing == path and os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        mode = stat.S_IMODE(path.stat().st_mode)
        yield Finding("warn", "data folder", f"{where}: others may read it (mode {mode:o})", f"chmod 700 '{path}'")
    else:
        yield Finding("ok", "data folder", where)
    yield _space(existing)


def _space(path: Path) -> Finding:
    free = shutil.disk_usage(path).free
    text = f"{free / 1e9:.1f} GB free"
    if free < TOO_LITTLE_BYTES:
        return Finding("fail", "disk space", f"{text}: writes are refused soon", "free some space")
    if free < LITTLE_BYTES:
        return Finding("warn", "disk space", text, "free some space")
    return Finding("ok", "disk space", text)


def _owner(path: Path) -> Finding:
    from ...stores.embedded import rendezvous
    from ...stores.embedded.folder import Folder

    pointer = rendezvous.find(Folder(path))
    if pointer is None:
        return Finding("ok", "owner", "not running; the next use starts it")
    try:
        rendezvous.connect(pointer).close()
    except OSError:
        return Finding("ok", "owner", f"process {pointer.pid} has ended; the next use starts a new one")
    return Finding("ok", "owner", f"process {pointer.pid}, version {pointer.version}")


def _store(settings: Settings) -> Iterator[Finding]:
    from ...memory.opening import open_store

    try:
        store = open_store(settings)
    except DOMAIN as error:
        yield _failure("memory", error)
        return
    try:
        yield from _contents(store)
    except DOMAIN as error:
        yield _failure("memory", error)
    finally:
        store.close()


def _contents(store: PointStore) -> Iterator[Finding]:
    info = store.info()
    yield Finding("ok", "memory", f"{info.records} records, {info.passages} passages ({info.adapter})")
    yield Finding("ok", "encoder", f"{info.encoder}, {info.dimension} dimensions")
    waiting = str(info.details.get("embedding_error") or "")
    if waiting:
        text = f"{info.pending_embeddings} passages wait: {waiting}"
        yield Finding("warn", "embeddings", text, "mend what it says; they are made as soon as it works")
    elif info.pending_embeddings:
        yield Finding("ok", "embeddings", f"{info.pending_embeddings} passages are being embedded")
    else:
        yield Finding("ok", "embeddings", "all made")
    if info.adapter == "embedded":
        yield _compared(cast(_Verified, store).verify())


def _compared(report: Mapping[str, int]) -> Finding:
    repaired = {name: count for name, count in report.items() if name != "checked" and count}
    if repaired:
        told = ", ".join(f"{count} {name}" for name, count in repaired.items())
        return Finding("warn", "index", f"it differed from the documents ({told}) and was repaired", "run doctor again")
    return Finding("ok", "index", f"agrees with the documents ({report.get('checked', 0)} passages)")


def _failure(topic: str, error: Any) -> Finding:
    told = answer(error)
    remedy = "the log in the data folder, owner.log, says more" if told.kind == "unavailable" else told.remedy
    return Finding("fail", topic, told.message, remedy)
