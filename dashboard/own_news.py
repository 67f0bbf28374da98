"""What this centre noticed itself and the level above must hear: broken sequences, own alarms.

They stand in the audit log, in the order in which they were noticed; how far they were told is kept
in a small file.  A crash in between tells one again, in the same words, which the level above
takes for the one that it has.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import structlog
from sqlalchemy import Engine, func, select

from dashboard.notices import Notice
from dashboard.schema import audit
from sensors.messages import NoticeEvent
from sensors.pin import write_whole

AT_ONCE = 64

log: structlog.stdlib.BoundLogger = structlog.get_logger("monitor")


class OwnNews:
    """Reads what is new.

    Parameters
    ----------
    file : Path
    reader : Engine
        Of our store.
    monitor : str
        Our own id: above we are the site that says it.
    """

    def __init__(self, file: Path, reader: Engine, monitor: str) -> None:
        self._file = file
        self._reader = reader
        self._monitor = monitor
        self._cursor = self._load()

    def next(self) -> list[tuple[int, NoticeEvent]]:
        """The next ones and their numbers, oldest first; say `told` of each."""
        with self._reader.connect() as connection:
            end = connection.scalar(select(func.max(audit.c.seq))) or 0
            if end < self._cursor:  # an older store took the place of ours
                self.told(end)
            rows = connection.execute(
                select(audit.c.seq, audit.c.detail)
                .where(audit.c.seq > self._cursor, audit.c.seq <= end)
                .where(audit.c.act.like("breach.%") | (audit.c.act == "notice.alarm"))
                .order_by(audit.c.seq)
                .limit(AT_ONCE)
            ).fetchall()
        events = [(row.seq, event) for row in rows if (event := self._event(row.detail))]
        if not rows:
            self._cursor = end  # nothing up to here is read again
        elif not events:
            self.told(rows[-1].seq)
        return events

    def told(self, seq: int) -> None:
        """It is in the outbox."""
        self._cursor = seq
        write_whole(self._file, msgspec.json.encode(seq))

    def _load(self) -> int:
        """Where the file says; the first time everything that was noticed so far is told."""
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=int)
        except (FileNotFoundError, msgspec.DecodeError):
            return 0

    def _event(self, detail: str) -> NoticeEvent | None:
        """As it goes up; None for what no level would take: it holds nothing else up."""
        notice = msgspec.json.decode(detail, type=Notice)
        where = notice.sensor or notice.site or self._monitor
        said = {**msgspec.to_builtins(notice), "type": "notice"}
        try:
            return msgspec.convert({**said, "site": self._monitor, "sensor": where}, NoticeEvent)
        except msgspec.ValidationError as error:
            log.warning("not told above", notice=notice.note.id, why=str(error))
            return None
