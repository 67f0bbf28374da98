"""Clients that never finish asking, against the real server on a bare application."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dashboard import guard, server
from dashboard.errors import Refused
from dashboard.server import Server

HALF = b"GET / HTTP/1.1\r\nHost: x\r\nX: "
WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def answer(request: Request) -> Response:
    try:
        return PlainTextResponse(await guard.read_body(request))
    except Refused as refused:
        return Response(refused.message_id, refused.status)


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        application = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])
        config = uvicorn.Config(application, log_config=None, lifespan="off")
        one = Server(config)
        task = asyncio.create_task(one.serve(sockets=[listener]))
        yield listener.getsockname()[1]
        one.should_exit = True
        await task


async def closed_within(reader: asyncio.StreamReader, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while await reader.read(1000):
                pass
            return True
    return False


def test_who_never_asks_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ASK_WITHIN_S", 0.5)

    async def story() -> None:
        async with running() as port:
            first, slow = await asyncio.open_connection("127.0.0.1", port)
            slow.write(HALF)
            second, again = await asyncio.open_connection("127.0.0.1", port)
            again.write(WHOLE)
            assert (await second.readline()).startswith(b"HTTP/1.1 200")
            again.write(HALF)
            assert await closed_within(first, 5)
            assert await closed_within(second, 5)
            slow.close()
            again.close()

    asyncio.run(story())


def test_a_crowd_of_them_leaves_the_rest_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_WAITING", 10)

    async def story() -> None:
        async with running() as port:
            crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(30)]
            for _, writer in crowd:
                writer.write(HALF)
            await asyncio.sleep(0.5)
            ends = [await closed_within(reader, 0.01) for reader, _ in crowd]
            assert 20 <= sum(ends) < 30
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(WHOLE)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
            for _, one in crowd:
                one.close()

    asyncio.run(story())


def test_a_body_that_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_WITHIN_S", 0.2)

    async def story() -> None:
        async with running() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab")
            assert (await reader.readline()).startswith(b"HTTP/1.1 408")
            writer.close()

    asyncio.run(story())
