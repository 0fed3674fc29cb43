"""These tests send POSIX signals; Windows has none of them."""

import sys

collect_ignore_glob = ["test_*.py"] if sys.platform == "win32" else []
