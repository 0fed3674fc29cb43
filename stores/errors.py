"""What can go wrong in a store. Every message says what happened, to which value, and what to do next."""

from __future__ import annotations


class StoreError(Exception):
    """Root of everything that a store raises on purpose."""


class InvalidRequest(StoreError):
    """The call itself is wrong: an unknown field, a malformed id, a cursor of another query."""


class Conflict(StoreError):
    """Compare-and-set failed: the row is not at the revision that the caller expected. Nothing was written."""

    def __init__(self, collection: str, id: str, expected: int, actual: int) -> None:
        self.collection, self.id, self.expected, self.actual = collection, id, expected, actual
        state = f"is at revision {actual}" if actual else "does not exist"
        wanted = f"revision {expected}" if expected else "no such row"
        super().__init__(f"{collection}/{id} {state}, expected {wanted}; read it again and retry")


class Duplicate(StoreError):
    """Another living row of the workspace holds the same unique key. Nothing was written."""

    def __init__(self, unique: str, existing_id: str) -> None:
        self.unique, self.existing_id = unique, existing_id
        super().__init__(f"unique key {unique!r} is held by {existing_id}")


class StoreUnavailable(StoreError):
    """The store cannot be reached now; the call may be repeated."""


class StoreBusy(StoreUnavailable):
    """Another process holds the data folder and does not share it."""


class StoreFull(StoreError):
    """No room on the disk (or a file-size limit). Nothing of this call was kept; it works again once there is room."""


class StoreReadOnly(StoreError):
    """The data folder cannot be written by this user."""


class StoreDamaged(StoreError):
    """The documents are damaged: refused rather than served in part."""


class IndexFailed(StoreError):
    """The search index failed and could not be repaired at once; the documents are whole."""


class UnsupportedFolder(StoreError):
    """The data folder lies where the store cannot work safely (a network file system, no locks)."""


class SchemaTooNew(StoreError):
    """The data was written by a newer release."""


class EncoderMismatch(StoreError):
    """The caller asks for another encoder than the one that this store's vectors were made with."""


class ProtocolMismatch(StoreError):
    """The owner process speaks a newer protocol than this client."""


class Unsupported(StoreError):
    """This adapter cannot do that; its `capabilities` say so."""
