"""The central store: what was received is durable before anybody hears that it was received.

One owner connection writes, behind a lock; it commits with ``synchronous=FULL``, because nothing
less survives a power cut.  Readers have their own read-only connections, so that they can neither
delay a commit nor take part in SQLite's WAL-reset bug (two connections that write), in whose range
Debian 12's library still is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec
from sqlalchemy import Connection, insert, select

from dashboard import schema
from dashboard.actions import Wish, act
from dashboard.actions import news_of as news_of_action
from dashboard.alarms import WAITING, Alarm
from dashboard.clips import keep_clips
from dashboard.database import open_database, upsert
from dashboard.desk import Desk
from dashboard.early import Turns
from dashboard.fuse import REJOIN_S, Surroundings, Weights
from dashboard.inbox import Breach, Early, Incoming, Item, Standing
from dashboard.layer_table import LayerTable
from dashboard.notices import Notice
from dashboard.records import (
    about,
    advance,
    append,
    decode,
    fetch,
    join,
    keep_events,
    keep_homes,
    keep_notices,
    news_of,
    save,
    site_row,
)
from dashboard.state import Site
from sensors.messages import EmitterEvent

CHECKPOINT_S = 10.0
"""How often the heads of the sites' chains are written into the audit log."""
Heads = dict[str, tuple[int, str]]
"""Number and hash of the newest record, by peer and epoch."""
MONITOR = "monitor"
"""Who acts when the program itself does."""


