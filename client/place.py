"""Where the service is, and the key that opens it: as given, as the environment says, or as found on this machine."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx2

from .errors import InvalidInput

URL, KEY = "MEMORYOPS_URL", "MEMORYOPS_API_KEY"
DEFAULT_URL = "http://127.0.0.1:8765"
TOKEN = "http.token"
"""The file in the data folder that a server on this machine makes at its first start."""


def base_url(given: str | None, environ: Mapping[str, str] | None = None) -> str:
    """The service's address, without a path of its own. Raises `InvalidInput`."""
    source = os.environ if environ is None else environ
    text = given or source.get(URL) or DEFAULT_URL
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL:
        url = httpx2.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.query or url.userinfo:
        raise InvalidInput(f"the base URL is {text!r:.200}; give one like {DEFAULT_URL}")
    return str(url).rstrip("/")


def api_key(given: str | None, url: str, environ: Mapping[str, str] | None = None) -> str | None:
    """The key to show at *url*: *given* ("": none), that of the environment, or for a server on this machine its own
    token. The token goes nowhere else."""
    source = os.environ if environ is None else environ
    if given is not None or source.get(KEY):
        return _checked(given if given is not None else source[KEY]) or None
    return local_token(source) if is_loopback(url) else None


def local_token(environ: Mapping[str, str], platform: str = sys.platform) -> str | None:
    """The token in this user's data folder; None where there is none to read."""
    try:
        return _checked((data_folder(environ, platform) / TOKEN).read_text(encoding="ascii").strip()) or None
    except (OSError, UnicodeDecodeError):
        return None


def data_folder(environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Where the server keeps its data unless it is told otherwise (as `memory/settings.py` has it; a test compares)."""
    if environ.get("MEMORYOPS_DATA_DIR"):
        return Path(environ["MEMORYOPS_DATA_DIR"]).expanduser()
    if platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "memoryops"
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "memoryops"
    return Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "memoryops"


def is_loopback(url: str) -> bool:
    """Whether *url* leads to this machine."""
    host = httpx2.URL(url).host
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _checked(key: str) -> str:
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidInput("the API key has characters that no key has; it is not quoted here")
    return key
