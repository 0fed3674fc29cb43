"""Where a server may listen, and what it may be called there."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from memoryops.mcp_server.http.address import allowed_hosts, allowed_origins, listen
from memoryops.memory.errors import InvalidInput

Cli = Callable[..., Any]


def hosts(host: str, *names: str, auth: bool = True) -> frozenset[str]:
    with listen(host, 0) as listener:
        return allowed_hosts(listener, host, names, auth=auth)


def test_any_free_port() -> None:
    with listen("127.0.0.1", 0) as one, listen("localhost", 0) as other:
        assert one.getsockname()[1] != other.getsockname()[1]


def test_a_port_in_use_is_told() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInput, match=f"port {port} of 127.0.0.1: it is in use; give another with --port"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_told(port: int) -> None:
    with pytest.raises(InvalidInput, match=f"the port is {port}; give 0 to 65535"):
        listen("127.0.0.1", port)


def test_a_host_that_is_none_is_told() -> None:
    with pytest.raises(InvalidInput, match="no name or address known here; give another with --host"):
        listen("a" * 300, 0)  # too long to be looked up


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(InvalidInput, match="this machine has no such address"):
        listen("192.0.2.1", 0)


def test_loopback_needs_no_token_and_no_names() -> None:
    assert hosts("127.0.0.1", auth=False) == {"127.0.0.1"}
    assert hosts("127.0.0.2") == {"127.0.0.2"}


def test_beyond_loopback_a_token_is_a_must() -> None:
    with pytest.raises(InvalidInput, match=r"--no-auth would open this memory to everybody who reaches 0\.0\.0\.0"):
        hosts("0.0.0.0", "memory.example.org", auth=False)


def test_every_address_needs_names() -> None:
    with pytest.raises(InvalidInput, match="--allow-host NAME"):
        hosts("0.0.0.0")
    assert hosts("0.0.0.0", "Memory.example.org", "10.0.0.5:8765") == {"memory.example.org", "10.0.0.5:8765"}


@pytest.mark.skipif(not socket.has_ipv6, reason="this system has no IPv6")
def test_ipv6_has_brackets() -> None:
    assert hosts("::1", "fd00::7", "[fd00::8]:80") == {"[::1]", "[fd00::7]", "[fd00::8]:80"}


@pytest.mark.parametrize("name", ["", "http://memory.example.org", "a b", "memory.example.org/", "*"])
def test_a_name_that_is_none_is_told(name: str) -> None:
    with pytest.raises(InvalidInput, match="--allow-host is"):
        hosts("127.0.0.1", name)


def test_origins() -> None:
    given = ["https://Tools.example.org", "vscode-webview://abc"]
    assert allowed_origins(given) == {"https://tools.example.org", "vscode-webview://abc"}
    for wrong in ("null", "*", "tools.example.org", "https://tools.example.org/path"):
        with pytest.raises(InvalidInput, match="--allow-origin is"):
            allowed_origins([wrong])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0", "--no-auth", "--port", "0"], "--no-auth would open this memory"),
        (["--host", "0.0.0.0", "--port", "0"], "--allow-host NAME"),
        (["--port", "70000"], "the port is 70000"),
        (["--port", "0", "--allow-origin", "null"], "--allow-origin is 'null'"),
    ],
)
def test_the_command_refuses_in_words(cli: Cli, arguments: list[str], said: str) -> None:
    ran = cli("serve", *arguments)
    assert ran.status == 1
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_answers_are_sent_at_once() -> None:
    """asyncio switches Nagle's algorithm off only for sockets that name their protocol."""
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
