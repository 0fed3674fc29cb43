"""The process that a client starts: lets go of its starter, then becomes the owner.

Kept free of imports, so that nothing heavy is loaded before the fork. Options come as a JSON line on standard
input, where no key shows in a process list; how it went is told in a JSON line on standard output.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> int:
    """Own the data folder that the first argument names, as a child of nobody."""
    os.umask(0o077)
    options = json.loads(sys.stdin.readline() or "{}")
    if hasattr(os, "fork") and os.fork():
        os._exit(0)
    from .owner import main as own

    return own(Path(sys.argv[1]), options)


if __name__ == "__main__":
    sys.exit(main())
