"""The programs that attach our MCP server: where each keeps its configuration, and what belongs into it.

One client is one small file that ends in a `Client`; `registry.py` lists them. What is pure (places, snippets,
merging) knows nothing of this machine; `files.py` alone reads and writes.
"""
