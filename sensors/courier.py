"""The courier of a site: the loop of the one thread that touches the sockets to the centre.

Three DEALER sockets, so that neither a row nor a file delays an event.  What to say about events is
decided in `sensors.protocol.Sender`; the courier takes what is due from the hands of the link, as
long as the sockets accept it, and gives back what they did not.
"""

from __future__ import annotations

import dataclasses
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import zmq
from msgspec import Struct
from msgspec.structs import replace

from sensors.bell import Bell
from sensors.clips import Clips
from sensors.dial import dial_planes
from sensors.keys import KeyFault, Keys
from sensors.local import LocalViewers
from sensors.messages import Announce, Command, Configure, Heartbeat, Successor, Watch, Welcome
from sensors.orders import Orders
from sensors.outbox import Outbox, OutboxFault
from sensors.pin import Door, Pin
from sensors.protocol import Sender
from sensors.recovery import Recovery
from sensors.renewal import Renewal
from sensors.rows import Rows
from sensors.wire import EVENTS_DOWN, EVIDENCE_DOWN, LIVE_DOWN, Plane, Refused, encode

ANNOUNCE_EVERY_S = 2.0
"""How often the live plane says which sensors can be watched here."""
RENEW_EVERY_S = 1.0
"""How often new keys are looked for."""


@dataclass(frozen=True, slots=True)
class Bag:
    """What the courier carries: other threads put things in, each part guards itself.

    Attributes
    ----------
    beats : dict
        Newest heartbeat of each site that waits to be sent.
    """

    outbox: Outbox
    recovery: Recovery
    sender: Sender
    rows: Rows
    clips: Clips
    orders: Orders
    viewers: LocalViewers | None
    beats: dict[str, Heartbeat] = field(default_factory=dict)


