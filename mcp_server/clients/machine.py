"""What the places of configuration files depend on, and how this installation is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath


@dataclass(frozen=True, slots=True)
class Machine:
    """A user's system: *platform* as `sys.platform` names it, *home*, and the environment's variables."""

    platform: str
    home: str
    environ: Mapping[str, str]

    @classmethod
    def here(cls) -> Machine:
        """The system that this process runs on."""
        return cls(sys.platform, str(Path.home()), dict(os.environ))

    def path(self, *parts: str) -> PurePath:
        """*parts* joined as this system joins them."""
        return PureWindowsPath(*parts) if self.platform == "win32" else PurePosixPath(*parts)

    def folder(self, variable: str, *default: str) -> PurePath:
        """The folder that *variable* names, or *default* below the home folder."""
        named = self.environ.get(variable)
        return self.path(named) if named else self.path(self.home, *default)

    @property
    def applications(self) -> PurePath:
        """Where desktop applications keep this user's settings."""
        if self.platform == "win32":
            return self.folder("APPDATA", "AppData", "Roaming")
        if self.platform == "darwin":
            return self.path(self.home, "Library", "Application Support")
        return self.folder("XDG_CONFIG_HOME", ".config")


def own_command() -> list[str]:
    """The command line that starts this installation's `memoryops`, whatever the folder it is started in."""
    name = "memoryops.exe" if os.name == "nt" else "memoryops"
    script = Path(sys.executable).parent / name
    if script.is_file():
        return [str(script)]
    return [sys.executable, *MODULE]


def fleeting(prefix: str = sys.prefix) -> bool:
    """Whether the installation at *prefix* is one that `uvx` keeps in its cache, and may throw away."""
    return any(part.startswith(("archive-v", "environments-v")) for part in Path(prefix).parts)


MODULE = ("-P", "-m", "memoryops.mcp_server.cli.main")
"""What follows the interpreter where there is no script."""
