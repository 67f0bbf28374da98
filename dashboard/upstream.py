"""The level above: everything that is stored here goes there too, with the site's own signature.

To the centre above we are a site: an outbox, a link, the same promises.  What we publish there are
`RelayedEvent` records, read from our store in the order in which they were stored; the newest one
in the outbox says where to go on, so a crash between store and outbox neither loses nor doubles.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import structlog
from msgspec.structs import replace
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from dashboard import schema
from dashboard.inbox import Early
from dashboard.key_files import RELAY
from dashboard.own_news import OwnNews
from dashboard.passing import Passing
from dashboard.upstream_watch import UpstreamWatch
from sensors.keys import Keys, signed_by
from sensors.link import Link
from sensors.messages import (
    Ahead,
    EmitterEvent,
    Heartbeat,
    Note,
    NoticeEvent,
    RelayedEvent,
    SpectrumReference,
    SpectrumRow,
    Watch,
)
from sensors.outbox import Outbox, OutboxFault
from sensors.renewal import Renewal
from sensors.wire import read_event, read_record, record_hash

BATCH = 64
BEAT_S = 2.0
RETRY_S = 1.0

log: structlog.stdlib.BoundLogger = structlog.get_logger("monitor")

Signers = Callable[[str], tuple[bytes, ...]]


class Upstream:
    """Our connection to the centre above.

    Parameters
    ----------
    folder : Path
        Holds ``upstream.db``.
    keys : Keys
        Ours, enrolled above as a relay.
    monitor : str
        Our own id, which is our site id above.
    events : str
    server_key : bytes or None
    reader : Engine
        Of our store.
    signers_of : callable
        Signing keys of a peer; none while they are not known (then the event waits).

    Attributes
    ----------
    passing : Passing or None
        Does what the level above asks; None: nothing.
    watch : UpstreamWatch or None
        Tells people here when nothing arrives above.
    """

    def __init__(
        self,
        folder: Path,
        keys: Keys,
        monitor: str,
        events: str,
        server_key: bytes | None,
        reader: Engine,
        signers_of: Signers,
    ) -> None:
        self.outbox = Outbox(folder / "upstream.db", keys)
        self.link = Link(
            self.outbox,
            keys,
            monitor,
            (),
            events=events,
            server_key=server_key,
            pin_file=folder / "centre.json",
            renewal=Renewal(folder / RELAY, keys, self.outbox, monitor, self._where),
        )
        self.numbers: dict[int, Watch] = {}
        self.passing: Passing | None = None
        self.watch: UpstreamWatch | None = None
        self._monitor = monitor
        self._reader = reader
        self._signers_of = signers_of
        self._started_ns = time.time_ns()
        self._beat_s = 0.0
        self._failed = ""
        self._stored = asyncio.Event()
        self._news = OwnNews(folder / "told.json", reader, monitor)
        self._gone_up: set[bytes] = set()
        self._cursor = self._newest()

    def counters(self) -> dict[str, float]:
        """Of our link: what waits, what went, whether it is up."""
        return self.link.counters()

    def poke(self) -> None:
        """Something was stored."""
        self._stored.set()

    def on_early(self, early: Early) -> None:
        """Show above what a site below shows before its turn."""
        item, event = early.incoming, early.incoming.event
        if isinstance(event, EmitterEvent):
            ahead = Ahead(item.record, item.signature, early.verify_key)
            self.link.relay_ahead((event.sensor, event.emitter), ahead)

    def on_heartbeat(self, beat: Heartbeat) -> None:
        """Pass on the state of a site, and that its sensors can be watched through us."""
        self.link.relay_heartbeat(beat)
        known = set(self.link.rows.sensors)
        fresh = [health.sensor for health in beat.sensors if health.sensor not in known]
        if fresh:
            self.link.rows.sensors = (*self.link.rows.sensors, *fresh)

    def on_row(self, row: SpectrumRow | SpectrumReference) -> bool:
        """Pass on a row that was watched from above; False when it was not."""
        above = self.numbers.get(row.watch)
        if above is None:
            return False
        self.link.offer(above, row)
        return True

    async def run(self, watch: Callable[[Watch], int], unwatch: Callable[[int], None]) -> None:
        """Relay for ever.

        Parameters
        ----------
        watch, unwatch : callable
            `dashboard.receiver.Receiver`'s.
        """
        loop = asyncio.get_running_loop()
        self.link.start()
        try:
            while True:
                try:
                    relayed = await self._turn(watch, unwatch)
                    self._failed = ""
                except (
                    Exception
                ) as error:  # a database that restarts, a bug of ours: all waits here
                    log.exception("relay")
                    relayed, self._failed = 0, str(error)[:200]
                if relayed < BATCH:
                    self._stored.clear()
                    try:
                        async with asyncio.timeout(RETRY_S):
                            await self._stored.wait()
                    except TimeoutError:
                        continue
        finally:
            await loop.run_in_executor(None, self.close)

    async def _turn(self, watch: Callable[[Watch], int], unwatch: Callable[[int], None]) -> int:
        """Everything once; returns how much was moved."""
        loop = asyncio.get_running_loop()
        if (now := time.monotonic()) >= self._beat_s:
            self._beat_s = now + BEAT_S
            name = self._monitor
            self.link.heartbeat(Heartbeat(name, name, time.time_ns(), self._started_ns, []))
            await loop.run_in_executor(None, self._look)
        self._follow(watch, unwatch)
        if self.passing is not None:
            await self.passing.step()
        return await loop.run_in_executor(None, self._try_to_relay)

    def close(self) -> None:
        """Stop the link and release the outbox."""
        self.link.close()
        self.outbox.close()

    def _newest(self) -> int:
        """Number of the newest event on which store and outbox agree; there we go on.

        That is the newest one in the outbox, unless the store was replaced by an older one: then
        events come again from the sites, in another order and under numbers that were used before.
        What went up in its first life, as far as the outbox still holds it, does not go up again.
        """
        told = 0  # by a change of our keys, should nothing else be left
        last = self.outbox.last
        while batch := self.outbox.after(max(0, last - BATCH), min(BATCH, last)):
            for stored in reversed(batch):
                event = read_event(read_record(stored.signed.record).payload)
                if isinstance(event, NoticeEvent):
                    told = told or int(event.note.args.get("number", 0))
                elif isinstance(event, RelayedEvent):
                    if self._record_of(event.number) == event.record:
                        return event.number
                    self._gone_up.add(record_hash(event.record))
            last = batch[0].seq - 1
        return 0 if self._gone_up or self._record_of(told) is None else told

    def _record_of(self, number: int) -> bytes | None:
        """An event of our store as it was signed."""
        query = select(schema.events.c.record).where(schema.events.c.id == number)
        with self._reader.connect() as connection:
            record = connection.scalar(query)
        return None if record is None else bytes(record)

    def _where(self) -> dict[str, int]:
        """What a change of our keys says besides: it may be the newest record at the next start."""
        return {"number": self._cursor}

    def _relay(self) -> int:
        """Move what is new from the store to the outbox; returns how much."""
        table = schema.events
        query = (
            select(table.c.id, table.c.peer, table.c.record, table.c.signature)
            .where(table.c.id > self._cursor)
            .order_by(table.c.id)
            .limit(BATCH)
        )
        with self._reader.connect() as connection:
            rows = connection.execute(query).fetchall()
        for done, row in enumerate(rows):
            signature, digest = bytes(row.signature), record_hash(bytes(row.record))
            keys = self._signers_of(row.peer)
            verify_key = next((key for key in keys if signed_by(key, digest, signature)), None)
            if verify_key is None:
                return done  # its site has not greeted since we started; order comes first
            if digest not in self._gone_up:
                self.link.publish(
                    RelayedEvent(self._monitor, row.id, verify_key, bytes(row.record), signature)
                )
            self._cursor = row.id
        news = self._news.next()
        for number, event in news:
            self.link.publish(event)
            self._news.told(number)
        return len(rows) + len(news)

    def _try_to_relay(self) -> int:
        """Move what is new, as far as the disk takes it: the rest is tried again."""
        try:
            return self._relay()
        except OutboxFault:
            return 0  # the link says so in its notes, and mends it

    def _look(self) -> None:
        """Tell people here what keeps our reports from the level above."""
        if self.watch is None:
            return
        alone = [Note("notice.upstream", note.args) for note in self.link.alone()]
        failed = [Note("notice.upstream_failed", {"why": self._failed})] if self._failed else []
        try:
            self.watch.step([*self.link.notes(), *failed, *alone])
        except SQLAlchemyError:
            log.warning("not on record yet: the level above does not take our reports")

    def _follow(self, watch: Callable[[Watch], int], unwatch: Callable[[int], None]) -> None:
        """Watch below exactly what is watched from above."""
        wanted = {above.watch: above for above in self.link.watches}
        for number, above in list(self.numbers.items()):
            if wanted.get(above.watch) != above:
                unwatch(number)
                del self.numbers[number]
        known = {above.watch for above in self.numbers.values()}
        for above in wanted.values():
            if above.watch not in known:
                self.numbers[watch(replace(above, watch=0, received=0))] = above
