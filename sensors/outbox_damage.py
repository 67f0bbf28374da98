"""What becomes of a damaged outbox: it is set aside, and what can still be proven goes on.

The damaged file stays as evidence beside the new one.  Events that the centre lacks and that are
still what was signed are taken over into a new epoch, and the first thing the new outbox says is
how many were saved and lost.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from sensors.keys import Keys
from sensors.messages import Event, Note, NoticeEvent
from sensors.outbox import Outbox, OutboxFault
from sensors.outbox_record import opened_record
from sensors.wire import Refused, read_event, record_hash


@dataclass(frozen=True, slots=True)
class Damage:
    """What became of an outbox that could not be used any more.

    Attributes
    ----------
    path : Path
        Where the damaged file is now: evidence.
    saved : int
        Events that the centre did not have yet, taken over into the new outbox.
    lost : int
        Events known to have been there and not readable any more; -1 when nobody can say.
    """

    path: Path
    saved: int
    lost: int


def open_outbox(path: Path, keys: Keys, **limits: Any) -> tuple[Outbox, Damage | None]:
    """Open the outbox; a damaged one is set aside, what is intact in it goes into a new one.

    Parameters
    ----------
    path, keys, **limits
        As for `Outbox`.

    Returns
    -------
    outbox : Outbox
        With a new epoch after damage.
    damage : Damage or None
        The caller publishes a `NoticeEvent` about it.

    Raises
    ------
    OutboxFault
        Anything but damage.
    """
    try:
        return Outbox(path, keys, **limits), None
    except OutboxFault as fault:
        if fault.message_id != "outbox.corrupt":
            raise
    return renew_outbox(path, keys, **limits)


def renew_outbox(path: Path, keys: Keys, **limits: Any) -> tuple[Outbox, Damage]:
    """Set the outbox aside and begin a new epoch with the events that the centre lacks.

    The answer to damage, and to a centre that holds other records than this disk (a clone, a
    restored backup): the centre notes that a new epoch began, which is an alarm of its own.
    """
    aside = path.with_name(f"{path.name}.set-aside-{time.time_ns()}")
    for suffix in ("", "-wal"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.rename(aside.with_name(aside.name + suffix))
    events, last, acked = _intact(aside)
    outbox = Outbox(path, keys, **limits)
    for event in events:
        outbox.append(event)
    lost = last - acked - len(events) if last >= acked >= 0 else -1
    return outbox, Damage(aside, len(events), lost)


def damage_notice(site: str, sensor: str, damage: Damage) -> NoticeEvent:
    """Say what became of a damaged outbox, as the first event of the new one."""
    note = Note(
        "notice.outbox_damaged",
        {"file": damage.path.name, "saved": damage.saved, "lost": damage.lost},
    )
    return NoticeEvent(site, sensor, "alarm", note, time.time_ns(), time.time_ns())


def _intact(path: Path) -> tuple[list[Event], int, int]:
    """Events of a damaged outbox that the centre lacks and that can still be proven, in order."""
    events: list[Event] = []
    last = acked = -1
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    with suppress(apsw.Error):
        last, acked = db.execute("SELECT last, acked FROM outbox").fetchone() or (-1, -1)
    seq = max(acked, 0)
    while True:
        try:
            row: Any = db.execute(
                "SELECT seq, record, hash FROM record WHERE seq > ? ORDER BY seq LIMIT 1", (seq,)
            ).fetchone()
        except apsw.Error:
            seq += 1  # this one is unreadable; the next may not be
            if seq > last:
                break
            continue
        if row is None:
            break
        seq, record, digest = row
        opened = opened_record(record)
        if opened is not None and record_hash(record) == digest:
            with suppress(Refused):
                events.append(read_event(opened.payload))
    db.close(True)
    return events, int(last), int(acked)
