"""What each sensor watched in a session, when and how deep, from what was recorded of it.

The recorded waterfall is the witness: a minute counts for a bin when the sensor delivered a level
for it in that minute.  How deep is the threshold that the site compared with then.  The visits
themselves, to the millisecond, are in the ledger of the site.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from sqlalchemy import Connection, or_, select

from dashboard import schema
from dashboard.notices import Notice
from dashboard.pyramid import LEVELS, OFFSET_DB, STEP_DB, Codes
from dashboard.report_sites import SiteFacts
from dashboard.report_span import MOST, Span
from dashboard.tiles import TileFiles
from sensors.messages import BandWatch, Note

MINUTE_NS = LEVELS[1].row_ns
Minutes = npt.NDArray[np.float64]
"""For each minute of the watch, the share of a band's bins that were seen in it."""
EVERYTHING_HZ = 1e12


class BandWatched(Struct, frozen=True):
    """One band of one sensor.

    Attributes
    ----------
    seen : float
        Share of the band's bins and the session's minutes that is on record, 0-1.
    first_ns, last_ns : int
        Recorded from then to then; 0 for never.
    baseline : str
        Short hash of the last one that was in use; empty without one.
    baselines : int
        How many were in use, one after the other.
    differs : bool
        It is not the one that was signed.
    threshold_dbfs, usual_dbfs : float or None
        Middle over the bins, each ``bin_hz`` wide.
    p_2s, revisit_s : float or None
        Chance to hear a message of 2 s and time between visits, as the site said last.
    """

    sensor: str
    name: str
    start_hz: float
    stop_hz: float
    bin_hz: float
    seen: float
    first_ns: int
    last_ns: int
    baseline: str
    baselines: int
    differs: bool
    threshold_dbfs: float | None
    usual_dbfs: float | None
    p_2s: float | None
    revisit_s: float | None


class Gap(Struct, frozen=True):
    """Minutes of which nothing is recorded.

    Attributes
    ----------
    start_hz, stop_hz : float
        Of the band; 0 for everything that the sensor watches.
    causes : list of Note
        What was told of the sensor or its site at that time; empty where nothing was.
    """

    sensor: str
    start_hz: float
    stop_hz: float
    start_ns: int
    stop_ns: int
    causes: list[Note]


class Watching(Struct, frozen=True):
    """What was watched.

    Attributes
    ----------
    start_ns, stop_ns : int
        Whole minutes inside the watch, from its begin to the seal.
    recorded : bool
        Whether there is any record of spectra here of that time.
    """

    start_ns: int
    stop_ns: int
    recorded: bool
    bands: list[BandWatched]
    gaps: list[Gap]
    gaps_left: int