class Store:
    """Events, alarms, notices and the audit log.

    Parameters
    ----------
    url : str
        ``sqlite:///path`` or ``postgresql+psycopg://...``.
    weights : Weights
    surroundings : callable
        What is known about sites and positions now, see `dashboard.fuse`.
    clock_ns : callable
        UTC nanoseconds.

    Attributes
    ----------
    on_alarms, on_notices : callable
        Told after each commit, in the writing thread; they must return at once and never raise.
    tell_alarm, tell_notice : callable
        Told inside the transaction, see `dashboard.notify`.

    Raises
    ------
    StoreError
        It cannot be opened, is in use by another monitor, or was written by a newer program.
    """

    def __init__(
        self,
        url: str,
        *,
        weights: Weights | None = None,
        surroundings: Callable[[], Surroundings] = Surroundings,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.on_alarms: Callable[[Sequence[Alarm]], None] = lambda alarms: None
        self.on_notices: Callable[[Sequence[Notice]], None] = lambda notices: None
        self.tell_alarm: Callable[[Connection, str, Alarm], None] = lambda *_: None
        self.tell_notice: Callable[[Connection, Notice], None] = lambda *_: None
        self._clock_ns = clock_ns
        self._lock = threading.RLock()
        self._database = open_database(url)
        self._writer, self.reader = self._database.writer, self._database.reader
        self.desk = Desk(weights or Weights(), surroundings)
        self._turns = Turns(self.desk)
        self.layers = LayerTable(self.reader)
        self._heads: Heads = {}
        self._checkpoint_ns = clock_ns()
        self._load()

    def close(self) -> None:
        """Write the last checkpoint and let go of the database."""
        with self._lock:
            self._checkpoint(self._clock_ns())
        self._database.close()

    def ingest(self, batch: Sequence[Item]) -> None:
        """Commit a batch in order, in one durable transaction, then tell the listeners."""
        now_ns = self._clock_ns()
        notices: list[Notice] = []
        events: list[tuple[Incoming, Alarm | None]] = []
        early: list[tuple[Incoming, Alarm | None]] = []
        with self._lock:
            with self._transaction() as (connection, before):
                for item in batch:
                    if isinstance(item, Breach):
                        notices.append(Notice.of_breach(item))
                        detail = msgspec.to_builtins(notices[-1])
                        self.note(connection, MONITOR, f"breach.{item.kind}", item.peer, detail)
                        continue
                    if isinstance(item, Early):
                        shown = item.incoming
                        alarm = self._turns.fold(connection, shown, now_ns, early=True)
                        early.append((shown, alarm))
                        continue
                    events.append((item, self._turns.fold(connection, item, now_ns)))
                    if not (item.repeated or isinstance(item.event, EmitterEvent)):
                        notices.append(Notice.of_event(item.event))
                taken = [item for item in batch if not isinstance(item, Early)]
                heads = advance(connection, taken)
                keep_events(connection, events)
                keep_homes(connection, [*early, *events])
                keep_notices(connection, notices)
                keep_clips(connection, taken)
                for notice in notices:
                    self.tell_notice(connection, notice)
                changed = [self.desk.alarms[key] for key in before if key in self.desk.alarms]
                save(connection, changed)
                for alarm in changed:
                    if (news := news_of(alarm, before[alarm.id])) is not None:
                        self.note(connection, MONITOR, news, alarm.id, about(alarm))
                    if alarm.state in WAITING:
                        self.tell_alarm(connection, alarm.state, alarm)
                for key, kept in self.desk.joined.items():
                    join(connection, key, kept)
                    self.note(connection, MONITOR, "alarm.joined", key, {"to": kept})
            self._heads |= heads
            gone = [before[key] for key in self.desk.joined]
            over = [msgspec.structs.replace(alarm, state="closed") for alarm in gone if alarm]
            self._tell([*changed, *over], notices)

    def last(self, peer: str, epoch: str) -> Standing | None:
        """Where an epoch of a peer ends here; None when nothing of it was ever stored."""
        table = schema.standings
        where = (table.c.peer == peer) & (table.c.epoch == epoch)
        with self._lock, self._writer.connect() as connection:
            row = connection.execute(select(table.c.seq, table.c.hash).where(where)).first()
        return None if row is None else Standing(seq=row.seq, hash=bytes(row.hash))

    def epochs(self, peer: str) -> list[str]:
        """Every epoch of a peer that is stored, oldest first."""
        table = schema.standings
        query = select(table.c.epoch).where(table.c.peer == peer).order_by(table.c.id)
        with self._lock, self._writer.connect() as connection:
            return list(connection.scalars(query))

    # What people and the monitor itself write.

    def probe(self) -> None:
        """Write something and forget it: raises when the disk is full or gone."""
        with self.writing() as connection:
            upsert(connection, schema.about, [{"name": "probe", "value": str(self._clock_ns())}])

    def now_ns(self) -> int:
        """Monitor's clock."""
        return self._clock_ns()

    def note(
        self,
        connection: Connection,
        actor: str,
        act: str,
        subject: str,
        detail: Mapping[str, object],
    ) -> None:
        """Add a row to the audit chain, in the transaction of the act itself."""
        now_ns = self._clock_ns()
        append(connection, time_ns=now_ns, actor=actor, act=act, subject=subject, detail=detail)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One durable transaction on the owner connection."""
        with self._lock, self._writer.begin() as connection:
            yield connection

    def act(self, alarm_id: str, wish: Wish, author: str) -> Alarm:
        """Carry out a person's action: alarm, action row and audit row together, then tell.

        Raises
        ------
        Refused
            No such alarm, or `dashboard.actions.act` refuses.
        """
        with self.changing() as (connection, changed):
            changed.append(self.carry_out(connection, alarm_id, wish, author))
        return changed[0]

    def carry_out(
        self, connection: Connection, alarm_id: str, wish: Wish, author: str, **more: object
    ) -> Alarm:
        """Write a person's action down; returns the alarm as it is then, for `changing`.

        ``more`` goes into the audit log beside the action itself.
        """
        after, action = act(self.alarm(connection, alarm_id), wish, author, self._clock_ns())
        detail = msgspec.structs.asdict(action)
        connection.execute(insert(schema.actions), [detail])
        self.note(connection, author, f"alarm.{wish.action}", alarm_id, {**detail, **more})
        if (news := news_of_action(action)) is not None:
            self.tell_alarm(connection, news, after)
        return after

    def alarm(self, connection: Connection, alarm_id: str) -> Alarm:
        """An alarm as it is now.

        Raises
        ------
        Refused
            No such alarm (404).
        """
        return self.desk.alarms.get(alarm_id) or fetch(connection, alarm_id)

    def remember(self, sites: Iterable[Site]) -> None:
        """Keep what the sites said last."""
        with self.writing() as connection:
            upsert(connection, schema.sites, [site_row(site) for site in sites])

    def notice(self, notice: Notice) -> None:
        """Store something that the monitor itself noticed, then tell."""
        with self._lock:
            with self._writer.begin() as connection:
                keep_notices(connection, [notice])
                detail = msgspec.to_builtins(notice)
                self.note(connection, MONITOR, f"notice.{notice.level}", notice.sensor, detail)
                self.tell_notice(connection, notice)
            self._tell([], [notice])

    def settle(self) -> None:
        """Once in a while: write a checkpoint when it is due, drop what is over from memory."""
        now_ns = self._clock_ns()
        with self._lock:
            if now_ns - self._checkpoint_ns > CHECKPOINT_S * 1e9:
                self._checkpoint(now_ns)
            self.desk.expire(now_ns)

    def _checkpoint(self, now_ns: int) -> None:
        """Write the newest hash of every site's chain into ours."""
        if self._heads:
            with self._writer.begin() as connection:
                self.note(connection, MONITOR, "checkpoint", "sites", self._heads)
        self._heads, self._checkpoint_ns = {}, now_ns

    @contextmanager
    def changing(self) -> Iterator[tuple[Connection, list[Alarm]]]:
        """One transaction on disk and desk: alarms put into the list are stored and told."""
        with self._lock:
            changed: list[Alarm] = []
            with self._transaction() as (connection, _):
                yield connection, changed
                for alarm in changed:
                    self.desk.put(alarm)
                save(connection, changed)
            self._tell(changed, [])

    @contextmanager
    def _transaction(self) -> Iterator[tuple[Connection, dict[str, Alarm | None]]]:
        """Disk and memory together: both change or neither does."""
        with self.desk.attempt() as before, self._writer.begin() as connection:
            yield connection, before

    def _tell(self, alarms: Sequence[Alarm], notices: Sequence[Notice]) -> None:
        """Tell the listeners, still behind the lock: they hear changes in the order of commits."""
        if alarms:
            self.on_alarms(alarms)
        if notices:
            self.on_notices(notices)

    def _load(self) -> None:
        """Fill the desk with the alarms that may still change."""
        table = schema.alarms
        since_ns = self._clock_ns() - round(2 * REJOIN_S * 1e9)
        with self._writer.connect() as connection:
            for body in connection.scalars(
                select(table.c.body).where(table.c.changed_ns > since_ns)
            ):
                self.desk.load(decode(body))
