"""No test reaches the network: connections and look-ups beyond this machine raise `NetworkBlocked`.

An audit hook, because it sees every socket of the interpreter, asyncio's too, and cannot be patched away.
`tests/conftest.py` loads this file, and puts its folder on PYTHONPATH so that the Python processes which
tests start (the owner of a data folder, stdio servers) load it as well.
"""

import ipaddress
import os
import socket
import sys
from urllib.parse import urlsplit

#: What was blocked so far, as "event target".
attempts: list[str] = []


class NetworkBlocked(RuntimeError):
    """A test, or a process that it started, tried to leave this machine."""


def _allowed_hosts() -> frozenset[str]:
    """The one exception: the Qdrant server that somebody names for the conformance suite."""
    host = urlsplit(os.environ.get("MEMORYOPS_TEST_QDRANT_URL", "")).hostname
    if host is None:
        return frozenset()
    addresses = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    return frozenset({host} | addresses)


_ALLOWED = {"", "localhost"} | _allowed_hosts()


def _stays_here(host: object) -> bool:
    if host is None:
        return True
    if not isinstance(host, str | bytes | bytearray):
        return False
    name = host if isinstance(host, str) else bytes(host).decode("idna")
    if name in _ALLOWED:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _is_literal(host: object) -> bool:
    """An address needs no look-up, so that parsing one leaves nobody's machine."""
    try:
        ipaddress.ip_address(host)  # type: ignore[arg-type]  # whatever it does not take, it refuses
    except ValueError:
        return False
    return True


def _guard(event: str, args: tuple[object, ...]) -> None:
    if not event.startswith("socket."):
        return
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        address = args[1]
        # Unix sockets are addressed by a path, connected ones by None, those of the internet by a tuple.
        if not isinstance(address, tuple) or _stays_here(address[0]):
            return
        target = repr(address)
    elif event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
        if _stays_here(args[0]) or (event != "socket.gethostbyaddr" and _is_literal(args[0])):
            return
        target = repr(args[0])
    else:
        return
    attempts.append(f"{event} {target}")
    raise NetworkBlocked(
        f"{event} to {target}: tests run without a network. Talk to a server on 127.0.0.1, or use one of "
        "the fakes that MemoryOps ships."
    )


sys.addaudithook(_guard)
