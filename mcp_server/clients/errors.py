"""Why a client's configuration was left as it is.

InvalidInput
└── ConfigRefused            nothing was written
    ├── NotParseable         the file is not what its client reads
    ├── NotMergeable         the file is right, but cannot be edited without touching something else
    ├── NotWritable          the system does not let us read or write it
    └── NotOffered           the client cannot be attached in that way
"""

from __future__ import annotations

from ...memory.errors import InvalidInput


class ConfigRefused(InvalidInput):
    """A client's configuration was not changed."""


class NotParseable(ConfigRefused):
    """The file is not what its client reads."""


class NotMergeable(ConfigRefused):
    """The file is right, but our entry cannot be put in without touching something else."""


class NotWritable(ConfigRefused):
    """The system does not let us read or write the file."""


class NotOffered(ConfigRefused):
    """The client cannot be attached in that way."""
