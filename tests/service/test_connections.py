"""Connections on which nothing comes, or too slowly."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
import uvicorn

from service.connections import Connection

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def hello(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@asynccontextmanager
async def connected(head_seconds, most=900):
    """A connection to a server that waits so long for the head of a request, and serves so many at a time."""

    class Hasty(Connection):
        pass

    Hasty.head_seconds, Hasty.most = head_seconds, most
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(hello, http=Hasty, lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve([listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await serving


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: service\r\nX-Slow: "])
async def test_a_head_that_does_not_come_ends_the_connection(begun):
    async with connected(0.05) as (reader, writer):
        writer.write(begun)
        assert await reader.read() == b""


async def test_so_does_that_of_a_further_request():
    async with connected(0.05) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: service\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")
        writer.write(b"GET / HTTP/1.1\r\n")
        assert await reader.read() == b""


async def test_a_head_that_has_come_leaves_all_the_time_to_the_body():
    async with connected(0.05) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: service\r\nContent-Length: 2\r\n\r\n1")
        with pytest.raises(TimeoutError):  # longer than a head may take, and nothing has happened
            async with asyncio.timeout(0.2):
                await reader.read(1)
        writer.write(b"2")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")


async def test_a_head_that_is_too_large_is_refused():
    async with connected(30) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: service\r\nX-Large: " + b"x" * 70_000)
        assert (await reader.readline()).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(("path", "status"), [(b"/analyses", b"503"), (b"/healthz", b"204")])
async def test_one_connection_too_many_is_told_to_come_again_but_the_probe_is_answered(path, status):
    async with connected(30, most=0) as (reader, writer):
        writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: service\r\n\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 " + status)
        assert (b"retry-after: 5\r\n" in head) == (status == b"503")


async def test_who_is_told_to_come_again_is_told_so_whatever_is_sent():
    """A connection that is closed with bytes unread is reset, and what was answered is lost with it."""
    async with connected(30, most=0) as (reader, writer):
        writer.write(b"POST /analyze-audio HTTP/1.1\r\nHost: service\r\nContent-Length: 8000000\r\n\r\n")
        for _ in range(8):
            writer.write(bytes(1_000_000))
            await writer.drain()
        assert (await reader.readline()).startswith(b"HTTP/1.1 503")


async def test_who_asks_before_sending_need_not_send():
    async with connected(30, most=0) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: service\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 503")
