"""Emitters that may be there: licensed stations and others that somebody has explained.

An alarm that an entry explains is still kept, with all its sightings, but dismissed from the start;
the entry says who decided that, why, where and until when.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import select

from dashboard import schema
from dashboard.alarms import Alarm
from dashboard.database import upsert
from dashboard.errors import Refused
from dashboard.queries import AnySite
from dashboard.store import Store
from sensors.messages import Freq, TimeNs

MAX_WORDS = 200

Words = Annotated[str, Meta(min_length=1, max_length=MAX_WORDS)]


class NewKnown(Struct, forbid_unknown_fields=True, frozen=True):
    """Body of ``POST /api/v1/known``; also one row of a CSV file.

    Attributes
    ----------
    low_hz, high_hz : float
        The band that it may use.
    name, reason : str
        What it is and why it may be there.
    site : str
        Empty for every site.
    start_ns, stop_ns : int
        When the entry counts; 0 for no limit.
    """

    low_hz: Freq
    high_hz: Freq
    name: Words
    reason: Words
    site: AnySite = ""
    start_ns: TimeNs = 0
    stop_ns: TimeNs = 0


class Known(NewKnown, frozen=True, kw_only=True):
    """An entry as it is kept.

    Attributes
    ----------
    id : int
    author : str
    created_ns : int
    ended_ns : int
        When somebody ended it; 0 while it counts.  Entries are never deleted.
    ended_by : str
    """

    id: int
    author: str
    created_ns: int
    ended_ns: int = 0
    ended_by: str = ""


NEVER = 101
"""More suspicion than there is."""


class KnownEmitters:
    """All entries; memory answers, the disk remembers.

    Parameters
    ----------
    store : Store
    strong : int
        Suspicion from which dismissing takes two persons, see `dashboard.pairs`: then an entry that
        was made after the alarm does not dismiss it.
    """

    def __init__(self, store: Store, strong: int = NEVER) -> None:
        self._store = store
        self._strong = strong
        columns = [schema.known.c[name] for name in Known.__struct_fields__]
        with store.reader.connect() as connection:
            rows = connection.execute(select(*columns).order_by(schema.known.c.id))
            self._entries = {row.id: Known(**row._mapping) for row in rows}
        store.desk.explains = self.explains

    def entries(self) -> list[Known]:
        """Every entry, ended ones too, the newest first."""
        return sorted(self._entries.values(), key=lambda entry: -entry.id)

    def explains(self, alarm: Alarm, now_ns: int) -> int:
        """Number of the entry that an alarm is; the narrowest of several, 0 for none.

        The centre must lie in the entry's band, and the emission may reach over it by half of the
        band: a width measured near the noise or near overload is not better than that.
        """
        center_hz, half_hz = alarm.center_freq_hz, alarm.bandwidth_hz / 2
        found = [
            (entry.high_hz - entry.low_hz, entry.id)
            for entry in self._entries.values()
            if entry.low_hz <= center_hz <= entry.high_hz
            and half_hz <= entry.high_hz - entry.low_hz
            and not entry.ended_ns
            and entry.site in ("", alarm.site)
            and entry.start_ns <= now_ns
            and (not entry.stop_ns or now_ns < entry.stop_ns)
            and (alarm.suspicion < self._strong or entry.created_ns <= alarm.opened_ns)
        ]
        return min(found)[1] if found else 0

    def current(self) -> set[NewKnown]:
        """What is said by the entries that nobody has ended, without who said it and when."""
        names = NewKnown.__struct_fields__
        return {
            NewKnown(**{name: getattr(entry, name) for name in names})
            for entry in self._entries.values()
            if not entry.ended_ns
        }

    def add(self, wishes: Iterable[NewKnown], author: str) -> list[Known]:
        """Add entries, all or none.

        Raises
        ------
        Refused
            A band or a time that ends before it begins (409).
        """
        now_ns = self._store.now_ns()
        added: list[Known] = []
        for wish in wishes:
            if wish.high_hz <= wish.low_hz or (wish.stop_ns and wish.stop_ns <= wish.start_ns):
                raise Refused("known.backwards", 409, name=wish.name)
            number = len(self._entries) + len(added) + 1
            values = msgspec.structs.asdict(wish)
            added.append(Known(**values, id=number, author=author, created_ns=now_ns))
        self._keep(added, author, "known.added")
        return added

    def end(self, number: int, author: str) -> Known:
        """End an entry; alarms that it explained stay as they are.

        Raises
        ------
        Refused
            No such entry (404), or ended before (409).
        """
        entry = self._entries.get(number)
        if entry is None:
            raise Refused("known.unknown", 404, id=number)
        if entry.ended_ns:
            raise Refused("known.ended", 409, id=number)
        now_ns = self._store.now_ns()
        ended = msgspec.structs.replace(entry, ended_ns=now_ns, ended_by=author)
        self._keep([ended], author, "known.ended")
        return ended

    def _keep(self, entries: list[Known], author: str, act: str) -> None:
        rows = [msgspec.structs.asdict(entry) for entry in entries]
        with self._store.writing() as connection:
            upsert(connection, schema.known, rows)
            for row in rows:
                self._store.note(connection, author, act, str(row["id"]), row)
        self._entries = {**self._entries, **{entry.id: entry for entry in entries}}
