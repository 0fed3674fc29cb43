"""The guard of `tests/network_guard/` holds, in this process and in those that tests start."""

import asyncio
import socket
import subprocess
import sys
import threading

import pytest

OUTSIDE = "192.0.2.1"  # TEST-NET-1 (RFC 5737): no machine has this address


def test_a_connection_to_outside_is_blocked(network_attempts: list[str]) -> None:
    with socket.socket() as client, pytest.raises(RuntimeError, match="tests run without a network"):
        client.connect((OUTSIDE, 80))
    assert network_attempts == [f"socket.connect ('{OUTSIDE}', 80)"]
    network_attempts.clear()


def test_a_datagram_to_outside_is_blocked(network_attempts: list[str]) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender, pytest.raises(RuntimeError, match="sendto"):
        sender.sendto(b"x", (OUTSIDE, 53))
    network_attempts.clear()


def test_a_look_up_is_blocked(network_attempts: list[str]) -> None:
    with pytest.raises(RuntimeError, match="getaddrinfo"):
        socket.getaddrinfo("host.invalid", 443)
    network_attempts.clear()


def test_asyncio_is_blocked(network_attempts: list[str]) -> None:
    with pytest.raises(RuntimeError, match="tests run without a network"):
        asyncio.run(asyncio.open_connection(OUTSIDE, 80))
    network_attempts.clear()


def test_child_processes_are_guarded() -> None:
    child = subprocess.run(
        [sys.executable, "-c", f"import socket; socket.create_connection(('{OUTSIDE}', 80), timeout=1)"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 1
    assert "NetworkBlocked" in child.stderr


def test_this_machine_is_reachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            server.accept()[0].close()

        threading.Thread(target=answer, daemon=True).start()
        with socket.create_connection(("localhost", server.getsockname()[1]), timeout=5) as client:
            assert client.recv(1) == b""
