"""The monitor's sockets: three planes and a gate in the monitor's own loop, opened as one.

What happens on a plane is in ``dashboard/events_plane.py``, ``live_plane.py`` and
``evidence_plane.py``; here is what they share: addresses, keys, threads, and who is told.  What the
store must do is in ``dashboard/inbox.py``, the protocol in ``docs/wire.md``.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import zmq.asyncio

from dashboard.arrival import Outcome
from dashboard.collect import Collector
from dashboard.doors import Doors
from dashboard.events_plane import EventsPlane
from dashboard.evidence_plane import EvidencePlane
from dashboard.gate import Gate, OnRefused
from dashboard.inbox import Incoming, Store
from dashboard.intake import Intake
from dashboard.keyring import Keyring
from dashboard.live_plane import LivePlane
from dashboard.relay import Relay
from dashboard.router import Exchange
from dashboard.viewing import Viewing
from sensors.address import is_loopback
from sensors.dial import next_port
from sensors.messages import Answer, Heartbeat, SpectrumReference, SpectrumRow, Watch
from sensors.toml import UserError

OnEvent = Callable[[Incoming], None]
OnHeartbeat = Callable[[Heartbeat], None]
OnRow = Callable[[SpectrumRow | SpectrumReference], None]
OnFile = Callable[[str, Path], None]


ZERO_COPY_RECV = 10
"""Option of a libzmq context for which pyzmq has no name.  Off, a connection keeps 8 kB to read
into instead of 18, and a small message is copied, which costs less than a new 18 kB for each."""
RENEW_EVERY_S = 1.0
"""How often watches and unfinished files are looked after."""

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
    is_gone : callable
        Whether a site deleted the file of a name, see `Collector`.

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
        is_gone: Callable[[str, str], bool] = lambda site, file: False,
    ) -> None:
        self.intake = Intake(store, monitor, keyring)
        self.keyring = keyring
        self.collector = (
            Collector(evidence, on_file, is_gone=is_gone) if evidence is not None else None
        )
        self.relay: Relay | None = None
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
        if keyring is None and not is_loopback(events):
            raise UserError("monitor.insecure_address", address=events)

    async def __aenter__(self) -> Self:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="intake")
        self._files = ThreadPoolExecutor(max_workers=1, thread_name_prefix="evidence")
        self._context = zmq.asyncio.Context(io_threads=1)
        self._context.max_sockets = 64
        self._context.set(ZERO_COPY_RECV, 0)
        works: list[Callable[[], Coroutine[Any, Any, None]]] = []
        if self.keyring is not None:
            self._gate = Gate(
                self._context, self.keyring, self._monitor, self._addresses[3], self._tell_once
            )
            works += [self._gate.answer, self._gate.watch]
        counts, keyring, tell = self.counts, self.keyring, self._tell_once
        events, live, files = (Exchange(counts) for _ in range(3))
        self._events = EventsPlane(events, self.intake, self._thread, counts, self._outcome)
        self._live = LivePlane(live, self.viewing, keyring, counts, self._row, tell)
        self._evidence = EvidencePlane(files, self.collector, self._files, keyring, counts, tell)
        planes = ((self._events, events), (self._live, live), (self._evidence, files))
        doors = Doors(self._context, self._addresses[0], keyring, planes, counts, _for_ever, tell)
        self._doors = self._events.doors = doors
        try:
            doors.open()
        except UserError:
            await self.close()
            raise
        works += [self._renew, self._renew_files]
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
        await self._doors.close()
        self._thread.shutdown(wait=True)
        self._files.shutdown(wait=True)
        self._context.destroy(linger=0)

    def watch(self, watch: Watch) -> int:
        """Begin to watch a window (or move the watch of that number) until `unwatch`.

        Credit is given and renewed here; ``watch.credit`` does not matter.  Rows come to ``on_row``
        with the returned number in ``row.watch``.
        """
        return self._live.watch(watch)

    def unwatch(self, number: int) -> None:
        """End a watch."""
        self._live.unwatch(number)

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
        return await self._events.command(site, name, args or {}, lease_s, within_s)

    async def configure(
        self, site: str, version: int, text: bytes, signature: bytes, *, within_s: float = 10.0
    ) -> Answer:
        """Send a signed configuration to a site and wait for its answer, as `command` does."""
        return await self._events.configure(site, version, text, signature, within_s)

    def signers_of(self, peer: str) -> tuple[bytes, ...]:
        """Signing keys of a peer, as far as they are known here."""
        chain = self.intake.chains.get(peer)
        if chain is not None and self.keyring is None:
            return chain.signers
        return self.keyring.signers_of(peer) if self.keyring is not None else ()

    def counters(self) -> dict[str, float]:
        """Everything that is counted here, by name."""
        counts: dict[str, float] = {f"intake_{k}": v for k, v in self.intake.counts.items()}
        counts |= {f"live_{k}": v for k, v in self.viewing.counts.items()}
        counts |= self._gate.counts if self._gate is not None else {}
        if self.collector is not None:
            counts |= {f"evidence_{k}": v for k, v in self.collector.counts.items()}
        if self.relay is not None:
            counts |= {f"upstream_{k}": v for k, v in self.relay.counters().items()}
        counts["sites_to_move"] = self._doors.to_move(self.intake.routes.values())
        return counts | dict(self.counts)

    def _outcome(self, outcome: Outcome) -> None:
        for beat in outcome.heartbeats:
            self._on_heartbeat(beat)
        for event in outcome.events:
            self._on_event(event)
        if self.relay is not None:
            for beat in outcome.heartbeats:
                self.relay.on_heartbeat(beat)
            for early in outcome.early:
                self.relay.on_early(early)
            if outcome.events:
                self.relay.poke()
        for reason, peer, detail in outcome.refused:
            self._tell_once(reason, peer, detail)

    def _row(self, row: SpectrumRow | SpectrumReference) -> None:
        if self.relay is None or not self.relay.on_row(row):
            self._on_row(row)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            self._live.renew()
            self._doors.follow()

    async def _renew_files(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            await self._evidence.renew()

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
