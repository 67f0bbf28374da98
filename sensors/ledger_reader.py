"""Questions to a ledger: was it watched, how deep, how often, what would have been heard.

Reads while the site writes; never changes the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import apsw
import msgspec
import numpy as np
import numpy.typing as npt

from dsp.intercept import covered_s, heard_share, longest_gap_s, slices
from sensors.bands import GuardBand
from sensors.ledger_answers import BandCoverage, SensorCoverage, Watched, WatchedVisit
from sensors.ledger_schema import LedgerFault, check_version
from sensors.visit import Gap

MESSAGES_S = (0.2, 0.5, 2.0, 4.0)
"""Lengths for which the intercept probability is given."""

LONGEST_VISIT_NS = 60_000_000_000
"""A visit that began this long before a window may still reach into it (a stare, a hunt)."""

_ROW = np.dtype(
    [
        ("time_ns", "i8"),
        ("setting", "i4"),
        ("expected", "i8"),
        ("missing", "i8"),
        ("dropped", "i8"),
        ("clipped_ppm", "i4"),
        ("threshold_cdb", "i4"),
    ]
)
_NO_THRESHOLD = -(2**31)
_Rows = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Setting:
    """How a sensor listened: the part of a visit that changes seldom."""

    sensor: str
    low_hz: float
    high_hz: float
    sample_rate_hz: float
    gain_db: float | None
    baseline: str


class LedgerReader:
    """A ledger, open for reading.

    Raises
    ------
    LedgerFault
        No such file, not a ledger, or of a newer version.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise LedgerFault("ledger.missing", path=str(path))
        try:
            self._db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
            self._db.set_busy_timeout(2000)
            check_version(self._db, path)
            self.settings = self._read_settings()
        except apsw.Error as error:
            raise LedgerFault("ledger.unusable", path=str(path), why=str(error)) from None

    def _read_settings(self) -> dict[int, Setting]:
        rows = self._db.execute("SELECT * FROM setting")
        return {number: Setting(*values) for number, *values in rows}

    def span_ns(self) -> tuple[int, int] | None:
        """First visit and end of the last one; None in an empty ledger."""
        first = self._db.execute("SELECT min(time_ns) FROM visit").get
        last = self._db.execute("SELECT max(time_ns) FROM visit").get
        if first is None:
            return None
        return first, int(self._stops_ns(self._rows(last, last + 1)).max())

    def first_after(self, time_ns: int) -> int | None:
        """Begin of the first visit that began at or after a time; None where none did."""
        found = self._db.execute("SELECT min(time_ns) FROM visit WHERE time_ns >= ?", (time_ns,))
        first_ns: int | None = found.get
        return first_ns

    def watched(self, freq_hz: float, time_ns: int, span_s: float = 1.0) -> Watched:
        """Say whether a frequency was watched in the ``span_s`` from ``time_ns`` on."""
        stop_ns = time_ns + round(span_s * 1e9)
        rows = self._rows(time_ns - LONGEST_VISIT_NS, stop_ns + LONGEST_VISIT_NS)
        covering = [n for n, s in self.settings.items() if s.low_hz <= freq_hz <= s.high_hz]
        near = [self._visit(row) for row in rows[np.isin(rows["setting"], covering)]]
        visits = [v for v in near if v.stop_ns > time_ns and v.start_ns < stop_ns]
        levels = [v.threshold_dbfs for v in visits if v.threshold_dbfs is not None]
        before = [v for v in near if v.stop_ns <= time_ns]
        after = [v for v in near if v.start_ns >= stop_ns]
        starts = np.array([(v.start_ns - time_ns) / 1e9 for v in visits])
        stops = np.array([(v.stop_ns - time_ns) / 1e9 for v in visits])
        return Watched(
            freq_hz=freq_hz,
            start_ns=time_ns,
            stop_ns=stop_ns,
            visits=visits,
            on_air_s=covered_s(starts, stops, 0.0, span_s),
            threshold_dbfs=min(levels, default=None),
            before=max(before, key=lambda v: v.stop_ns, default=None),
            after=min(after, key=lambda v: v.start_ns, default=None),
            gaps=self.gaps(time_ns, stop_ns),
        )

    def coverage(
        self, bands: Sequence[GuardBand], start_ns: int, stop_ns: int, sensor: str | None = None
    ) -> list[BandCoverage]:
        """Say how each band was watched in a window, by one sensor or by any of them."""
        rows = self._rows(start_ns - LONGEST_VISIT_NS, stop_ns, sensor)
        return [self._band(band, rows, start_ns, stop_ns) for band in bands]

    def sensors(self, start_ns: int, stop_ns: int) -> list[SensorCoverage]:
        """Say what each dongle received in a window."""
        made = []
        everyone = self._rows(start_ns - LONGEST_VISIT_NS, stop_ns)
        for sensor in sorted({s.sensor for s in self.settings.values()}):
            rows = everyone[np.isin(everyone["setting"], self._of(sensor))]
            starts_ns, stops_ns = rows["time_ns"], self._stops_ns(rows)
            inside = stops_ns > start_ns
            rows = rows[inside]
            seconds = int(max((stop_ns - start_ns) // 1_000_000_000, 0))
            made.append(
                SensorCoverage(
                    sensor=sensor,
                    visits=rows.shape[0],
                    expected=int(rows["expected"].sum()),
                    received=int((rows["expected"] - rows["missing"]).sum()),
                    dropped=int(rows["dropped"].sum()),
                    seconds=seconds,
                    silent_seconds=seconds
                    - _busy_seconds(starts_ns[inside], stops_ns[inside], start_ns, seconds),
                    clipped_fraction=_mean_ppm(rows),
                )
            )
        return made

    def gaps(self, start_ns: int, stop_ns: int) -> list[Gap]:
        """List the known silences that overlap a window, in order of time."""
        rows = self._db.execute(
            "SELECT * FROM gap WHERE start_ns < ? AND stop_ns > ? ORDER BY start_ns, sensor",
            (stop_ns, start_ns),
        )
        return [
            Gap(sensor, a, b, cause, msgspec.json.decode(fields, type=dict[str, str]))
            for sensor, a, b, cause, fields in rows
        ]

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _of(self, sensor: str) -> list[int]:
        return [number for number, setting in self.settings.items() if setting.sensor == sensor]

    def _rows(self, start_ns: int, stop_ns: int, sensor: str | None = None) -> _Rows:
        """Visits that began in a window, in order of time."""
        self.settings = self._read_settings()  # the site may have made new ones meanwhile
        found = self._db.execute(
            "SELECT time_ns, setting, expected, missing, dropped, clipped_ppm,"
            " ifnull(threshold_cdb, ?) FROM visit"
            " WHERE time_ns >= ? AND time_ns < ? ORDER BY time_ns",
            (_NO_THRESHOLD, start_ns, stop_ns),
        )
        rows: _Rows = np.fromiter(found, dtype=_ROW)
        return rows if sensor is None else rows[np.isin(rows["setting"], self._of(sensor))]

    def _stops_ns(self, rows: _Rows) -> npt.NDArray[np.int64]:
        rates = np.ones(max(self.settings, default=0) + 1)
        for number, setting in self.settings.items():
            rates[number] = setting.sample_rate_hz
        lasted = (rows["expected"] - rows["missing"]) / rates[rows["setting"]]
        return np.asarray(rows["time_ns"] + np.round(lasted * 1e9).astype(np.int64))

    def _visit(self, row: Any) -> WatchedVisit:
        setting = self.settings[int(row["setting"])]
        received = int(row["expected"] - row["missing"])
        level = int(row["threshold_cdb"])
        return WatchedVisit(
            sensor=setting.sensor,
            start_ns=int(row["time_ns"]),
            stop_ns=int(row["time_ns"]) + round(received / setting.sample_rate_hz * 1e9),
            low_hz=setting.low_hz,
            high_hz=setting.high_hz,
            threshold_dbfs=None if level == _NO_THRESHOLD else level / 100,
            expected=int(row["expected"]),
            received=received,
            dropped=int(row["dropped"]),
            clipped_fraction=int(row["clipped_ppm"]) / 1e6,
            gain_db=setting.gain_db,
            baseline=setting.baseline,
        )

    def _band(self, band: GuardBand, rows: _Rows, start_ns: int, stop_ns: int) -> BandCoverage:
        window_s = (stop_ns - start_ns) / 1e9
        numbers = [
            number
            for number, s in self.settings.items()
            if s.low_hz < band.stop_hz and s.high_hz > band.start_hz
        ]
        rows = rows[np.isin(rows["setting"], numbers)]
        starts = (rows["time_ns"] - start_ns) / 1e9
        stops = (self._stops_ns(rows) - start_ns) / 1e9
        inside = stops > 0
        width_hz = band.stop_hz - band.start_hz
        watched_hz = on_air = revisit_s = 0.0
        heard = dict.fromkeys(MESSAGES_S, 0.0)
        spans = [(self.settings[n].low_hz, self.settings[n].high_hz) for n in numbers]
        for low_hz, high_hz, indices in slices(band.start_hz, band.stop_hz, spans):
            part = np.isin(rows["setting"], [numbers[i] for i in indices])
            if not (part & inside).any():
                continue
            share = (high_hz - low_hz) / width_hz
            a, b = starts[part], stops[part]
            watched_hz += high_hz - low_hz
            on_air += share * covered_s(a, b, 0.0, window_s) / window_s
            revisit_s = max(revisit_s, longest_gap_s(a, b, 0.0, window_s))
            for message_s in MESSAGES_S:
                p = share * heard_share(a, b, message_s, 0.0, window_s)
                heard[message_s] = min(heard[message_s] + p, 1.0)
        levels = rows["threshold_cdb"][inside & (rows["threshold_cdb"] != _NO_THRESHOLD)]
        return BandCoverage(
            name=band.name,
            start_hz=band.start_hz,
            stop_hz=band.stop_hz,
            visits=int(inside.sum()),
            watched_fraction=watched_hz / width_hz,
            on_air_fraction=min(on_air, 1.0),
            revisit_s=revisit_s if watched_hz else window_s,
            threshold_dbfs=float(np.median(levels)) / 100 if levels.shape[0] else None,
            clipped_fraction=_mean_ppm(rows[inside]),
            heard=heard,
        )


def _mean_ppm(rows: _Rows) -> float:
    return float(rows["clipped_ppm"].mean()) / 1e6 if rows.shape[0] else 0.0


def _busy_seconds(
    starts_ns: npt.NDArray[np.int64], stops_ns: npt.NDArray[np.int64], low_ns: int, seconds: int
) -> int:
    """Whole seconds of a window in which at least one sample was received."""
    if seconds == 0 or starts_ns.shape[0] == 0:
        return 0
    first = np.clip((starts_ns - low_ns) // 1_000_000_000, 0, seconds)
    last = np.clip((stops_ns - low_ns - 1) // 1_000_000_000, -1, seconds - 1)
    steps = np.zeros(seconds + 1, dtype=np.int64)
    np.add.at(steps, first, 1)
    np.add.at(steps, last + 1, -1)
    return int(np.count_nonzero(np.cumsum(steps)[:seconds] > 0))
