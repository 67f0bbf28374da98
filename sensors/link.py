"""The sockets of a site: one thread that carries events, heartbeats and live rows to the centre.

The site always dials.  Three DEALER sockets, so that neither a row nor a file delays an event, and
a loopback XPUB for viewers on this machine.  What to say about events is decided in
`sensors.protocol.Sender`.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import zmq
from msgspec import Struct
from msgspec.structs import replace

from sdr.source import UserError
from sensors.clips import Clips
from sensors.clock import boot_id
from sensors.dial import dial, next_port
from sensors.keys import Keys
from sensors.local import LocalViewers
from sensors.messages import (
    Announce,
    Answer,
    Command,
    Event,
    Heartbeat,
    Note,
    SpectrumReference,
    SpectrumRow,
    Watch,
)
from sensors.orders import Orders
from sensors.outbox import Outbox, OutboxFault, OutboxFull
from sensors.protocol import Card, Sender
from sensors.rows import Rows
from sensors.wire import (
    EVENTS_DOWN,
    EVIDENCE_DOWN,
    LIVE_DOWN,
    Plane,
    Refused,
    check,
    encode,
)

REOPEN_EVERY_S = 5.0
"""A failed outbox is opened anew so often."""
ANNOUNCE_EVERY_S = 2.0
"""How often the live plane says which sensors can be watched here."""


class Link:
    """A site's connection to its centre and to viewers on the same machine.

    Parameters
    ----------
    outbox : Outbox
    keys : Keys
        CURVE and signing keys of this site.
    site : str
    sensors : tuple of str
        Ids that can be watched.
    events : str, optional
        The centre's events address, ``tcp://HOST:PORT``; without it the site works alone.
    server_key : bytes, optional
        The centre's public CURVE key (Z85); None only with a centre on loopback that runs without
        keys.
    local : str, optional
        Loopback address for viewers.
    software, config : str
        Told to the centre.
    on_watch : callable, optional
        Called in the link's thread with the windows that are watched, whenever that changes.

    Attributes
    ----------
    outbox : Outbox
    rows : Rows
    clips : Clips
    orders : Orders
        Commands of the centre: `Orders.take` them, `answer` each.
    sender : Sender
        Read its ``state``, ``reason`` and ``timing`` freely.
    """

    def __init__(
        self,
        outbox: Outbox,
        keys: Keys,
        site: str,
        sensors: tuple[str, ...],
        *,
        events: str | None = None,
        server_key: bytes | None = None,
        local: str | None = None,
        software: str = "",
        config: str = "",
        on_watch: Callable[[tuple[Watch, ...]], None] | None = None,
    ) -> None:
        self.outbox = outbox
        self.rows = Rows(sensors)
        self.clips = Clips(site)
        self.orders = Orders()
        self.sender = Sender(outbox, Card(site, keys.verify_key, boot_id(), software, config))
        self._keys = keys
        self._site = site
        self._events_address = events
        self._server_key = server_key
        self._on_watch = on_watch
        self._counts: Counter[str] = Counter()
        self._beats: dict[str, Heartbeat] = {}
        self._watches: tuple[Watch, ...] = ()
        self._fault: OutboxFault | None = None
        self._reopen_s = 0.0
        self._stop = threading.Event()
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ear.setblocking(False)
        self._context = zmq.Context(io_threads=1)
        self._context.max_sockets = 64
        try:
            self._viewers = LocalViewers(self._context, local) if local else None
        except UserError:
            self._context.destroy(linger=0)
            self._bell.close()
            self._ear.close()
            raise
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)

    def start(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def publish(self, event: Event) -> int:
        """Make an event durable and return its sequence number; it is on its way then.

        Raises
        ------
        OutboxFault
            It could not be made durable: nobody will hear of it unless you say so.
        """
        try:
            seq = self.outbox.append(event)
        except OutboxFault as fault:
            self._failed(fault)
            self._counts["events_unstored"] += 1
            raise
        if isinstance(self._fault, OutboxFull):
            self._fault = None  # there is space again
        self._show(f"event/{event.site}", event)
        self._ring()
        return seq

    def heartbeat(self, beat: Heartbeat) -> None:
        """Send the state of the site; the newest wins."""
        oldest_s = 0.0
        try:
            oldest_s = self.outbox.oldest_unacked_s()
        except OutboxFault as fault:
            self._failed(fault)
        beat = replace(
            beat,
            outbox_depth=self.outbox.depth,
            outbox_oldest_s=oldest_s,
            link_notes=self.notes(),
            clock_offset_ns=self.sender.timing.offset_ns,
            round_trip_s=self.sender.timing.round_trip_s,
        )
        check(beat)
        self._show(f"heartbeat/{beat.site}", beat)
        self._put_beat(beat)

    def relay_heartbeat(self, beat: Heartbeat) -> None:
        """Pass on the state of a site below, as it is; the newest of each site wins."""
        self._put_beat(beat)

    def _put_beat(self, beat: Heartbeat) -> None:
        if beat.site in self._beats:
            self._counts["heartbeats_replaced"] += 1
        self._beats[beat.site] = beat
        self._ring()

    def notes(self) -> list[Note]:
        """What is wrong with the link or the outbox now, for heartbeat and local indicator."""
        notes = []
        if (fault := self._fault) is not None:
            args: dict[str, str | float | int] = {
                name: str(value)[:200] for name, value in fault.fields.items()
            }
            notes.append(Note(fault.message_id, args))
        if self.sender.state == "refused":
            notes.append(Note(self.sender.reason))
        return notes

    @property
    def watches(self) -> tuple[Watch, ...]:
        """Windows that somebody watches now; make rows for these and for nothing else."""
        return self._watches

    def wake(self) -> None:
        """Something was put into the outbox beside `publish`."""
        self._ring()

    def answer(self, answer: Answer) -> None:
        """Tell the centre whether a command is being carried out."""
        self.orders.answer(answer)
        self._ring()

    def offer(self, watch: Watch, message: SpectrumRow | SpectrumReference) -> None:
        """Hand over the newest row or reference of a watched window."""
        self.rows.offer(watch, message)
        self._ring()

    def show(self, message: SpectrumRow | SpectrumReference) -> None:
        """Show a row or reference of a whole sensor to viewers on this machine."""
        kind = "row" if isinstance(message, SpectrumRow) else "reference"
        self._show(f"{kind}/{message.sensor}", message)
        self._ring()

    def viewed(self, sensor: str) -> bool:
        """Whether a viewer on this machine wants the rows of a sensor."""
        return self._viewers is not None and self._viewers.wanted(f"row/{sensor}")

    def counters(self) -> dict[str, float]:
        """Everything that is counted here, by name, for metrics and ``rfproctor link``."""
        counts: dict[str, float] = {f"events_{k}": v for k, v in self.sender.counts.items()}
        counts |= {f"rows_{k}": v for k, v in self.rows.counts.items()}
        counts |= {f"commands_{k}": v for k, v in self.orders.counts.items()}
        counts |= {f"files_{k}": v for k, v in self.clips.counts.items()}
        counts |= self._viewers.counts if self._viewers is not None else {}
        counts |= self._counts
        counts["files_waiting"] = self.clips.waiting
        counts["outbox_depth"] = self.outbox.depth
        counts["outbox_last"] = self.outbox.last
        counts["up"] = float(self.sender.state == "up")
        counts["round_trip_s"] = self.sender.timing.round_trip_s
        return counts

    def drained(self, within_s: float) -> bool:
        """Wait until the centre has every event, at most so long."""
        until = time.monotonic() + within_s
        while self.outbox.depth and time.monotonic() < until:
            time.sleep(0.01)
        return self.outbox.depth == 0

    def close(self) -> None:
        """Stop the thread and close the sockets; the outbox stays open."""
        self._stop.set()
        self._ring()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)
        if self._viewers is not None:
            self._viewers.close()
        self._context.destroy(linger=0)
        self._bell.close()
        self._ear.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    # Below: the thread.

    def _run(self) -> None:
        if self._events_address is None:
            while not self._stop.is_set():
                self._wait([], 1.0)
                self._serve_viewers()
            return
        while not self._stop.is_set():
            sockets = self._dial(self._events_address)
            self.sender.opened(time.monotonic())
            self.clips.reconnected()
            try:
                self._talk(*sockets)
            finally:
                for dealer in sockets:
                    dealer.close(0)
                self.rows.clear()
                self._tell_watches()
            if not self._stop.is_set():
                self._counts["resets"] += 1
                self._stop.wait(random.uniform(0.0, 1.0))  # noqa: S311

    def _dial(self, events: str) -> tuple[zmq.Socket[bytes], ...]:
        """Make the sockets of the three planes: events, live rows, evidence."""
        planes = ((0, EVENTS_DOWN, 200, 0), (1, LIVE_DOWN, 64, 0), (2, EVIDENCE_DOWN, 4, 32 * 1024))
        return tuple(
            dial(
                self._context,
                next_port(events, step),
                self._keys,
                self._server_key,
                max_bytes=plane.max_bytes,
                queue=queue,
                send_buffer=buffer,
            )
            for step, plane, queue, buffer in planes
        )

    def _talk(
        self, events: zmq.Socket[bytes], live: zmq.Socket[bytes], evidence: zmq.Socket[bytes]
    ) -> None:
        """Carry messages until the socket has to be made anew."""
        announce_s = 0.0
        blocked = False
        while not self._stop.is_set():
            now = time.monotonic()
            if self.sender.wants_reset(now):
                return
            wait = min(self.sender.wake_s(now), max(0.0, announce_s - now))
            flags = zmq.POLLIN | (zmq.POLLOUT if blocked else 0)
            self._wait([(events, flags), (live, zmq.POLLIN), (evidence, zmq.POLLIN)], wait)
            arrived = self._arrived(events, EVENTS_DOWN)
            blocked = not self._events(events, arrived)
            for message in self._arrived(live, LIVE_DOWN):
                self.rows.grant(message, time.monotonic())
            for message in self._arrived(evidence, EVIDENCE_DOWN):
                self.clips.receive(message)
            now = time.monotonic()
            if now >= announce_s:
                announce_s = now + ANNOUNCE_EVERY_S
                for start in range(0, len(self.rows.sensors), 64):
                    some = list(self.rows.sensors[start : start + 64])
                    self._send(live, Announce(self._site, some))
            self._tell_watches()
            while (row := self.rows.take()) is not None:
                if not self._send(live, row):
                    self.rows.unsent(row)
                    break
            while (piece := self.clips.take(time.monotonic())) is not None:
                if not self._send(evidence, piece):
                    self._counts["files_blocked"] += 1
                    break
            self._serve_viewers()

    def _events(self, events: zmq.Socket[bytes], arrived: list[Any]) -> bool:
        """Take in and send what is due; False when the socket takes no more."""
        for message in arrived:
            if isinstance(message, Command):
                self.orders.arrived(message, time.time_ns() - (self.sender.timing.offset_ns or 0))
        if not self._pump_state(events):
            return False
        if self._fault is not None and not self._recovered():
            return True
        try:
            for message in arrived:
                if not isinstance(message, Command):
                    self.sender.receive(message, time.monotonic(), time.time_ns())
            self.outbox.offset_ns = self.sender.timing.offset_ns
            return self._pump(events)
        except OutboxFault as fault:
            self._failed(fault)
            return True

    def _pump_state(self, events: zmq.Socket[bytes]) -> bool:
        """Heartbeat and answers: they go out even when the outbox has failed."""
        if self.sender.state != "greeting":
            for site in list(self._beats):
                beat = self._beats.pop(site)
                if site == self._site:
                    beat = replace(beat, time_ns=time.time_ns())
                if not self._send(events, beat):
                    self._beats.setdefault(site, beat)
                    return False
        while (answer := self.orders.ready()) is not None:
            if not self._send(events, answer):
                self.orders.answer(answer)
                return False
        return True

    def _pump(self, events: zmq.Socket[bytes]) -> bool:
        while (message := self.sender.outgoing(time.monotonic())) is not None:
            if not self._send(events, message):
                return False
            self.sender.sent(time.monotonic())
        return True

    def _failed(self, fault: OutboxFault) -> None:
        if self._fault is None:
            self._reopen_s = time.monotonic() + REOPEN_EVERY_S
        self._fault = fault
        self._counts["outbox_faults"] += 1

    def _recovered(self) -> bool:
        """Try the outbox again now and then; reading goes on while it is merely full."""
        if isinstance(self._fault, OutboxFull):
            return True
        now = time.monotonic()
        if now < self._reopen_s:
            return False
        self._reopen_s = now + REOPEN_EVERY_S
        try:
            self.outbox.reopen()
        except OutboxFault as fault:
            self._fault = fault
            return False
        self._fault = None
        self._counts["outbox_reopened"] += 1
        return True

    def _send(self, dealer: zmq.Socket[bytes], message: Struct) -> bool:
        try:
            dealer.send_multipart(encode(message), flags=zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def _arrived(self, dealer: zmq.Socket[bytes], plane: Plane) -> list[Any]:
        messages = []
        for _ in range(256):
            try:
                frames = dealer.recv_multipart(flags=zmq.NOBLOCK)
            except zmq.Again:
                break
            try:
                messages.append(plane.decode(frames))
            except Refused as refused:
                self._counts[f"refused_{refused.reason}"] += 1
        return messages

    def _wait(self, sockets: list[tuple[zmq.Socket[bytes], int]], seconds: float) -> None:
        poller = zmq.Poller()
        for dealer, flags in sockets:
            poller.register(dealer, flags)
        poller.register(self._ear, zmq.POLLIN)
        if self._viewers is not None:
            poller.register(self._viewers.socket, zmq.POLLIN)
        poller.poll(max(1, round(seconds * 1000)))
        try:
            while self._ear.recv(4096):
                pass
        except BlockingIOError:
            pass

    def _ring(self) -> None:
        try:
            self._bell.send(b"!")
        except (BlockingIOError, OSError):
            self._counts["rings_saved"] += 1  # it is awake, or gone

    def _show(self, topic: str, message: Struct) -> None:
        if self._viewers is not None:
            self._viewers.put(topic, message)

    def _serve_viewers(self) -> None:
        if self._viewers is not None:
            self._viewers.serve()

    def _tell_watches(self) -> None:
        watches = self.rows.watches(time.monotonic())
        if watches != self._watches:
            self._watches = watches
            if self._on_watch is not None:
                self._on_watch(watches)