def watching_of(
    connection: Connection,
    files: TileFiles,
    sites: Sequence[SiteFacts],
    span: Span,
    signed: Mapping[str, str],
) -> Watching:
    """Read the minutes of every sensor of these sites."""
    start_ns = -(-span.armed_ns // MINUTE_NS) * MINUTE_NS
    stop_ns = max(span.end_ns // MINUTE_NS * MINUTE_NS, start_ns)
    told = {site.site: _told(connection, site.site, start_ns, stop_ns) for site in sites}
    owner = {sensor.sensor: site.site for site in sites for sensor in site.sensors}
    recorded = files.sensors(1, start_ns, stop_ns)
    names = {site.site for site in sites}
    owner |= {one: home for one in recorded if (home := one.rpartition("/")[0]) in names}
    known = {sensor.sensor: sensor.bands for site in sites for sensor in site.sensors}
    bands: list[BandWatched] = []
    gaps: list[Gap] = []
    for sensor in sorted(owner) if recorded else []:
        one = _Sensor(sensor, files, start_ns, stop_ns, known.get(sensor, []))
        bands += one.bands(signed)
        gaps += one.gaps(told.get(owner[sensor], []))
    gaps.sort(key=lambda gap: (gap.start_ns, gap.sensor, gap.start_hz))
    left = len(gaps[MOST:])
    return Watching(start_ns, stop_ns, bool(recorded), bands, gaps[:MOST], left)


class _Sensor:
    """The minutes of one sensor, band by band."""

    def __init__(
        self,
        sensor: str,
        files: TileFiles,
        start_ns: int,
        stop_ns: int,
        said: Sequence[BandWatch],
    ) -> None:
        self._sensor, self._files = sensor, files
        self._start_ns, self._stop_ns = start_ns, stop_ns
        self._said = {(band.start_hz, band.stop_hz): band for band in said}
        count = (stop_ns - start_ns) // MINUTE_NS
        self._seen: dict[tuple[float, float], Minutes] = defaultdict(lambda: np.zeros(count))
        self._bin_hz: dict[tuple[float, float], float] = {}
        for tile in files.read(sensor, 1, start_ns, stop_ns, 0.0, EVERYTHING_HZ):
            stop_hz = tile.start_hz + tile.bin_width_hz * tile.codes.shape[1]
            band = (tile.start_hz, round(stop_hz, 3))
            first = (tile.start_ns - start_ns) // MINUTE_NS
            inside = slice(max(first, 0), max(min(first + len(tile.codes), count), 0))
            rows = tile.codes[inside.start - first : inside.stop - first]
            np.maximum(
                self._seen[band][inside], (rows > 0).mean(axis=1), out=self._seen[band][inside]
            )
            self._bin_hz[band] = tile.bin_width_hz
        for band in self._said:
            self._seen[band]

    def bands(self, signed: Mapping[str, str]) -> Iterator[BandWatched]:
        """Each band with what is on record of it."""
        window = (self._start_ns, self._stop_ns, 0.0, EVERYTHING_HZ)
        past = list(self._files.references(self._sensor, *window))
        for band in sorted(self._seen):
            minutes, said = self._seen[band], self._said.get(band)
            at = np.flatnonzero(minutes)
            used = sorted(
                (one for one in past if one.start_hz == band[0]), key=lambda one: one.first_ns
            )
            last = used[-1] if used else None
            names = {one.baseline for one in used}
            yield BandWatched(
                sensor=self._sensor,
                name=said.name if said else "",
                start_hz=band[0],
                stop_hz=band[1],
                bin_hz=self._bin_hz.get(band, 0.0),
                seen=round(float(minutes.mean()), 5) if len(minutes) else 0.0,
                first_ns=self._start_ns + int(at[0]) * MINUTE_NS if len(at) else 0,
                last_ns=self._start_ns + (int(at[-1]) + 1) * MINUTE_NS if len(at) else 0,
                baseline=last.baseline if last else "",
                baselines=len(names),
                differs=bool(signed) and names != {signed.get(self._sensor)},
                threshold_dbfs=_middle(last.codes[1]) if last else None,
                usual_dbfs=_middle(last.codes[0]) if last else None,
                p_2s=said.p_2s if said else None,
                revisit_s=said.revisit_s if said else None,
            )

    def gaps(self, told: Sequence[Notice]) -> Iterator[Gap]:
        """Minutes without any band; then those without one band while others were heard."""
        if not self._seen:
            return
        heard = np.stack([self._seen[band] > 0 for band in sorted(self._seen)])
        silent: npt.NDArray[np.bool_] = np.logical_not(heard.any(axis=0))
        yield from self._runs(silent, (0.0, 0.0), told)
        for band, own in zip(sorted(self._seen), heard, strict=True):
            yield from self._runs(~own & ~silent, band, told)

    def _runs(
        self, missing: npt.NDArray[np.bool_], band: tuple[float, float], told: Sequence[Notice]
    ) -> Iterator[Gap]:
        edges = np.flatnonzero(np.diff(missing.astype(np.int8), prepend=0, append=0))
        for first, last in edges.reshape(-1, 2).tolist():
            start_ns = self._start_ns + first * MINUTE_NS
            stop_ns = self._start_ns + last * MINUTE_NS
            causes = {
                (one.note.id, str(one.note.args)): one.note
                for one in told
                if one.sensor in ("", self._sensor)
                and one.start_ns < stop_ns
                and (not one.stop_ns or one.stop_ns > start_ns)
            }
            yield Gap(self._sensor, *band, start_ns, stop_ns, list(causes.values())[:3])


def _told(connection: Connection, site: str, start_ns: int, stop_ns: int) -> list[Notice]:
    """What was told of a site that touched a time, whatever its level, but not of drills."""
    table = schema.notices
    query = (
        select(table)
        .where(
            table.c.site.in_((site, "")),
            table.c.start_ns < stop_ns,
            or_(table.c.stop_ns == 0, table.c.stop_ns > start_ns),
            table.c.note_id.not_like("drill.%"),
            table.c.note_id.not_like("evidence.%"),
        )
        .order_by(table.c.start_ns)
        .limit(MOST)
    )
    return [Notice.of_row(row) for row in connection.execute(query)]


def _middle(codes: Codes) -> float | None:
    """Median level in dBFS of the bins that have one."""
    given = codes[codes > 0]
    return round(float(OFFSET_DB + STEP_DB * np.median(given)), 1) if given.size else None
