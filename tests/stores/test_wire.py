"""Frames between a client and the owner: whole however they come in, and one at a time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memoryops.stores.embedded import wire


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    here.settimeout(20)
    with here, there:
        yield here, there


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, 3 * wire.AT_ONCE), st.lists(st.integers(1, 2 * wire.AT_ONCE), min_size=1, max_size=6))
def test_a_frame_is_whole_in_whatever_pieces_it_comes(
    pair: tuple[socket.socket, socket.socket], length: int, pieces: list[int]
) -> None:
    here, there = pair
    frame = wire.pack({"text": "x" * length})

    def write() -> None:
        at = 0
        for turn in range(len(frame)):
            if at >= len(frame):
                return
            size = pieces[turn % len(pieces)] if turn < 50 else len(frame)
            there.sendall(frame[at : at + size])
            at += size

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert wire.receive(here) == {"text": "x" * length}
    finally:
        writer.join()


def test_a_frame_of_single_bytes(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    for byte in wire.pack([1, "two"]):
        there.send(bytes([byte]))
    assert wire.receive(here) == [1, "two"]


@pytest.mark.parametrize("size", [0, 2, 4, 7])
def test_a_connection_that_ends_within_a_frame(pair: tuple[socket.socket, socket.socket], size: int) -> None:
    here, there = pair
    there.sendall(wire.pack("some text")[:size])
    there.close()
    with pytest.raises(EOFError):
        wire.receive(here)


def test_what_is_no_frame_is_refused(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    there.sendall(wire.pack("one") + wire.pack("another"))
    with pytest.raises(ConnectionError, match="before the one ahead of it was answered"):
        wire.receive(here)
    there.sendall((wire.MAX_FRAME + 1).to_bytes(4, "big"))
    with pytest.raises(ConnectionError, match="was announced"):
        wire.receive(here)
