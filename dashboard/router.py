"""One ROUTER socket of the monitor: bounded, never waiting for a peer, every loss counted."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from typing import Any

import zmq
import zmq.asyncio
from msgspec import Struct

from dashboard.arrival import Arrival
from dashboard.gate import serve_with
from dashboard.keyring import Keyring
from dashboard.zap import SITES
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
    keyring : Keyring or None
        CURVE with this allow-list; None without keys.
    counts : Counter
        ``replies_blocked`` and ``replies_gone`` are counted in it.

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
        keyring: Keyring | None,
        counts: Counter[str],
    ) -> None:
        self.counts = counts
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
        if keyring is not None:
            serve_with(router, keyring, SITES)
        try:
            router.bind(address)
        except zmq.ZMQError as error:
            router.close(0)
            if error.errno == zmq.EADDRINUSE:
                raise UserError("monitor.port_in_use", address=address) from None
            raise UserError("monitor.bad_address", address=address, why=str(error)) from None

    async def receive(self) -> Arrival:
        """Wait for the next message."""
        return _arrival(await self._socket.recv_multipart(copy=False))

    def receive_now(self) -> Arrival | None:
        """Next message if there is one."""
        plain: zmq.Socket[bytes] = zmq.Socket.shadow(self._socket.underlying)
        try:
            return _arrival(plain.recv_multipart(flags=zmq.NOBLOCK, copy=False))
        except zmq.Again:
            return None

    def send(self, route: bytes, message: Struct) -> None:
        """Send now or not at all: a peer that does not take it, or is gone, is counted."""
        plain: zmq.Socket[bytes] = zmq.Socket.shadow(self._socket.underlying)
        try:
            plain.send_multipart([route, *encode(message)], flags=zmq.NOBLOCK)
        except zmq.Again:
            self.counts["replies_blocked"] += 1
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self.counts["replies_gone"] += 1

    def close(self) -> None:
        """Close the socket."""
        self._socket.close(0)


def _arrival(frames: list[Any]) -> Arrival:
    """Frames as the socket gave them; the key is the one that the handshake proved."""
    route, *rest = frames
    user = b""
    if rest:
        with contextlib.suppress(zmq.ZMQError):
            user = str(rest[0].get("User-Id")).encode()
    return Arrival(bytes(route.buffer), user, [bytes(f.buffer) for f in rest], time.time_ns())
