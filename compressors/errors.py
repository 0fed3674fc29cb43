"""What a compressor can raise instead of an answer.

CompressorError
├── InvalidBudget        the budget is no number of tokens
├── CompressorFailed     it has no usable answer: the next one is asked
│   ├── CompressorTimeout    it took longer than it may
│   └── BadSelection         what it kept breaks a law of the port
└── NothingLeft          every compressor of a chain has failed
"""

from __future__ import annotations


class CompressorError(Exception):
    """Root of what compressors raise on purpose."""


class InvalidBudget(CompressorError, ValueError):
    """The budget is no whole number of tokens from 0 up."""


class CompressorFailed(CompressorError):
    """A compressor has no usable answer; a chain asks the next one."""


class CompressorTimeout(CompressorFailed):
    """A compressor took longer than it may."""


class BadSelection(CompressorFailed):
    """What was kept is over budget, out of order, or no part of the original."""


class NothingLeft(CompressorError):
    """Every compressor of a chain has failed; the message says how each did."""
