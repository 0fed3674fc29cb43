"""Real stores, as for the tests of the operations, and the small parts that graphs are made of here."""

from tests.memory.conftest import clock, fresh, make, ops, person, store, timed, workspace

__all__ = ["clock", "fresh", "make", "ops", "person", "store", "timed", "workspace"]
