"""`memoryops export`, `import`, `backup`, `restore` and `reembed`: the data as a whole."""

from __future__ import annotations

import time
from argparse import Namespace
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from ...memory.errors import InvalidInput
from . import output

if TYPE_CHECKING:
    from ...memory.service import MemoryOps
    from ...memory.settings import Settings


class _BackedUp(Protocol):
    """A store whose capabilities say `backup`."""

    def backup(self, target: Path) -> Path: ...


def export(ops: MemoryOps, args: Namespace) -> int:
    """Write the memory to a new file of JSON lines."""
    with output.progress("Exporting") as progress:
        done = ops.export(args.path, quarantined=args.quarantined, progress=progress)
    if args.json:
        output.as_json(done)
        return 0
    left_out = f"; {done.quarantined_left_out} in quarantine left out" if done.quarantined_left_out else ""
    output.line(f"{done.records} records written to {done.path}{left_out}")
    return 0


def import_(ops: MemoryOps, args: Namespace) -> int:
    """Read an export into the memory."""
    with output.progress("Importing") as progress:
        done = ops.import_(args.path, overwrite=args.overwrite, progress=progress)
    if args.json:
        output.as_json(done)
    else:
        output.line(", ".join(f"{count} {name}" for name, count in asdict(done).items()))
    return 0


def backup(ops: MemoryOps, args: Namespace) -> int:
    """Write a consistent copy of the data folder's documents to a new file."""
    from ...stores.embedded.folder import Folder

    if not ops.store.capabilities.backup:
        raise InvalidInput("a Qdrant server is backed up by its own snapshots; `memoryops export` writes a file")
    folder = Folder(Path(ops.store.info().location))
    target = args.path or folder.backups / f"{time.strftime('%Y%m%d-%H%M%S')}.sqlite"
    written = cast(_BackedUp, ops.store).backup(target.absolute())
    if args.json:
        output.as_json({"path": str(written), "bytes": written.stat().st_size})
    else:
        output.line(f"{written} ({written.stat().st_size / 1e6:.1f} MB); bring it back with `memoryops restore`")
    return 0


def restore(settings: Settings, args: Namespace) -> int:
    """Make a data folder from a backup; the folder must not hold a memory yet."""
    from ...stores.embedded.folder import Folder
    from ...stores.embedded.recovery import restore as restore_from

    _embedded(settings, "restore")
    restore_from(args.backup, Folder(settings.folder))
    if args.json:
        output.as_json({"data_dir": str(settings.folder)})
    else:
        output.line(f"{settings.folder} holds the memory of {args.backup}; its first use makes the index")
    return 0


def reembed(settings: Settings, args: Namespace) -> int:
    """Make all vectors anew with another encoder."""
    from ...encoders.registry import load
    from ...stores.embedded.ending import owner_kept_away
    from ...stores.embedded.reembed import reembed as make_anew

    _embedded(settings, "reembed")
    with owner_kept_away(settings.folder), output.progress("Embedding") as progress:
        done = make_anew(settings.folder, partial(load, api_key=settings.embeddings_api_key), args.encoder, progress)
    if args.json:
        output.as_json({"encoder": args.encoder, "passages": done})
    else:
        output.line(f"{done} passages embedded with {args.encoder}")
    return 0


def _embedded(settings: Settings, command: str) -> None:
    if settings.qdrant_url:
        raise InvalidInput(
            f"{command} works on a data folder, not on a Qdrant server; leave --qdrant-url and "
            "MEMORYOPS_QDRANT_URL unset"
        )
