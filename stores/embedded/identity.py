"""Which encoder a data folder's vectors were made with; it belongs to the folder, not to who opens it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ...encoders.ports import Encoder
from ..errors import EncoderMismatch
from .documents import Documents

DEFAULT = "minilm"


def stored(documents: Documents) -> tuple[str, str, int]:
    """The folder's (spec, fingerprint, dimension)."""
    return (
        documents.meta("encoder") or "",
        documents.meta("fingerprint") or "",
        int(documents.meta("dimension") or 0),
    )


def dimension(documents: Documents) -> int:
    return stored(documents)[2]


def claim(documents: Documents, load: Callable[[str], Encoder], spec: str | None) -> Callable[[], Encoder]:
    """A function that gives the folder's encoder, loaded at its first call and compared with the folder.

    A folder without an encoder gets *spec* (or the default) now. Raises `EncoderMismatch`.
    """
    known, fingerprint, _ = stored(documents)
    if known and spec is not None and spec != known:
        raise _mismatch(documents, known, spec)
    if not known:
        encoder = load(spec or DEFAULT)
        documents.set_meta(
            {
                "encoder": spec or DEFAULT,
                "fingerprint": encoder.fingerprint,
                "dimension": str(encoder.dimension),
            }
        )
        return lambda: encoder
    return _Lazy(documents, load, known, fingerprint)


class _Lazy:
    def __init__(self, documents: Documents, load: Callable[[str], Encoder], spec: str, fingerprint: str) -> None:
        self.documents, self.load, self.spec, self.fingerprint = documents, load, spec, fingerprint
        self.encoder: Encoder | None = None
        self.lock = threading.Lock()

    def __call__(self) -> Encoder:
        with self.lock:
            if self.encoder is None:
                encoder = self.load(self.spec)
                if encoder.fingerprint != self.fingerprint:
                    raise _mismatch(self.documents, self.fingerprint, encoder.fingerprint)
                self.encoder = encoder
            return self.encoder


def _mismatch(documents: Documents, known: str, asked: str) -> EncoderMismatch:
    return EncoderMismatch(
        f"the vectors in {documents.path.parent} were made by the encoder {known!r}, not {asked!r}; "
        f"leave the encoder unset to keep it, or run `memoryops reembed --encoder {asked}` to rebuild them"
    )
