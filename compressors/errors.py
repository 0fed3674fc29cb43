"""What a compressor can raise instead of an answer.

CompressorError
├── InvalidBudget        the budget is no number of tokens
├── UnknownCompressor    no compressor has that name, or it is named twice
├── MissingExtra         the compressor needs a package that is not installed
├── UnknownTokenizer     no token counter has that name
│   ├── TokenizerUnavailable   its vocabulary is not on this machine
│   └── TokenizerSettled       this process counts by another one already
├── CompressorFailed     it has no usable answer: the next one is asked
│   ├── CompressorTimeout    it took longer than it may
│   ├── BadSelection         what it kept breaks a law of the port
│   └── ModelUnavailable     its language model or adapter cannot be loaded
│       └── UnsupportedModel     the model computes its attention in a way that cannot be read
├── BadHeads             a list of retrieval heads cannot be read or written, or fits no such model
├── BadDetectionData     what retrieval heads are to be found on cannot be read
└── NothingLeft          every compressor of a chain has failed
"""

from __future__ import annotations


class CompressorError(Exception):
    """Root of what compressors raise on purpose."""


class InvalidBudget(CompressorError, ValueError):
    """The budget is no whole number of tokens from 0 up."""


class UnknownCompressor(CompressorError, ValueError):
    """No compressor has that name, or a list names one twice."""


class MissingExtra(CompressorError, ImportError):
    """A package that the compressor needs is not installed; the message has the command that installs it."""


class UnknownTokenizer(CompressorError, ValueError):
    """No token counter has that name."""


class TokenizerUnavailable(UnknownTokenizer):
    """The vocabulary of a token counter is not on this machine."""


class TokenizerSettled(UnknownTokenizer):
    """This process counts by another token counter already."""


class CompressorFailed(CompressorError):
    """A compressor has no usable answer; a chain asks the next one."""


class CompressorTimeout(CompressorFailed):
    """A compressor took longer than it may."""


class BadSelection(CompressorFailed):
    """What was kept is over budget, out of order, or no part of the original."""


class ModelUnavailable(CompressorFailed):
    """A language model or its adapter is not where it was said to be, or cannot be loaded."""


class UnsupportedModel(ModelUnavailable):
    """The model or its tokenizer works in a way that its heads cannot be read from."""


class BadHeads(CompressorError, ValueError):
    """A list of retrieval heads cannot be read or written, or names heads that the model does not have."""


class BadDetectionData(CompressorError, ValueError):
    """What retrieval heads are to be found on cannot be read; the message names the line."""


class NothingLeft(CompressorError):
    """Every compressor of a chain has failed; the message says how each did."""
