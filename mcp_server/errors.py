"""One table from what the operations, compressors, stores and encoders raise to what a caller is told.

The errors' own messages say what happened and to which value; the table gives each a stable *kind* and,
where the message alone does not tell, what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..compressors import errors as compressors
from ..encoders import errors as encoders
from ..memory import errors as memory
from ..stores import errors as stores

if TYPE_CHECKING:
    from mcp.shared.exceptions import MCPError

DOMAIN = (memory.MemoryOpsError, stores.StoreError, encoders.EncoderError, compressors.CompressorError)
"""Everything that is raised on purpose. Whatever else comes is a defect and is told as one."""

LONGEST = 2000
"""Characters of a message; what was sent may be quoted in it."""
_DOCTOR = "`memoryops doctor` says more"

TABLE: Mapping[type[Exception], tuple[str, str]] = {
    memory.MemoryOpsError: ("failed", _DOCTOR),
    memory.InvalidInput: ("invalid", ""),
    memory.NotFound: ("not_found", ""),
    memory.Forbidden: ("forbidden", ""),
    memory.Quarantined: ("quarantined", "Ask the person to look at `memoryops quarantine list`"),
    memory.Stale: ("stale", ""),
    memory.KeyReused: ("key_reused", ""),
    memory.Taken: ("taken", ""),
    memory.Settled: ("settled", ""),
    memory.ContextOverflow: ("overflow", ""),
    memory.Incomplete: ("damaged", ""),
    memory.OriginalLost: ("damaged", ""),
    stores.StoreError: ("failed", _DOCTOR),
    stores.InvalidRequest: ("invalid", ""),
    stores.Conflict: ("stale", ""),
    stores.Duplicate: ("duplicate", "Use the one that is there"),
    stores.StoreUnavailable: ("unavailable", f"Repeat the call; if it fails again, {_DOCTOR}"),
    stores.StoreBusy: (
        "unavailable",
        "Close the other process, or leave MEMORYOPS_IN_PROCESS unset in both to share",
    ),
    stores.StoreFull: ("full", "Nothing of this call was kept"),
    stores.StoreReadOnly: ("read_only", ""),
    stores.StoreDamaged: ("damaged", "`memoryops restore BACKUP --data-dir NEW` brings a backup back"),
    stores.IndexFailed: ("unavailable", "The memories are whole and the index is made anew; repeat the call"),
    stores.UnsupportedFolder: ("unsupported", ""),
    stores.SchemaTooNew: ("too_new", "Upgrade with `pip install -U memoryops`"),
    stores.EncoderMismatch: ("encoder", ""),
    stores.ProtocolMismatch: ("too_new", ""),
    stores.Unsupported: ("unsupported", ""),
    encoders.EncoderError: ("encoder", _DOCTOR),
    encoders.UnknownEncoder: ("encoder", ""),
    encoders.EncoderUnavailable: ("encoder", "What was stored stays stored and is found by keyword"),
    encoders.EncoderTimeout: ("encoder", "Repeat the call; what was stored stays stored"),
    encoders.EncoderRefused: ("encoder", "Check MEMORYOPS_ENCODER and MEMORYOPS_EMBEDDINGS_API_KEY"),
    encoders.BadEncoderAnswer: ("encoder", "Check the URL in MEMORYOPS_ENCODER"),
    encoders.DimensionMismatch: ("encoder", "`memoryops reembed --encoder SPEC` makes all vectors anew"),
    encoders.AdapterInvalid: ("encoder", ""),
    compressors.CompressorError: ("compressor", _DOCTOR),
    compressors.InvalidBudget: ("invalid", ""),
    compressors.UnknownCompressor: ("compressor", "Correct MEMORYOPS_COMPRESSORS"),
    compressors.MissingExtra: ("compressor", ""),
    compressors.UnknownTokenizer: ("compressor", "Correct MEMORYOPS_TOKENIZER"),
    compressors.TokenizerUnavailable: ("compressor", ""),
    compressors.TokenizerSettled: ("compressor", ""),
    compressors.CompressorFailed: ("compressor", "Nothing was changed; memory_retrieve gives the original"),
    compressors.CompressorTimeout: ("compressor", "Nothing was changed; give a shorter text or another budget"),
    compressors.BadSelection: ("compressor", "Nothing was changed; memory_retrieve gives the original"),
    compressors.ModelUnavailable: ("compressor", ""),
    compressors.UnsupportedModel: ("compressor", ""),
    compressors.BadHeads: ("invalid", ""),
    compressors.BadDetectionData: ("invalid", ""),
    compressors.NothingLeft: ("compressor", "Nothing was changed; memory_retrieve gives the original"),
}


STATUS: Mapping[str, int] = {
    "invalid": 422,
    "not_found": 404,
    "forbidden": 403,
    "quarantined": 403,
    "stale": 409,
    "key_reused": 409,
    "taken": 409,
    "settled": 409,
    "duplicate": 409,
    "overflow": 422,
    "unavailable": 503,
    "full": 507,
    "read_only": 503,
    "encoder": 502,
    "compressor": 502,
    "unsupported": 501,
}
"""The status of HTTP that each *kind* is answered with; 500 for the others."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller is told instead of a result. *remedy* is empty where *message* says what to do."""

    kind: str
    message: str
    remedy: str = ""

    @property
    def status(self) -> int:
        """The status of HTTP that says it."""
        return STATUS.get(self.kind, 500)

    @property
    def text(self) -> str:
        """Message and remedy as one paragraph."""
        message = self.message if len(self.message) <= LONGEST else f"{self.message[:LONGEST]} …"
        return f"{message.rstrip('. ')}. {self.remedy}." if self.remedy else message


ASKED_WRONG = frozenset(
    "invalid not_found forbidden quarantined stale key_reused taken settled overflow duplicate".split()
)
"""Kinds of error that the caller, not the server, can do something about."""


def refusal(error: Exception) -> MCPError:
    """*error* as a protocol error, for what is no tool: those have no `isError`."""
    from mcp.shared.exceptions import MCPError
    from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

    told = answer(error)
    code = INVALID_PARAMS if told.kind in ASKED_WRONG else INTERNAL_ERROR
    return MCPError(code=code, message=told.text, data={"kind": told.kind})


def answer(error: Exception) -> Answer:
    """The answer to *error*, by its nearest ancestor in the table."""
    for kind in type(error).__mro__:
        if kind in TABLE:
            return Answer(TABLE[kind][0], str(error), TABLE[kind][1])
    return Answer("internal", "MemoryOps failed inside, which is a defect of ours", _DOCTOR)