class Courier:
    """Carries a bag to the centre and back until it is told to stop.

    Parameters
    ----------
    context : zmq.Context
    pin : Pin
        Where the centre is and how it is known.
    keys : Keys
    site : str
    bag : Bag
    bell : Bell
        Rung when something was put into the bag.
    on_watch : callable or None
        Called in the courier's thread with the windows that are watched, whenever that changes.
    renewal : Renewal or None
        Changes the keys when others are waiting.

    Attributes
    ----------
    watches : tuple of Watch
        Windows that somebody watches now.
    counts : Counter
        ``resets``, ``files_blocked``, ``renewals``, ``renewals_failed``, ``refused_REASON``.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        pin: Pin,
        keys: Keys,
        site: str,
        bag: Bag,
        bell: Bell,
        on_watch: Callable[[tuple[Watch, ...]], None] | None,
        renewal: Renewal | None = None,
    ) -> None:
        self.watches: tuple[Watch, ...] = ()
        self.counts: Counter[str] = Counter()
        self._context = context
        self._pin = pin
        self._door = Door("", None)
        self._turn = 0
        self._move = False
        self._keys = keys
        self._site = site
        self._bag = bag
        self._bell = bell
        self._on_watch = on_watch
        self._renewal = renewal
        self._renew_s = 0.0
        self._stop = threading.Event()

    def stop(self) -> None:
        """End `run` soon."""
        self._stop.set()
        self._bell.ring()

    def run(self) -> None:
        """Carry until `stop`; dial anew whenever the protocol wants a fresh start."""
        if not self._pin.doors:
            while not self._stop.is_set():
                self._wait([], 1.0)
                self._serve_viewers()
            return
        while not self._stop.is_set():
            doors = self._pin.doors
            self._door = door = doors[self._turn % len(doors)]
            self._turn, self._move = self._turn + 1, False
            sockets = dial_planes(self._context, door.events, self._keys, door.server_key)
            self._bag.sender.opened(time.monotonic())
            self._bag.clips.reconnected()
            try:
                self._talk(*sockets)
            finally:
                for dealer in sockets:
                    dealer.close(0)
                self._bag.rows.clear()
                self._tell_watches()
            if not self._stop.is_set() and not self._move:
                self.counts["resets"] += 1
                self._stop.wait(random.uniform(0.0, 1.0))  # noqa: S311

    def _talk(
        self, events: zmq.Socket[bytes], live: zmq.Socket[bytes], evidence: zmq.Socket[bytes]
    ) -> None:
        """Carry messages until the socket has to be made anew."""
        bag = self._bag
        announce_s = 0.0
        blocked = files_blocked = False
        while not self._stop.is_set():
            now = time.monotonic()
            if bag.sender.wants_reset(now) or self._move:
                return
            wait = min(bag.sender.wake_s(now), max(0.0, announce_s - now))
            self._wait([(events, blocked), (live, False), (evidence, files_blocked)], wait)
            arrived = self._arrived(events, EVENTS_DOWN)
            blocked = not self._events(events, arrived)
            for message in self._arrived(live, LIVE_DOWN):
                bag.rows.grant(message, time.monotonic())
            for message in self._arrived(evidence, EVIDENCE_DOWN):
                bag.clips.receive(message)
            now = time.monotonic()
            if now >= announce_s:
                announce_s = now + ANNOUNCE_EVERY_S
                for start in range(0, len(bag.rows.sensors), 64):
                    some = list(bag.rows.sensors[start : start + 64])
                    self._send(live, Announce(self._site, some))
            self._tell_watches()
            while (row := bag.rows.take()) is not None:
                if not self._send(live, row):
                    bag.rows.unsent(row)
                    break
            files_blocked = not self._files(evidence)
            self._serve_viewers()

    def _files(self, evidence: zmq.Socket[bytes]) -> bool:
        """Send offers and blocks; False when the socket takes no more."""
        while (piece := self._bag.clips.take(time.monotonic())) is not None:
            if not self._send(evidence, piece):
                self._bag.clips.unsent(piece)
                self.counts["files_blocked"] += 1
                return False
        return True

    def _events(self, events: zmq.Socket[bytes], arrived: list[Any]) -> bool:
        """Take in and send what is due; False when the socket takes no more."""
        bag = self._bag
        for message in arrived:
            if isinstance(message, Command | Configure):
                bag.orders.arrived(message, time.time_ns() - (bag.sender.timing.offset_ns or 0))
            elif isinstance(message, Successor) and self._pin.announced(message):
                self._move, self._turn = True, 0
        if not self._pump_state(events):
            return False
        if not bag.recovery.usable():
            return True
        try:
            for message in arrived:
                if not isinstance(message, Command | Configure | Successor):
                    bag.sender.receive(message, time.monotonic(), time.time_ns())
                if isinstance(message, Welcome) and bag.sender.state == "up":
                    self._pin.welcomed(self._door, message.verify_key)
                    self._turn = 0
            bag.outbox.offset_ns = bag.sender.timing.offset_ns
            self._renew(time.monotonic())
            return self._pump(events)
        except OutboxFault as fault:
            bag.recovery.failed(fault)
            return True

    def _renew(self, now_s: float) -> None:
        """Change the keys when others are waiting; then connect with them."""
        if self._renewal is None or self._bag.sender.state != "up" or now_s < self._renew_s:
            return
        self._renew_s = now_s + RENEW_EVERY_S
        try:
            keys = self._renewal.step(self._bag.sender.version)
        except (KeyFault, OSError):
            self.counts["renewals_failed"] += 1
            return
        if keys is not None:
            self.counts["renewals"] += 1
            self._keys = keys
            card = self._bag.sender.card
            self._bag.sender.card = dataclasses.replace(card, verify_key=keys.verify_key)
            self._move, self._turn = True, 0

    def _pump_state(self, events: zmq.Socket[bytes]) -> bool:
        """Heartbeat and answers: they go out even when the outbox has failed."""
        bag = self._bag
        if bag.sender.state != "greeting":
            for site in list(bag.beats):
                beat = bag.beats.pop(site)
                if site == self._site:
                    beat = replace(beat, time_ns=time.time_ns())
                if not self._send(events, beat):
                    bag.beats.setdefault(site, beat)
                    return False
        while (answer := bag.orders.ready()) is not None:
            if not self._send(events, answer):
                bag.orders.answer(answer)
                return False
        return True

    def _pump(self, events: zmq.Socket[bytes]) -> bool:
        while (message := self._bag.sender.outgoing(time.monotonic())) is not None:
            if not self._send(events, message):
                return False
            self._bag.sender.sent(time.monotonic())
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
                self.counts[f"refused_{refused.reason}"] += 1
        return messages

    def _wait(self, sockets: list[tuple[zmq.Socket[bytes], bool]], seconds: float) -> None:
        """Wait for messages, and for sockets that were blocked to take more."""
        poller = zmq.Poller()
        for dealer, blocked in sockets:
            poller.register(dealer, zmq.POLLIN | (zmq.POLLOUT if blocked else 0))
        poller.register(self._bell.socket, zmq.POLLIN)
        if (viewers := self._bag.viewers) is not None:
            poller.register(viewers.socket, zmq.POLLIN)
        poller.poll(max(1, round(seconds * 1000)))
        self._bell.hush()

    def _serve_viewers(self) -> None:
        if (viewers := self._bag.viewers) is not None:
            viewers.serve()

    def _tell_watches(self) -> None:
        watches = self._bag.rows.watches(time.monotonic())
        if watches != self.watches:
            self.watches = watches
            if self._on_watch is not None:
                self._on_watch(watches)
