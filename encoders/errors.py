"""What can go wrong when text becomes vectors.

EncoderError
├── UnknownEncoder        the specification names no encoder we know
├── EncoderUnavailable    it is known, but cannot run: an extra, a file or a server is missing
│   └── EncoderTimeout    the server did not answer in time
├── EncoderRefused        the server said no: key, model or request is wrong
├── BadEncoderAnswer      the server's answer is not what the protocol promises
├── DimensionMismatch     vectors have another length than was asked for or stored
└── AdapterInvalid        a low-rank adapter does not fit the model
"""

from __future__ import annotations


class EncoderError(Exception):
    """Base of all errors of this folder."""


class UnknownEncoder(EncoderError):
    """The specification names no encoder we know."""


class EncoderUnavailable(EncoderError):
    """The encoder is known but cannot run here and now."""


class EncoderTimeout(EncoderUnavailable):
    """The server did not answer in time."""


class EncoderRefused(EncoderError):
    """The server refused the request; trying again will not help."""


class BadEncoderAnswer(EncoderError):
    """The server's answer is not what the protocol promises."""


class DimensionMismatch(EncoderError):
    """Vectors have another length than was asked for or stored."""


class AdapterInvalid(EncoderError):
    """A low-rank adapter does not fit the model."""
