"""The link of a site: events, heartbeats, rows and files on their way to the centre.

Any thread hands its messages in here.  One thread of the link's own, the `sensors.courier.Courier`,
carries them: the site always dials.  Viewers on this machine have a loopback XPUB.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import zmq
from msgspec import Struct
from msgspec.structs import replace

from sdr.source import UserError
from sensors.bell import Bell
from sensors.clips import Clips
from sensors.clock import boot_id
from sensors.courier import Bag, Courier
from sensors.keys import Keys
from sensors.local import LocalViewers
from sensors.messages import (
    Ahead,
    Answer,
    Event,
    Heartbeat,
    Note,
    SpectrumReference,
    SpectrumRow,
    Watch,
)
from sensors.orders import Orders
from sensors.outbox import Outbox, OutboxFault
from sensors.pin import Pin
from sensors.protocol import Card, Sender
from sensors.recovery import Recovery
from sensors.renewal import Renewal
from sensors.rows import Rows
from sensors.wire import check

ALONE_S = 10.0
"""A centre that has not answered for so long is told to the people at the site."""


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
    pin_file : Path, optional
        What is learnt of the centre is kept there.
    renewal : Renewal, optional
        Changes the keys when others are waiting.

    Attributes
    ----------
    outbox : Outbox
    rows : Rows
    clips : Clips
    orders : Orders
        Commands of the centre: `Orders.take` them, `answer` each.
    pin : Pin
        The centre as we know it.
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
        pin_file: Path | None = None,
        renewal: Renewal | None = None,
    ) -> None:
        self.outbox = outbox
        self.rows = Rows(sensors)
        self.clips = Clips(site)
        self.orders = Orders()
        self.pin = Pin(events, server_key, pin_file)
        self.sender = Sender(outbox, Card(site, keys.verify_key, boot_id(), software, config))
        self._reached_s = time.monotonic()
        self._counts: Counter[str] = Counter()
        self._recovery = Recovery(outbox)
        self._bell = Bell()
        self._context = zmq.Context(io_threads=1)
        self._context.max_sockets = 64
        try:
            self._viewers = LocalViewers(self._context, local) if local else None
        except UserError:
            self._context.destroy(linger=0)
            self._bell.close()
            raise
        bag = Bag(
            outbox=outbox,
            recovery=self._recovery,
            sender=self.sender,
            rows=self.rows,
            clips=self.clips,
            orders=self.orders,
            viewers=self._viewers,
        )
        self._beats = bag.beats
        self._courier = Courier(
            self._context, self.pin, keys, site, bag, self._bell, on_watch, renewal
        )
        self._thread = threading.Thread(target=self._courier.run, name="link", daemon=True)

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
            self._recovery.failed(fault)
            self._counts["events_unstored"] += 1
            raise
        self._recovery.stored()
        self._show(f"event/{event.site}", event)
        self._bell.ring()
        return seq

    def heartbeat(self, beat: Heartbeat) -> Heartbeat:
        """Send the state of the site, the newest wins; returns what is shown at the site."""
        oldest_s = 0.0
        try:
            oldest_s = self.outbox.oldest_unacked_s()
        except OutboxFault as fault:
            self._recovery.failed(fault)
        beat = replace(
            beat,
            outbox_depth=self.outbox.depth,
            outbox_oldest_s=oldest_s,
            link_notes=self.notes(),
            clock_offset_ns=self.sender.timing.offset_ns,
            round_trip_s=self.sender.timing.round_trip_s,
        )
        check(beat)
        self._put_beat(beat)
        beat = replace(beat, link_notes=[*beat.link_notes, *self.alone()])
        self._show(f"heartbeat/{beat.site}", beat)
        return beat

    def relay_heartbeat(self, beat: Heartbeat) -> None:
        """Pass on the state of a site below, as it is; the newest of each site wins."""
        self._put_beat(beat)

    def relay_ahead(self, emitter: tuple[str, str], ahead: Ahead) -> None:
        """Show the level above what a site below shows before its turn."""
        self.sender.early.pass_on(emitter, ahead)
        self._bell.ring()

    def _put_beat(self, beat: Heartbeat) -> None:
        if beat.site in self._beats:
            self._counts["heartbeats_replaced"] += 1
        self._beats[beat.site] = beat
        self._bell.ring()

    def notes(self) -> list[Note]:
        """What is wrong with the link or the outbox now, for heartbeat and local indicator."""
        notes = []
        if (fault := self._recovery.fault) is not None:
            args: dict[str, str | float | int] = {
                name: str(value)[:200] for name, value in fault.fields.items()
            }
            notes.append(Note(fault.message_id, args))
        if self.sender.state == "refused":
            notes.append(Note(self.sender.reason))
        return notes

    def alone(self) -> list[Note]:
        """Say that the centre does not answer: it concerns the people at the site alone."""
        now_s = time.monotonic()
        if not self.pin.doors or self.sender.state != "greeting":
            self._reached_s = now_s
        alone_s = now_s - self._reached_s
        return [Note("link.alone", {"seconds": round(alone_s)})] if alone_s >= ALONE_S else []

    @property
    def watches(self) -> tuple[Watch, ...]:
        """Windows that somebody watches now; make rows for these and for nothing else."""
        return self._courier.watches

    def wake(self) -> None:
        """Something was put into the outbox beside `publish`."""
        self._bell.ring()

    def answer(self, answer: Answer) -> None:
        """Tell the centre whether a command is being carried out."""
        self.orders.answer(answer)
        self._bell.ring()

    def offer(self, watch: Watch, message: SpectrumRow | SpectrumReference) -> None:
        """Hand over the newest row or reference of a watched window."""
        self.rows.offer(watch, message)
        self._bell.ring()

    def show(self, message: SpectrumRow | SpectrumReference) -> None:
        """Show a row or reference of a whole sensor to viewers on this machine."""
        kind = "row" if isinstance(message, SpectrumRow) else "reference"
        self._show(f"{kind}/{message.sensor}", message)
        self._bell.ring()

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
        for part in (self._bell, self._recovery, self._courier):
            counts |= part.counts
        counts |= self._counts | self.pin.counts
        counts["files_waiting"] = self.clips.waiting
        counts["outbox_depth"] = self.outbox.depth
        counts["outbox_last"] = self.outbox.last
        counts["events_ahead_dropped"] = self.sender.early.dropped
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
        self._courier.stop()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)
        if self._viewers is not None:
            self._viewers.close()
        self._context.destroy(linger=0)
        self._bell.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def _show(self, topic: str, message: Struct) -> None:
        if self._viewers is not None:
            self._viewers.put(topic, message)
