"""The connection to an upstream on its own: TLS, proxies, addresses, and what must not be taken for an answer."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from memoryops.mcp_server.gateway.client import Client
from memoryops.mcp_server.gateway.errors import UpstreamTimeout, UpstreamUnreachable
from memoryops.mcp_server.gateway.upstreams import Upstream

FINE = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine"
try:
    import uvloop
except ImportError:  # there is none for Windows
    RUNNERS = [asyncio.run]
else:
    RUNNERS = [asyncio.run, uvloop.run]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(params=RUNNERS, ids=lambda runner: runner.__module__)
def run(request: pytest.FixtureRequest) -> Callable[[Awaitable[None]], None]:
    return request.param  # type: ignore[no-any-return]


@asynccontextmanager
async def listening(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on loopback that has ended with the block; its port."""
    served: set[asyncio.Task[None] | None] = set()

    async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.current_task())
        try:
            await serve(reader, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in filter(None, served):
            task.cancel()
        await asyncio.gather(*filter(None, served))
        await asyncio.sleep(0.05)  # transports close in a turn of their own


async def request_of(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """The next request: its line, and its head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
    return head.split(b"\r\n")[0].decode(), head + body


async def said(client: Client, base: str, body: bytes = b"{}") -> bytes:
    reply = await client.ask(Upstream("u", base), "POST", f"{base}/chat/completions", [(b"x-odd", b"\xe9")], body)
    try:
        return b"".join([chunk async for chunk in reply.chunks()])
    finally:
        await reply.close()


async def obliging(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await request_of(reader)
        writer.write(FINE)


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The two ends of a connection to 127.0.0.1 that is certified."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "upstream")])
    now = datetime.datetime.now(datetime.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    pem = signed.public_bytes(serialization.Encoding.PEM)
    both = folder / "both.pem"
    both.write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, form, plain))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(both)
    trusted = ssl.create_default_context(cadata=pem.decode())
    return server, trusted


def test_tls_is_spoken_to_the_one_who_is_trusted_alone(run: Callable[..., None], tmp_path: Path) -> None:
    server, trusted = certificate(tmp_path)

    async def main() -> None:
        async with listening(obliging, server) as port:
            base = f"https://127.0.0.1:{port}/v1"
            client = Client(5, trusted=trusted)
            assert [await said(client, base) for _ in range(2)] == [b"fine", b"fine"]
            await client.close()
            stranger = Client(5)
            with pytest.raises(UpstreamUnreachable, match="ConnectError"):
                await said(stranger, base)
            await stranger.close()

    run(main())


def test_a_proxy_is_asked_for_the_upstream(run: Callable[..., None], tmp_path: Path) -> None:
    server, trusted = certificate(tmp_path)
    asked: list[bytes] = []

    async def main() -> None:
        async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while data := await reader.read(65536):
                    writer.write(data)
            finally:
                writer.transport.abort()

        async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            line, request = await request_of(reader)
            asked.append(request)
            if line.startswith("POST http://"):
                writer.write(FINE)
                await reader.read()
                return
            there = await asyncio.open_connection("127.0.0.1", int(line.split(" ")[1].rpartition(":")[2]))
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

        async with listening(proxy) as port, listening(obliging, server) as secure:
            client = Client(5, f"http://ann:secret@127.0.0.1:{port}", trusted)
            assert await said(client, "http://provider.invalid/v1") == b"fine"
            assert await said(client, f"https://127.0.0.1:{secure}/v1") == b"fine"
            await client.close()

    run(main())
    assert asked[0].startswith(b"POST http://provider.invalid/v1/chat/completions HTTP/1.1\r\n")
    assert asked[1].startswith(b"CONNECT 127.0.0.1:")
    assert all(b"Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n" in each for each in asked)
    assert b"x-odd" not in asked[1]


def test_another_address_of_a_host_is_tried(run: Callable[..., None]) -> None:
    async def main() -> None:
        async with listening(obliging) as port:  # not at ::1, which localhost may be first
            client = Client(5)
            assert await said(client, f"http://localhost:{port}/v1") == b"fine"
            await client.close()

    run(main())


def test_what_an_upstream_says_unasked_is_no_answer(run: Callable[..., None]) -> None:
    """A server that gives an idle connection up may say so on it, before the end or without one."""
    connections = 0

    async def main() -> None:
        async def impatient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await request_of(reader)
            writer.write(FINE)
            await asyncio.sleep(0.05)
            writer.write(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 4\r\n\r\nlate")
            await asyncio.sleep(5)

        async with listening(impatient) as port:
            client = Client(5)
            for _ in range(2):
                assert await said(client, f"http://127.0.0.1:{port}/v1") == b"fine"
                await asyncio.sleep(0.2)
            await client.close()

    run(main())
    assert connections == 2


def test_a_request_that_nobody_reads_is_given_up(run: Callable[..., None]) -> None:
    async def main() -> None:
        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(3)

        async with listening(deaf) as port:
            client = Client(0.3)
            with pytest.raises(UpstreamTimeout, match=r"0\.3 s"):
                await said(client, f"http://127.0.0.1:{port}/v1", b"x" * 30_000_000)
            await client.close()

    run(main())


def test_an_answer_before_the_end_of_the_request_is_heard(run: Callable[..., None]) -> None:
    async def main() -> None:
        async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 5\r\nconnection: close\r\n\r\nlarge")
            await writer.drain()
            await asyncio.sleep(0.3)
            while await reader.read(2**20):
                pass

        async with listening(refusing) as port:
            client = Client(5)
            assert await said(client, f"http://127.0.0.1:{port}/v1", b"x" * 5_000_000) == b"large"
            await client.close()

    run(main())


def test_a_caller_who_reads_slowly_slows_the_upstream_down(run: Callable[..., None]) -> None:
    written = 0

    async def main() -> None:
        async def eager(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal written
            await request_of(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
            for _ in range(100):
                writer.write(bytes(1_000_000))
                await writer.drain()
                written += 1

        async with listening(eager) as port:
            client, base = Client(5), f"http://127.0.0.1:{port}/v1"
            reply = await client.ask(Upstream("u", base), "POST", f"{base}/chat/completions", [], b"{}")
            await asyncio.sleep(0.5)
            assert written < 50  # what fits the buffers on the way
            assert sum([len(chunk) async for chunk in reply.chunks()]) == 100_000_000
            await reply.close()
            await client.close()

    run(main())
