"""Requests as a stranger may write them, byte by byte: where one ends and the next begins is never in doubt."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

Served = Any

ADD = b'{"content": "written in one request"}'
INNER = b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"


def sent(served: Served, *parts: bytes) -> bytes:
    """All that comes back to *parts*, sent one by one on a connection that ends with the last answer."""
    with closing(socket.create_connection(("127.0.0.1", served.port), timeout=10)) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(0.05)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def head(served: Served, first: bytes, *lines: bytes, length: int | None = len(ADD)) -> bytes:
    given = [first, b"Host: localhost", b"Authorization: Bearer " + served.token.encode()]
    given += [b"Content-Type: application/json", *lines]
    given += [] if length is None else [b"Content-Length: %d" % length]
    return b"\r\n".join([*given, b"", b""])


def statuses(said: bytes) -> list[bytes]:
    return [part[:3] for part in said.split(b"HTTP/1.1 ")[1:]]


UPGRADES = [b"Connection: close, Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk"]
"""What Java's client sends with its first request to a server without TLS; and that this be the last one."""


def test_a_wish_for_another_protocol_is_passed_over(served: Served) -> None:
    for parts in ([head(served, b"POST /v1/items HTTP/1.1", *UPGRADES) + ADD],
                  [head(served, b"POST /v1/items HTTP/1.1", *UPGRADES), ADD[:5], ADD[5:]]):  # fmt: skip
        said = sent(served, *parts)
        assert statuses(said) == [b"201"], said


def test_a_body_is_never_the_next_request(served: Served) -> None:
    """However it is cut, and whatever the head says of another protocol."""
    asked = head(served, b"POST /v1/items HTTP/1.1", *UPGRADES, length=len(INNER))
    for parts in ([asked + INNER], [asked, INNER], [asked[:-1], asked[-1:], INNER[:9], INNER[9:]]):
        said = sent(served, *parts)
        assert statuses(said) == [b"400"], said
        assert b"the body is no JSON" in said


def test_requests_in_a_row_stay_in_a_row(served: Served) -> None:
    wishing = head(served, b"GET /health HTTP/1.1", b"Connection: Upgrade", b"Upgrade: h2c", length=None)
    last = head(served, b"GET /nothing HTTP/1.1", b"Connection: close", length=None)
    assert statuses(sent(served, wishing * 50 + last)) == [b"200"] * 50 + [b"404"]


def test_trailers_are_no_headers(served: Served) -> None:
    asked = head(served, b"POST /v1/items HTTP/1.1", b"Connection: close", b"Transfer-Encoding: chunked", length=None)
    said = sent(served, asked + b"%x\r\n%s\r\n0\r\nIdempotency-Key: not one\r\n\r\n" % (len(ADD), ADD))
    assert statuses(said) == [b"201"], said


def test_blanks_behind_a_value_are_none_of_it(served: Served) -> None:
    asked = b"GET /health HTTP/1.1\r\nHost: localhost \t\r\nConnection: close\r\n\r\n"
    assert statuses(sent(served, asked)) == [b"200"]


def refused() -> Iterator[tuple[str, bytes]]:
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(ADD), ADD)
    chunked, length = b"Transfer-Encoding: chunked\r\n", b"Content-Length: %d\r\n" % len(ADD)
    yield "both lengths", length + chunked + b"\r\n" + body
    yield "two lengths", length + b"Content-Length: 5\r\n\r\n" + ADD
    yield "the same length twice", length * 2 + b"\r\n" + ADD
    yield "a length with a sign", b"Content-Length: +%d\r\n\r\n" % len(ADD) + ADD
    yield "a length beyond numbers", b"Content-Length: %d\r\n\r\n" % (2**64 + len(ADD)) + ADD
    yield "chunks that are not the last coding", b"Transfer-Encoding: chunked, gzip\r\n\r\n" + body
    yield "nearly chunks", b"Transfer-Encoding: xchunked\r\n\r\n" + body
    yield "a blank before the colon", b"Transfer-Encoding : chunked\r\n\r\n" + body
    yield "a folded line", b"X: a\r\n b: c\r\n" + length + b"\r\n" + ADD
    yield "a bare line feed", b"X: a\nTransfer-Encoding: chunked\r\n" + length + b"\r\n" + body
    yield "a bare carriage return", b"X: a\rY: b\r\n" + length + b"\r\n" + ADD
    yield "a zero byte", b"X: a\0b\r\n" + length + b"\r\n" + ADD
    yield "a chunk with 0x", chunked + b"\r\n0x" + body
    yield "a chunk that ends late", chunked + b"\r\n1\r\n" + ADD + b"\r\n0\r\n\r\n"
    yield "a chunk with a bare line feed", chunked + b"\r\n%x;a\n%s\r\n0\r\n\r\n" % (len(ADD), ADD)


@pytest.mark.parametrize(("name", "rest"), list(refused()))
def test_what_two_readers_might_read_differently_is_refused(served: Served, name: str, rest: bytes) -> None:
    asked = head(served, b"POST /v1/items HTTP/1.1", length=None)[:-2]
    said = sent(served, asked + rest + INNER)
    assert statuses(said) == [b"400"], said


def test_a_tunnel_is_none_of_its_business(served: Served) -> None:
    assert statuses(sent(served, b"CONNECT elsewhere:80 HTTP/1.1\r\nHost: localhost\r\n\r\n" + INNER)) == [b"400"]


def test_a_body_that_nobody_reads_is_not_collected(served: Served) -> None:
    """It may be without an end, and a call by GET has no bound for it."""
    asked = head(served, b"GET /v1/state HTTP/1.1", b"Transfer-Encoding: chunked", length=None)
    with closing(socket.create_connection(("127.0.0.1", served.port), timeout=10)) as connection:
        connection.sendall(asked + b"100000\r\n")
        assert statuses(connection.recv(65536)) == [b"200"]
