"""The monitor's sockets: ROUTERs in the monitor's own loop; events are stored before the ack.

The loop only moves frames.  Decoding, signatures and the store's transaction run in one thread of
their own (`dashboard.intake.Intake`), so that a slow disk never stops the page.  What the store
must do is in ``dashboard/inbox.py``, the protocol in ``docs/wire.md``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import zmq
import zmq.asyncio
from msgspec import Struct
from msgspec.structs import replace

from dashboard.gate import Gate, OnRefused, serve_with
from dashboard.inbox import Breach as Breach
from dashboard.inbox import Incoming as Incoming
from dashboard.inbox import Standing as Standing
from dashboard.inbox import Store as Store
from dashboard.intake import Arrival, Intake, Outcome, StoreFailed
from dashboard.keyring import Keyring
from dashboard.viewing import Viewing
from dashboard.zap import SITES
from sensors.link import next_port
from sensors.messages import (
    Announce,
    Heartbeat,
    Pulse,
    SpectrumReference,
    SpectrumRow,
    Watch,
)
from sensors.toml import UserError
from sensors.wire import EVENTS_UP, LIVE_UP, Refused, encode

OnEvent = Callable[[Incoming], None]
OnHeartbeat = Callable[[Heartbeat], None]
OnRow = Callable[[SpectrumRow | SpectrumReference], None]

BATCH = 256
"""Messages of one transaction, at most."""
RETRY_S = 1.0
"""Pause after the store failed."""

_log = logging.getLogger(__name__)


def _nothing(*_: object) -> None:
    return None


class Receiver:
    """Events, heartbeats and live rows of every site.

    Use it as an asynchronous context manager inside the monitor's loop.

    Parameters
    ----------
    events : str
        ``tcp://HOST:PORT``; the live plane is the next port.
    store : Store
    monitor : str
        Our own id.
    on_event, on_heartbeat, on_row : callable
        Called in the loop: an event after its commit, a heartbeat and a row as they come.
    on_refused : callable
        Told reason, peer and detail of a dropped message or handshake, once per peer and reason.
    keyring : Keyring, optional
        Our keys and the allow-list.  None = without keys, for loopback only.

    Attributes
    ----------
    intake : Intake
    viewing : Viewing
    counts : Counter

    Raises
    ------
    UserError
        ``monitor.port_in_use`` or ``monitor.insecure_address``.
    """

    def __init__(
        self,
        events: str,
        store: Store,
        *,
        monitor: str = "monitor",
        on_event: OnEvent = _nothing,
        on_heartbeat: OnHeartbeat = _nothing,
        on_row: OnRow = _nothing,
        on_refused: OnRefused = _nothing,
        keyring: Keyring | None = None,
    ) -> None:
        self.intake = Intake(store, monitor, keyring)
        self.keyring = keyring
        self.viewing = Viewing()
        self.counts: Counter[str] = Counter()
        self._addresses = (events, next_port(events), next_port(events, 3))
        self._on_event = on_event
        self._on_heartbeat = on_heartbeat
        self._on_row = on_row
        self._on_refused = on_refused
        self._monitor = monitor
        self._gate: Gate | None = None
        self._told: set[tuple[str, str]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        if keyring is None and not is_loopback(events):
            raise UserError("monitor.insecure_address", address=events)

    async def __aenter__(self) -> Self:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="intake")
        self._context = zmq.asyncio.Context(io_threads=1)
        self._context.max_sockets = 64
        works = [self._take_events, self._take_live, self._renew]
        if self.keyring is not None:
            self._gate = Gate(
                self._context,
                self.keyring,
                self._monitor,
                self._addresses[2],
                lambda reason, user, address: self._tell_once(reason, user, address),
            )
            works += [self._gate.answer, self._gate.watch]
        try:
            self._events = self._bind(self._addresses[0], EVENTS_UP.max_bytes)
            self._live = self._bind(self._addresses[1], LIVE_UP.max_bytes)
        except UserError:
            await self.close()
            raise
        for work in works:
            self._tasks.append(asyncio.create_task(_for_ever(work)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop; the batch that is being stored is finished, and not acknowledged."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._thread.shutdown(wait=True)
        self._context.destroy(linger=0)

    def watch(self, watch: Watch) -> int:
        """Begin to watch a window (or move the watch of that number) until `unwatch`.

        Credit is given and renewed here; ``watch.credit`` does not matter.  Rows come to ``on_row``
        with the returned number in ``row.watch``.
        """
        number = self.viewing.watch(watch)
        self._grant()
        return number

    def unwatch(self, number: int) -> None:
        """End a watch."""
        ended = self.viewing.unwatch(number)
        if ended is not None:
            route = self.viewing.route(ended.sensor, time.monotonic())
            if route is not None:
                self._send(self._live, route, ended)

    def counters(self) -> dict[str, float]:
        """Everything that is counted here, by name."""
        counts: dict[str, float] = {f"intake_{k}": v for k, v in self.intake.counts.items()}
        counts |= {f"live_{k}": v for k, v in self.viewing.counts.items()}
        counts |= self._gate.counts if self._gate is not None else {}
        return counts | dict(self.counts)

    def _bind(self, address: str, max_bytes: int) -> zmq.asyncio.Socket:
        router = self._context.socket(zmq.ROUTER)
        router.setsockopt(zmq.LINGER, 0)
        router.setsockopt(zmq.ROUTER_MANDATORY, 1)  # else a send that goes nowhere says nothing
        router.setsockopt(zmq.MAXMSGSIZE, max_bytes)
        router.setsockopt(zmq.RCVHWM, 1000)
        router.setsockopt(zmq.SNDHWM, 200)
        router.setsockopt(zmq.HANDSHAKE_IVL, 5000)
        router.setsockopt(zmq.HEARTBEAT_IVL, 5000)  # only to reap dead connections
        router.setsockopt(zmq.HEARTBEAT_TIMEOUT, 15000)
        router.setsockopt(zmq.BACKLOG, 1024)
        if self.keyring is not None:
            serve_with(router, self.keyring, SITES)
        try:
            router.bind(address)
        except zmq.ZMQError as error:
            router.close(0)
            if error.errno == zmq.EADDRINUSE:
                raise UserError("monitor.port_in_use", address=address) from None
            raise UserError("monitor.bad_address", address=address, why=str(error)) from None
        return router

    async def _take_events(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            arrivals = await self._gather()
            try:
                outcome = await loop.run_in_executor(self._thread, self.intake.process, arrivals)
            except StoreFailed as failed:
                # Not acknowledged, so nothing is lost; the sites send it again.
                self.counts["store_failures"] += 1
                _log.error("store failed, nothing is acknowledged: %s", failed)
                await asyncio.sleep(RETRY_S)
                continue
            self._conclude(outcome)

    async def _gather(self) -> list[Arrival]:
        """Wait for a message, then take what else is there.

        No waiting for company: what comes during a commit is the next batch.  And no timeout around
        the asynchronous receive: a message that arrives while it is cancelled would be lost.
        """
        arrivals = [_arrival(await self._events.recv_multipart(copy=False))]
        plain: zmq.Socket[bytes] = zmq.Socket.shadow(self._events.underlying)
        while len(arrivals) < BATCH:
            try:
                frames = plain.recv_multipart(flags=zmq.NOBLOCK, copy=False)
            except zmq.Again:
                break
            arrivals.append(_arrival(frames))
        return arrivals

    def _conclude(self, outcome: Outcome) -> None:
        for route, reply in outcome.replies:
            if isinstance(reply, Pulse):
                reply = replace(reply, sent_ns=max(time.time_ns(), reply.received_ns))
            self._send(self._events, route, reply)
        for beat in outcome.heartbeats:
            self._on_heartbeat(beat)
        for event in outcome.events:
            self._on_event(event)
        for reason, peer, detail in outcome.refused:
            self._tell_once(reason, peer, detail)

    async def _take_live(self) -> None:
        while True:
            frames = await self._live.recv_multipart(copy=False)
            arrival = _arrival(frames)
            try:
                message = LIVE_UP.decode(arrival.frames)
                self._live_allowed(arrival, message)
            except Refused as refused:
                self.counts[f"live_refused_{refused.reason}"] += 1
                self._tell_once(refused.reason, arrival.user.decode(), refused.detail)
                continue
            now = time.monotonic()
            if isinstance(message, Announce):
                self.viewing.announced(message, arrival.route, now)
                self._grant()
            elif self.viewing.arrived(message):
                self._grant()
                self._on_row(message)

    def _live_allowed(self, arrival: Arrival, message: Struct) -> None:
        if self.keyring is None:
            return
        peer = self.keyring.admit(arrival.user)
        if isinstance(message, Announce):
            theirs = [s for s in message.sensors if not s.startswith(f"{peer.site}/")]
            if message.site != peer.site or theirs:
                raise Refused("site", message.site)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._grant()

    def _grant(self) -> None:
        for route, watch in self.viewing.due(time.monotonic()):
            self._send(self._live, route, watch)

    def _send(self, router: zmq.asyncio.Socket, route: bytes, message: Struct) -> None:
        # The plain socket underneath: a reply that cannot go now is dropped, never awaited.
        try:
            plain: zmq.Socket[bytes] = zmq.Socket.shadow(router.underlying)
            plain.send_multipart([route, *encode(message)], flags=zmq.NOBLOCK)
        except zmq.Again:
            self.counts["replies_blocked"] += 1
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self.counts["replies_gone"] += 1

    def _tell_once(self, reason: str, peer: str, detail: str) -> None:
        if (reason, peer) not in self._told and len(self._told) < 10_000:
            self._told.add((reason, peer))
            _log.warning("refused %s: %s %s", peer, reason, detail)
            self._on_refused(reason, peer, detail)


def _arrival(frames: list[Any]) -> Arrival:
    """Frames as the socket gave them; the key is the one that the handshake proved."""
    route, *rest = frames
    user = b""
    if rest:
        with contextlib.suppress(zmq.ZMQError):
            user = str(rest[0].get("User-Id")).encode()
    return Arrival(bytes(route.buffer), user, [bytes(f.buffer) for f in rest], time.time_ns())


async def _for_ever(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a task of the receiver; a bug of ours in it is logged and it goes on."""
    while True:
        try:
            await work()
        except Exception:
            _log.exception("receiver")
            await asyncio.sleep(0.1)


def is_loopback(address: str) -> bool:
    """Whether an address is this machine only."""
    host = address.removeprefix("tcp://").rpartition(":")[0]
    return host == "localhost" or host.startswith("127.") or host == "[::1]"
