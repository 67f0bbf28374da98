"""The ledger of a site: what was watched when, at which sensitivity, and every second that was not.

One SQLite file per site.  `Ledger` is the only writer: visits are gathered in memory and stored
once a second in one transaction.  Anyone may read the file at the same time, with `LedgerReader` or
with any SQLite tool: the view ``visits`` has plain columns with units.

Nothing is missing silently.  A silence longer than ``tolerance_s`` between two visits of a sensor
becomes a gap row by itself, with the cause that was reported for it or "unexplained"; so does the
time between two runs of the program, and so do rows that a full disk made us drop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import apsw
import msgspec

from sensors.ledger_schema import SCHEMA, VERSION, LedgerFault, check_version
from sensors.visit import Gap, Visit

GAP_STARTING = "ledger.gap_starting"
MAX_WAITING = 20_000
"""Visits kept in memory while the disk takes none: 5 min of four dongles.  Oldest go first."""

FORGOTTEN_AT_ONCE = 20_000
"""Old visits deleted in one transaction: 5 min of four dongles."""


@dataclass(slots=True)
class _Silence:
    """What is known about one sensor's silence."""

    last_ns: int
    cause: str = ""
    here: bool = True
    fields: dict[str, str] = field(default_factory=dict)
    hint: tuple[str, dict[str, str]] = ("", {})

    def gap(self, sensor: str, until_ns: int) -> Gap:
        """The row that tells it, up to a moment."""
        cause, fields = self.cause, self.fields
        if not cause:
            cause, fields = self.hint
        return Gap(sensor, self.last_ns, until_ns, cause or "ledger.gap_unexplained", fields)


