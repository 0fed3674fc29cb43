"""The commands of the data as a whole, and of encoders."""

from __future__ import annotations

from pathlib import Path

from ..parser import Commands


def data(commands: Commands) -> None:
    export = commands.add(
        "export",
        "write the memory to a new file of JSON lines",
        "cli.data:export",
        "memoryops export memory.jsonl",
    )
    export.add_argument("path", type=Path, metavar="PATH", help="the file")
    export.add_argument("--quarantined", action="store_true", help="with what is in quarantine")
    import_ = commands.add(
        "import", "read an export into the memory", "cli.data:import_", "memoryops import memory.jsonl"
    )
    import_.add_argument("path", type=Path, metavar="PATH", help="the file")
    import_.add_argument("--overwrite", action="store_true", help="replace records that are there with other content")
    backup = commands.add(
        "backup",
        "write a consistent copy of the data folder's documents",
        "cli.data:backup",
        "memoryops backup",
    )
    backup.add_argument(
        "path", nargs="?", type=Path, metavar="PATH", help="new file (default: in backups/ of the folder)"
    )
    restore = commands.add(
        "restore",
        "make a data folder from a backup",
        "cli.data:restore",
        "memoryops restore backups/20260531-120000.sqlite --data-dir ~/restored",
        takes="settings",
    )
    restore.add_argument("backup", type=Path, metavar="BACKUP", help="the file that `backup` wrote")
    reembed = commands.add(
        "reembed",
        "make all vectors anew with another encoder",
        "cli.data:reembed",
        "memoryops reembed --encoder fastembed:BAAI/bge-small-en-v1.5@/models/bge-small",
        takes="settings",
    )
    reembed.add_argument(
        "--encoder", required=True, metavar="SPEC", help="minilm, fastembed:NAME[@PATH] or openai:MODEL@URL"
    )
    models = commands.group("models", "see which encoders there are, and fetch one")
    models.add(
        "list",
        "the forms of encoder that can be asked for",
        "cli.models:show",
        "memoryops models list",
        takes="settings",
    )
    pull = models.add(
        "pull",
        "fetch an encoder's model, the only thing here that downloads",
        "cli.models:pull",
        "memoryops models pull fastembed:BAAI/bge-small-en-v1.5",
        takes="settings",
    )
    pull.add_argument("spec", metavar="SPEC", help="the encoder")
