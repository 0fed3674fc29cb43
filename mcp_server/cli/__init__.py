"""The command line: `memoryops` and its commands."""