class Ledger:
    """The writer.  All calls come from one thread.

    Parameters
    ----------
    path : Path
        Made, with its folder, when absent.
    now_ns : int
        UTC; the start of this run.
    sensors : sequence of str
        Those that should deliver: one that never does is a gap from the start.
    tolerance_s : float
        A silence longer than this is a gap.

    Attributes
    ----------
    visits : int
        Stored since this object was made.
    lost_visits : int
        Dropped because the disk took none for too long.
    trouble : str
        Why the last `flush` failed; empty when it did not.

    Raises
    ------
    LedgerFault
        Not a ledger, of a newer version, or on a disk that cannot be written.
    """

    def __init__(
        self, path: Path, now_ns: int, sensors: Sequence[str] = (), tolerance_s: float = 1.0
    ) -> None:
        self._tolerance_ns = round(tolerance_s * 1e9)
        self._visits: deque[Visit] = deque()
        self._gaps: deque[Gap] = deque(maxlen=MAX_WAITING)
        self._settings: dict[tuple[Any, ...], int] = {}
        self._lost: dict[str, Gap] = {}
        self.visits = self.lost_visits = 0
        self.trouble = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = apsw.Connection(str(path))
            self._db.set_busy_timeout(2000)
            self._db.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
            check_version(self._db, path)
            with self._db:  # whoever reads meanwhile finds all tables or none
                self._db.execute(SCHEMA + f"PRAGMA user_version={VERSION}")
            self._silences = self._remember()
            for sensor in sensors:
                silence = self._silences.setdefault(sensor, _Silence(now_ns, GAP_STARTING))
                silence.here = True
            self._run_ns = now_ns
            self._db.execute("INSERT OR IGNORE INTO run VALUES (?, NULL)", (now_ns,))
        except (apsw.Error, OSError) as error:
            raise LedgerFault("ledger.unusable", path=str(path), why=str(error)) from None

    def _remember(self) -> dict[str, _Silence]:
        """Last sign of life of every sensor of earlier runs, and how the last run ended."""
        run = self._db.execute("SELECT max(start_ns), stop_ns FROM run").get
        cause = "ledger.gap_stopped" if run and run[1] else "ledger.gap_crashed"
        rows = self._db.execute(
            "SELECT sensor, time_ns + (expected - missing) * 1e9 / sample_rate_hz FROM"
            " (SELECT setting, max(time_ns) AS time_ns, expected, missing FROM visit"
            " WHERE time_ns > (SELECT max(time_ns) FROM visit) - 86400000000000 GROUP BY setting)"
            " JOIN setting ON setting.id = setting ORDER BY time_ns"
        )
        last = {sensor: _Silence(round(stop_ns), cause, here=False) for sensor, stop_ns in rows}
        told = self._db.execute("SELECT sensor, max(stop_ns) FROM gap GROUP BY sensor")
        for sensor, stop_ns in told:
            if sensor in last:
                last[sensor].last_ns = max(last[sensor].last_ns, stop_ns)
            else:
                last[sensor] = _Silence(stop_ns, cause, here=False)
        return last

    def visit(self, visit: Visit) -> Gap | None:
        """Note one visit.

        Returns
        -------
        Gap or None
            The gap that it ended, for the site to tell: already noted here.  That a start takes
            its time is noted and no news.
        """
        if len(self._visits) >= MAX_WAITING:
            self._lose(self._visits.popleft())
        self._visits.append(visit)
        silence = self._silences.get(visit.sensor)
        if silence is None:
            self._silences[visit.sensor] = _Silence(visit.stop_ns)
            return None
        ended: Gap | None = None
        if visit.time_ns - silence.last_ns > self._tolerance_ns or (
            silence.cause and visit.time_ns > silence.last_ns
        ):
            ended = silence.gap(visit.sensor, visit.time_ns)
            self._gaps.append(ended)
        silence.last_ns = max(silence.last_ns, visit.stop_ns)
        silence.cause, silence.fields, silence.here = "", {}, True
        silence.hint = ("", {})
        return None if ended and ended.cause == GAP_STARTING else ended

    def gap(
        self, sensor: str, now_ns: int, cause: str, fields: dict[str, str] | None = None
    ) -> None:
        """Say why a sensor is silent from its last visit on; its next visit ends the gap.

        A later cause replaces an earlier one only by closing the gap of the earlier one at
        ``now_ns``, so that "unplugged, then stalled" stays two rows.
        """
        silence = self._silences.setdefault(sensor, _Silence(now_ns))
        if silence.cause == cause:
            return
        if silence.cause and now_ns > silence.last_ns:
            self._gaps.append(silence.gap(sensor, now_ns))
            silence.last_ns = now_ns
        silence.cause, silence.fields = cause, dict(fields or {})

    def hint(self, sensor: str, cause: str, fields: dict[str, str] | None = None) -> None:
        """Say what it will have been if the sensor's silence becomes a gap; its next visit ends it.

        Unlike `gap` it makes no row by itself: one hop that cannot be tuned to is no silence.
        """
        if sensor in self._silences:
            self._silences[sensor].hint = (cause, dict(fields or {}))

    def silent_s(self, now_ns: int) -> dict[str, float]:
        """Seconds since each sensor's last visit ended."""
        return {name: (now_ns - one.last_ns) / 1e9 for name, one in self._silences.items()}

    def flush(self) -> bool:
        """Store what is waiting, in one transaction; call it once a second.

        Returns
        -------
        bool
            False where the disk did not take it: it waits for the next call, ``trouble`` says why.
        """
        if not (self._visits or self._gaps or self._lost):
            return True
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "INSERT OR REPLACE INTO visit VALUES (?,?,?,?,?,?,?)", map(self._row, self._visits)
            )
            self._db.executemany(
                "INSERT OR REPLACE INTO gap VALUES (?,?,?,?,?)",
                map(_gap_row, [*self._gaps, *self._lost.values()]),
            )
            self._db.execute("COMMIT")
        except apsw.Error as error:
            if self._db.in_transaction:  # a full disk has ended it already
                self._db.execute("ROLLBACK")
            self._settings.clear()  # those made in the failed transaction are gone
            self.trouble = f"{type(error).__name__}: {error}"
            return False
        self.visits += len(self._visits)
        self._visits.clear()
        self._gaps.clear()
        self._lost.clear()
        self.trouble = ""
        return True

    def forget(self, before_ns: int, most: int = FORGOTTEN_AT_ONCE) -> int:
        """Delete the oldest visits, and all gaps, from before this; return how many visits went.

        The caller asks until none is left and says so in the log: nothing is deleted unreported.
        """
        try:
            with self._db:
                next_ns = self._db.execute(
                    "SELECT time_ns FROM visit ORDER BY time_ns LIMIT 1 OFFSET ?", (most,)
                ).get
                until_ns = min(before_ns, before_ns if next_ns is None else next_ns)
                self._db.execute("DELETE FROM visit WHERE time_ns < ?", (until_ns,))
                deleted = self._db.changes()
                self._db.execute("DELETE FROM gap WHERE stop_ns < ?", (before_ns,))
        except apsw.Error as error:
            self.trouble = f"{type(error).__name__}: {error}"
            return 0
        return deleted

    def close(self, now_ns: int) -> None:
        """Store the rest, note the end of this run, and the silences that are still open."""
        for sensor, silence in self._silences.items():
            long = now_ns - silence.last_ns > self._tolerance_ns
            if silence.here and now_ns > silence.last_ns and (silence.cause or long):
                self._gaps.append(silence.gap(sensor, now_ns))
        if self.flush():
            self._db.execute("UPDATE run SET stop_ns=? WHERE start_ns=?", (now_ns, self._run_ns))
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._db.close()

    def _row(self, visit: Visit) -> tuple[int | None, ...]:
        return (
            visit.time_ns,
            self._setting(visit),
            visit.expected,
            visit.expected - visit.received,
            visit.dropped,
            round(visit.clipped_fraction * 1e6),
            None if visit.threshold_dbfs is None else round(visit.threshold_dbfs * 100),
        )

    def _setting(self, visit: Visit) -> int:
        """Row of what changes seldom; a new gain or baseline makes a new one."""
        key = (
            visit.sensor,
            visit.low_hz,
            visit.high_hz,
            visit.sample_rate_hz,
            visit.gain_db,
            visit.baseline,
        )
        if key not in self._settings:
            found = self._db.execute(
                "SELECT id FROM setting WHERE (sensor, low_hz, high_hz, sample_rate_hz, gain_db,"
                " baseline) IS (?,?,?,?,?,?)",
                key,
            ).get
            if found is None:
                self._db.execute("INSERT INTO setting VALUES (NULL,?,?,?,?,?,?)", key)
                found = self._db.last_insert_rowid()
            self._settings[key] = found
        return self._settings[key]

    def _lose(self, visit: Visit) -> None:
        """Note that a visit could not be kept; a gap row says so once the disk takes rows."""
        self.lost_visits += 1
        lost = self._lost.get(visit.sensor)
        if lost is None:
            lost = Gap(visit.sensor, visit.time_ns, visit.stop_ns, "ledger.gap_disk_full")
        self._lost[visit.sensor] = replace(lost, stop_ns=max(lost.stop_ns, visit.stop_ns))


def _gap_row(gap: Gap) -> tuple[str | int, ...]:
    fields = msgspec.json.encode(gap.fields).decode()
    return gap.sensor, gap.start_ns, gap.stop_ns, gap.cause, fields
