"""What must be known about sensors beside alarms: gaps, silence, lost devices. Pure."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Row

from dashboard.inbox import Breach
from sensors.messages import Event, Note, NoticeEvent

_LEVELS = {"epoch": "warning", "late": "warning", "repeated": "info"}
"""Of broken sequences that are no alarm."""


class Notice(Struct, frozen=True):
    """Something that lasted from ``start_ns`` to ``stop_ns`` (0: it still lasts).

    While it lasts, a later notice with the same `key` is the same one, further on.  One that has
    ended is never touched again.
    """

    site: str
    sensor: str
    level: str
    note: Note
    start_ns: int
    stop_ns: int = 0

    @classmethod
    def of_event(cls, event: Event) -> Notice:
        """A site's own notice."""
        assert isinstance(event, NoticeEvent)
        return cls(
            site=event.site,
            sensor=event.sensor,
            level=event.level,
            note=event.note,
            start_ns=event.start_ns,
            stop_ns=event.stop_ns,
        )

    @classmethod
    def of_breach(cls, breach: Breach) -> Notice:
        """A broken sequence: an alarm whatever the reason, a person decides what it means."""
        args: dict[str, str | float | int] = {
            "peer": breach.peer,
            "first": breach.first_seq,
            "last": breach.last_seq,
            "count": breach.last_seq - breach.first_seq + 1,
        }
        if breach.relay:
            args["relay"] = breach.relay
        return cls(
            site=breach.site,
            sensor="",
            level=_LEVELS.get(breach.kind, "alarm"),
            note=Note(id=f"notice.{'relay_' if breach.relay else ''}{breach.kind}", args=args),
            start_ns=breach.received_ns,
            stop_ns=breach.received_ns,
        )

    @property
    def key(self) -> tuple[str, str, str, int, tuple[str, ...]]:
        """What it is about: the words of a note name a thing, its numbers measure it."""
        names = sorted(value for value in self.note.args.values() if isinstance(value, str))
        return (self.site, self.sensor, self.note.id, self.start_ns, tuple(names))

    @classmethod
    def of_row(cls, row: Row[Any]) -> Notice:
        """As it was kept."""
        return cls(
            site=row.site,
            sensor=row.sensor,
            level=row.level,
            note=msgspec.json.decode(row.note, type=Note),
            start_ns=row.start_ns,
            stop_ns=row.stop_ns,
        )

    def row(self) -> dict[str, object]:
        """As a row of the notices table."""
        return {
            "site": self.site,
            "sensor": self.sensor,
            "level": self.level,
            "note_id": self.note.id,
            "note": msgspec.json.encode(self.note).decode(),
            "start_ns": self.start_ns,
            "stop_ns": self.stop_ns,
        }
