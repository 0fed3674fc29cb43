"""The doctor's look at the shipped encoder: are its files those that were installed? Nothing is loaded."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.metadata import FileHash, PackageNotFoundError, files
from pathlib import Path
from typing import TYPE_CHECKING

from .findings import Finding

if TYPE_CHECKING:
    from ...memory.settings import Settings

DISTRIBUTION = "memoryops"
FILES = ("model.onnx", "tokenizer.json")
REMEDY = f"install anew: pip install --force-reinstall --no-deps {DISTRIBUTION}"


def shipped_model(
    settings: Settings, folder: Path | None = None, noted: Mapping[Path, FileHash] | None = None
) -> Finding:
    """Whether the files in *folder* (default: the package's) have the digests that the installer *noted*.

    An editable installation notes none: then the files must only be there.
    """
    if settings.encoder not in (None, "minilm"):
        return Finding("ok", "model", f"{settings.encoder} is set instead of the shipped encoder")
    from ... import encoders

    here = folder or Path(encoders.__path__[0]) / "minilm"
    known = _noted() if noted is None else noted
    size = 0
    for path in (here / name for name in FILES):
        try:
            content = path.read_bytes()
        except OSError as error:
            return Finding("fail", "model", f"cannot read {path}: {error.strerror}", REMEDY)
        digest = known.get(path.resolve())
        if not content or (digest is not None and digest_of(content, digest.mode) != digest.value):
            return Finding("fail", "model", f"{path} is not the file that was installed", REMEDY)
        size += len(content)
    return Finding("ok", "model", f"all-MiniLM-L6-v2, {size / 1e6:.0f} MB; the owner loads it at the first use")


def digest_of(content: bytes, kind: str) -> str:
    """The digest of *content* as installers note it."""
    return base64.urlsafe_b64encode(hashlib.new(kind, content).digest()).decode().rstrip("=")


def _noted() -> dict[Path, FileHash]:
    try:
        installed = files(DISTRIBUTION) or []
    except PackageNotFoundError:
        return {}
    return {Path(str(each.locate())).resolve(): each.hash for each in installed if each.hash and each.name in FILES}
