"""The monitor's sockets: ROUTERs in the monitor's own loop; events are stored before the ack.

The loop only moves frames.  Decoding, signatures and the store's transaction run in one thread of
their own (`dashboard.intake.Intake`), so that a slow disk never stops the page.  What the store
must do is in ``dashboard/inbox.py``, the protocol in ``docs/wire.md``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import zmq.asyncio
from msgspec import Struct
from msgspec.structs import replace

from dashboard.collect import Collector, Reply
from dashboard.gate import Gate, OnRefused
from dashboard.inbox import Breach as Breach
from dashboard.inbox import Incoming as Incoming
from dashboard.inbox import Standing as Standing
from dashboard.inbox import Store as Store
from dashboard.intake import Arrival, Intake, Outcome, StoreFailed
from dashboard.keyring import Keyring
from dashboard.router import Router
from dashboard.viewing import Viewing
from sensors.dial import next_port
from sensors.messages import (
    Announce,
    Answer,
    Block,
    Command,
    Heartbeat,
    Offer,
    Pulse,
    SpectrumReference,
    SpectrumRow,
    Watch,
)
from sensors.toml import UserError
from sensors.wire import EVENTS_UP, EVIDENCE_UP, LIVE_UP, Refused, check

OnEvent = Callable[[Incoming], None]
OnHeartbeat = Callable[[Heartbeat], None]
OnRow = Callable[[SpectrumRow | SpectrumReference], None]
OnFile = Callable[[str, Path], None]


class Relay(Protocol):
    """What wants everything too: `dashboard.upstream.Upstream`."""

    def poke(self) -> None:
        """Something was stored."""
        ...

    def on_heartbeat(self, beat: Heartbeat) -> None:
        """A site's state came."""
        ...

    def on_row(self, row: SpectrumRow | SpectrumReference) -> bool:
        """A row came; True when it was for the relay alone."""
        ...


