"""What the bundle's host starts: `memoryops mcp` with the options that the user filled in."""

import sys
from collections.abc import Sequence


def arguments(given: Sequence[str]) -> list[str]:
    """The command line for `memoryops`. What the user left empty arrives empty, or as the placeholder itself."""
    return ["mcp", *(each for each in given if (value := each.partition("=")[2]) and not value.startswith("${"))]


if __name__ == "__main__":
    from memoryops.mcp_server.cli.main import main

    sys.exit(main(arguments(sys.argv[1:])))
