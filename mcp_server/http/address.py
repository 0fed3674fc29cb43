"""The address to listen on, and the names that go with it."""

from __future__ import annotations

import errno
import ipaddress
import os
import re
import socket
from collections.abc import Sequence

from ...memory.errors import InvalidInput

_NAME = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#]+")
_REASONS = {
    errno.EADDRINUSE: "it is in use; give another with --port, or --port 0 for any that is free",
    errno.EACCES: "this user may not listen there; give a port from 1024 up with --port",
    errno.EADDRNOTAVAIL: "this machine has no such address; give one of its own with --host",
}


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to *port* of *host*; with port 0, to any that is free. Raises `InvalidInput`."""
    if not 0 <= port <= 65535:
        raise InvalidInput(f"the port is {port}; give 0 to 65535")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"the host {host!r} is no name or address known here; give another with --host") from error
    family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    # Without the protocol's number asyncio leaves Nagle's algorithm on, and each answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere the option lets two servers have one port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        reason = _REASONS.get(error.errno or 0, f"{error.strerror or error}; give another --host or --port")
        raise InvalidInput(f"cannot listen on port {port} of {host}: {reason}") from error
    return listener


def address_of(listener: socket.socket) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that *listener* is bound to."""
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0])


def is_beyond(listener: socket.socket) -> bool:
    """Whether others than this machine may reach *listener*."""
    return not address_of(listener).is_loopback


def allowed_hosts(listener: socket.socket, host: str, names: Sequence[str], *, auth: bool) -> frozenset[str]:
    """What the Host header may name, beside the names of loopback. *host*: as the caller wrote it.

    Raises `InvalidInput` where the address is not safe: beyond loopback without a token, or on every address of the
    machine without *names* to know own requests by.
    """
    address = address_of(listener)
    if not address.is_loopback and not auth:
        raise InvalidInput(
            f"--no-auth would open this memory to everybody who reaches {host}; leave it out, or listen on 127.0.0.1"
        )
    if address.is_unspecified and not names:
        raise InvalidInput(
            f"{host} stands for every address of this machine; name those that clients use with --allow-host NAME"
        )
    own = set() if address.is_unspecified else {_as_host(host), _as_host(str(address))}
    return frozenset(own | {host_name(each) for each in names})


def _as_host(name: str) -> str:
    return f"[{name}]".lower() if ":" in name else name.lower()


def host_name(given: str) -> str:
    """*given* in the form that a Host header has. Raises `InvalidInput`."""
    name = _as_host(given) if given.count(":") > 1 and not given.startswith("[") else given.lower()
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"--allow-host is {given!r}; give a host name or an address, with a port or without")
    return name


def allowed_origins(given: Sequence[str], name: str = "--allow-origin") -> frozenset[str]:
    """Web origins in the form in which browsers send them. Raises `InvalidInput` that names the option *name*."""
    for each in given:
        if not _ORIGIN.fullmatch(each.lower()):
            raise InvalidInput(f"{name} is {each!r}; give an origin such as https://tools.example.org")
    return frozenset(each.lower() for each in given)