BATCH = 256
"""Messages of one transaction, at most."""
LIVE_BATCH = 32
"""Rows taken in one go."""
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
        ``tcp://HOST:PORT``; live rows, evidence and enrolment are on the next three ports.
    store : Store
    monitor : str
        Our own id.
    on_event, on_heartbeat, on_row : callable
        Called in the loop: an event after its commit, a heartbeat and a row as they come.
    on_refused : callable
        Told reason, peer and detail of a dropped message or handshake, once per peer and reason.
    keyring : Keyring, optional
        Our keys and the allow-list.  None = without keys, for loopback only.

    evidence : Path, optional
        Folder for the sites' files; None takes none.
    on_file : callable
        Told site and path of every complete file, in a thread.

    Attributes
    ----------
    relay : Relay or None
        Set it to pass everything on to a level above.
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
        evidence: Path | None = None,
        on_file: OnFile = _nothing,
    ) -> None:
        self.intake = Intake(store, monitor, keyring)
        self.keyring = keyring
        self.collector = Collector(evidence, on_file) if evidence is not None else None
        self._offering: dict[bytes, str] = {}
        self.relay: Relay | None = None
        self._asked: dict[int, tuple[str, asyncio.Future[Answer]]] = {}
        self.viewing = Viewing()
        self.counts: Counter[str] = Counter()
        self._addresses = tuple(next_port(events, step) for step in range(4))
        self._on_event = on_event
        self._on_heartbeat = on_heartbeat
        self._on_row = on_row
        self._on_refused = on_refused
        self._monitor = monitor
        self._gate: Gate | None = None
        self._told: set[tuple[str, str]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._routers: list[Router] = []
        if keyring is None and not is_loopback(events):
            raise UserError("monitor.insecure_address", address=events)

    async def __aenter__(self) -> Self:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="intake")
        self._files = ThreadPoolExecutor(max_workers=1, thread_name_prefix="evidence")
        self._context = zmq.asyncio.Context(io_threads=1)
        self._context.max_sockets = 64
        works = [self._take_events, self._take_live, self._take_evidence, self._renew]
        if self.keyring is not None:
            self._gate = Gate(
                self._context,
                self.keyring,
                self._monitor,
                self._addresses[3],
                lambda reason, user, address: self._tell_once(reason, user, address),
            )
            works += [self._gate.answer, self._gate.watch]
        try:
            # Queues are per connection: what a site may have in flight, and a little more.
            for address, plane, queue in (
                (self._addresses[0], EVENTS_UP, 80),
                (self._addresses[1], LIVE_UP, 40),
                (self._addresses[2], EVIDENCE_UP, 8),
            ):
                self._routers.append(
                    Router(
                        self._context, address, plane.max_bytes, queue, self.keyring, self.counts
                    )
                )
        except UserError:
            await self.close()
            raise
        self._events, self._live, self._evidence = self._routers
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
        self._files.shutdown(wait=True)
        for router in self._routers:
            router.close()
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
                self._live.send(route, ended)

    async def command(
        self,
        site: str,
        name: str,
        args: dict[str, str | float | int] | None = None,
        *,
        lease_s: float = 30.0,
        within_s: float = 10.0,
    ) -> Answer:
        """Send a command to a site and wait for its answer; repeated until then, done once.

        Whoever calls this writes the audit row, before it.

        Raises
        ------
        UserError
            ``command.unreachable``: the site is not connected; ``command.no_answer``.
        """
        number = int.from_bytes(os.urandom(7), "big") + 1
        expires_ns = time.time_ns() + int(within_s * 1e9)
        command = Command(number, name, args or {}, lease_s, expires_ns)
        check(command)
        if site not in self.intake.routes:
            raise UserError("command.unreachable", site=site)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked[number] = (site, future)
        try:
            for _ in range(max(1, round(within_s))):
                self._events.send(self.intake.routes[site], command)
                done, _ = await asyncio.wait((future,), timeout=1.0)
                if done:
                    return future.result()
        finally:
            del self._asked[number]
        raise UserError("command.no_answer", site=site)

    def verify_key_of(self, peer: str) -> bytes | None:
        """Signing key of a key id, as far as it is known here."""
        chain = self.intake.chains.get(peer)
        if chain is not None:
            return chain.verify_key
        return self.keyring.verify_key_of(peer) if self.keyring is not None else None

    def counters(self) -> dict[str, float]:
        """Everything that is counted here, by name."""
        counts: dict[str, float] = {f"intake_{k}": v for k, v in self.intake.counts.items()}
        counts |= {f"live_{k}": v for k, v in self.viewing.counts.items()}
        counts |= self._gate.counts if self._gate is not None else {}
        if self.collector is not None:
            counts |= {f"evidence_{k}": v for k, v in self.collector.counts.items()}
        return counts | dict(self.counts)

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
        arrivals = [await self._events.receive()]
        while len(arrivals) < BATCH and (arrival := self._events.receive_now()) is not None:
            arrivals.append(arrival)
        return arrivals

    def _conclude(self, outcome: Outcome) -> None:
        for route, reply in outcome.replies:
            if isinstance(reply, Pulse):
                reply = replace(reply, sent_ns=max(time.time_ns(), reply.received_ns))
            self._events.send(route, reply)
        for site, answer in outcome.answers:
            asked, future = self._asked.get(answer.number, ("", None))
            if future is not None and asked == site and not future.done():
                future.set_result(answer)
        for beat in outcome.heartbeats:
            self._on_heartbeat(beat)
        for event in outcome.events:
            self._on_event(event)
        if self.relay is not None:
            for beat in outcome.heartbeats:
                self.relay.on_heartbeat(beat)
            if outcome.events:
                self.relay.poke()
        for reason, peer, detail in outcome.refused:
            self._tell_once(reason, peer, detail)

    async def _take_live(self) -> None:
        while True:
            self._live_one(await self._live.receive())
            for _ in range(LIVE_BATCH):
                arrival = self._live.receive_now()
                if arrival is None:
                    break
                self._live_one(arrival)
            await asyncio.sleep(0)  # rows never keep the loop from events and browsers

    def _live_one(self, arrival: Arrival) -> None:
        try:
            message = LIVE_UP.decode(arrival.frames)
            self._live_allowed(arrival, message)
        except Refused as refused:
            self.counts[f"live_refused_{refused.reason}"] += 1
            self._tell_once(refused.reason, arrival.user.decode(), refused.detail)
            return
        now = time.monotonic()
        if isinstance(message, Announce):
            if self.viewing.announced(message, arrival.route, now):
                self._grant()
        elif self.viewing.arrived(message):
            grant = self.viewing.grant(message.watch, now)
            if grant is not None:
                self._live.send(*grant)
            if self.relay is None or not self.relay.on_row(message):
                self._on_row(message)

    async def _take_evidence(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            arrival = await self._evidence.receive()
            try:
                message = EVIDENCE_UP.decode(arrival.frames)
                site = self._evidence_of(arrival, message)
                if self.collector is None:
                    continue
                work = partial(self._collect, site, message, arrival.route)
                replies = await loop.run_in_executor(self._files, work)
            except Refused as refused:
                self.counts[f"evidence_refused_{refused.reason}"] += 1
                self._tell_once(refused.reason, arrival.user.decode(), refused.detail)
                continue
            except OSError as error:
                self.counts["evidence_failures"] += 1
                self._tell_once("disk", "evidence", str(error))
                continue
            for route, reply in replies:
                self._evidence.send(route, reply)

    def _collect(self, site: str, message: Offer | Block, route: bytes) -> list[Reply]:
        assert self.collector is not None
        now = time.monotonic()
        if isinstance(message, Offer):
            return self.collector.offered(message, route, now)
        return self.collector.arrived(site, message, route, now)

    def _evidence_of(self, arrival: Arrival, message: Offer | Block) -> str:
        """Site that a file comes from; by its key, or by what it said on this connection."""
        if self.keyring is not None:
            site = self.keyring.admit(arrival.user).site
            if isinstance(message, Offer) and message.site != site:
                raise Refused("site", message.site)
            return site
        if isinstance(message, Offer):
            self._offering[arrival.route] = message.site
            if len(self._offering) > 1000:
                del self._offering[next(iter(self._offering))]
        if arrival.route not in self._offering:
            raise Refused("unknown", "a block before an offer")
        return self._offering[arrival.route]

    def _live_allowed(self, arrival: Arrival, message: Struct) -> None:
        if self.keyring is None:
            return
        peer = self.keyring.admit(arrival.user)
        if isinstance(message, Announce) and not peer.relay:
            theirs = [s for s in message.sensors if not s.startswith(f"{peer.site}/")]
            if message.site != peer.site or theirs:
                raise Refused("site", message.site)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._grant()
            if self.collector is not None:
                for route, reply in self.collector.due(time.monotonic()):
                    self._evidence.send(route, reply)

    def _grant(self) -> None:
        for route, watch in self.viewing.due(time.monotonic()):
            self._live.send(route, watch)

    def _tell_once(self, reason: str, peer: str, detail: str) -> None:
        if (reason, peer) not in self._told and len(self._told) < 10_000:
            self._told.add((reason, peer))
            _log.warning("refused %s: %s %s", peer, reason, detail)
            self._on_refused(reason, peer, detail)


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
