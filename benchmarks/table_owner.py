"""An owner of a data folder whose encoder looks vectors up, so that a benchmark sees the system without the model.

    python benchmarks/table_owner.py DATA_DIR TABLE_DIR

The table says that it is MiniLM, whose vectors it holds, so any later owner goes on with MiniLM itself.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from contestants import Table

from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.embedded.owner import Owner


def main() -> None:
    folder, table = map(Path, sys.argv[1:])
    encoder = Table.load(table)
    owner = Owner(EmbeddedStore(folder, lambda spec: encoder))
    signal.signal(signal.SIGTERM, lambda *_: owner.stop())
    print("ready", flush=True)
    owner.run()


if __name__ == "__main__":
    main()
