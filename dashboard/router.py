"""One ROUTER socket of the monitor: bounded, never waiting for a peer, every loss counted."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from typing import Any, cast

import zmq
import zmq.asyncio
from msgspec import Struct

from dashboard.arrival import Arrival
from dashboard.gate import serve_with
from dashboard.zap import SITES
from sensors.keys import Keys
from sensors.toml import UserError
from sensors.wire import encode


class Router:
    """A bound ROUTER.

    Parameters
    ----------
    context : zmq.asyncio.Context
    address : str
    max_bytes : int
        Longest frame that may arrive.
    queue : int
        Messages of one connection that may wait here.
    keys : Keys or None
        CURVE with these keys; None without.
    counts : Counter
        ``replies_blocked`` and ``replies_gone`` are counted in it.
    tag : int
        First byte of every route here, so that routes of several sockets differ.

    Raises
    ------
    UserError
        ``monitor.port_in_use`` or ``monitor.bad_address``.
    """

    def __init__(
        self,
        context: zmq.asyncio.Context,
        address: str,
        max_bytes: int,
        queue: int,
        keys: Keys | None,
        counts: Counter[str],
        tag: int = 0,
    ) -> None:
        self.counts = counts
        self.tag = tag
        router = self._socket = context.socket(zmq.ROUTER)
        router.setsockopt(zmq.LINGER, 0)
        router.setsockopt(zmq.ROUTER_MANDATORY, 1)  # else a send that goes nowhere says nothing
        router.setsockopt(zmq.MAXMSGSIZE, max_bytes)
        router.setsockopt(zmq.RCVHWM, queue)
        router.setsockopt(zmq.SNDHWM, 200)
        router.setsockopt(zmq.HANDSHAKE_IVL, 5000)
        router.setsockopt(zmq.HEARTBEAT_IVL, 5000)  # only to reap dead connections
        router.setsockopt(zmq.HEARTBEAT_TIMEOUT, 15000)
        router.setsockopt(zmq.BACKLOG, 1024)
        if keys is not None:
            serve_with(router, keys, SITES)
        try:
            router.bind(address)
        except zmq.ZMQError as error:
            router.close(0)
            if error.errno == zmq.EADDRINUSE:
                raise UserError("monitor.port_in_use", address=address) from None
            raise UserError("monitor.bad_address", address=address, why=str(error)) from None

    async def receive(self) -> Arrival:
        """Wait for the next message."""
        return _arrival(await self._socket.recv_multipart(copy=False), self.tag)

    def receive_now(self) -> Arrival | None:
        """Next message if there is one."""
        plain: zmq.Socket[bytes] = zmq.Socket.shadow(self._socket.underlying)
        try:
            return _arrival(plain.recv_multipart(flags=zmq.NOBLOCK, copy=False), self.tag)
        except zmq.Again:
            return None

    def send(self, route: bytes, message: Struct) -> None:
        """Send now or not at all: a peer that does not take it, or is gone, is counted."""
        # By the asynchronous socket, though nobody waits: to send, libzmq also takes in what would
        # have woken the loop for a message that came just before, and only it then looks again.
        sent = self._socket.send_multipart([route[1:], *encode(message)], flags=zmq.NOBLOCK)
        match cast("asyncio.Future[object]", sent).exception():
            case None:
                return
            case zmq.Again():
                self.counts["replies_blocked"] += 1
            case zmq.ZMQError(errno=zmq.EHOSTUNREACH):
                self.counts["replies_gone"] += 1
            case error:
                raise error

    def close(self) -> None:
        """Close the socket."""
        self._socket.close(0)


class Exchange:
    """The ROUTERs of one plane: what is sent finds the one that the route belongs to.

    Parameters
    ----------
    counts : Counter
        ``replies_gone`` is counted in it.
    """

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._routers: dict[int, Router] = {}

    def add(self, router: Router) -> None:
        """One more."""
        self._routers[router.tag] = router

    def remove(self, router: Router) -> None:
        """One less."""
        del self._routers[router.tag]

    def send(self, route: bytes, message: Struct) -> None:
        """See `Router.send`."""
        router = self._routers.get(route[0])
        if router is None:
            self._counts["replies_gone"] += 1
        else:
            router.send(route, message)


def _arrival(frames: list[Any], tag: int) -> Arrival:
    """Frames as the socket gave them; the key is the one that the handshake proved."""
    route, *rest = frames
    user = b""
    if rest:
        with contextlib.suppress(zmq.ZMQError):
            user = str(rest[0].get("User-Id")).encode()
    return Arrival(
        bytes((tag,)) + bytes(route.buffer), user, [bytes(f.buffer) for f in rest], time.time_ns()
    )
