"""Files for the radio authority: recorded scans as ITU-R SM.1809 text, occupancy after SM.1880."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal

import numpy as np
from msgspec import Meta, Struct

from dashboard import occupancy
from dashboard.answers import Call, frame_of
from dashboard.errors import Refused
from dashboard.pyramid import DAY_NS, SECOND
from dashboard.queries import SpectrumQuery
from dashboard.recorder import OFFSET_DB, STEP_DB, history, minutes, references
from dashboard.saving import TextFile
from sensors.messages import Freq, TimeNs

COLUMNS = (
    *("center_freq_hz", "low_hz", "high_hz", "looks", "occupied", "fco", "relative_error_95"),
    *("max_dbfs", "threshold_dbfs"),
)


class ScanQuery(SpectrumQuery, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``GET /api/v1/export/sm1809/{sensor}``: the window, and what only people know of the place.

    Attributes
    ----------
    latitude, longitude : float
        Degrees; north and east are positive.
    antenna : str
    """

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    antenna: Annotated[str, Meta(pattern=r"^[ -~]{1,80}$")] = "unknown"


class OccupancyQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """``GET /api/v1/export/occupancy/{sensor}``.

    Attributes
    ----------
    start_ns, stop_ns : int
        At most a day; 0 for the last ten minutes.
    start_hz, stop_hz : float
        0 for everything that the sensor listens to.
    raster_hz, offset_hz : float
        Channels are centred on ``offset_hz + k * raster_hz``.
    threshold : {"noise", "site"}
        ``site``: the threshold that the site compared with at that time, with its baseline; where
        it had none, and with ``noise``, the next one.
    threshold_db : float
        Over the noise of each minute.
    threshold_dbfs : float or None
        A fixed threshold instead.
    """

    start_ns: TimeNs = 0
    stop_ns: TimeNs = 0
    start_hz: Freq = 0.0
    stop_hz: Freq = 0.0
    raster_hz: Annotated[float, Meta(ge=100, le=1e8)] = 12_500.0
    offset_hz: Freq = 0.0
    threshold: Literal["noise", "site"] = "noise"
    threshold_db: Annotated[float, Meta(ge=3, le=60)] = 10.0
    threshold_dbfs: Annotated[float, Meta(ge=-140, le=0)] | None = None

    width: ClassVar[int] = 1  # cells are counted, not drawn
    height: ClassVar[int] = 1


def get_scan_file(call: Call) -> TextFile:
    """One line a scan: its time and its levels, after a header of keys and values.

    Levels are dBFS, the maximum or the mean power of what was received in the time and width of a
    point: the dongle has no calibrated antenna.  The format has no word for "not seen", so a scan
    in which a point is missing is left out.  The first point is at FreqStart, the last at FreqStop.
    """
    sensor, asked = call.path["sensor"], call.query
    frame = frame_of(call, sensor)
    if frame.start_ns // DAY_NS != (frame.stop_ns - 1) // DAY_NS:
        raise Refused("sm1809.one_day", 409)
    picture = history(call.monitor.recorder, sensor, frame, asked.value)
    whole = np.flatnonzero(picture.all(axis=1))
    if not whole.size:
        raise Refused("sm1809.incomplete", 409)
    step_hz = (frame.stop_hz - frame.start_hz) / frame.width
    row_ns = (frame.stop_ns - frame.start_ns) / frame.height
    date = datetime.fromtimestamp(frame.start_ns // SECOND, UTC)
    header = {
        "FileType": "Standard Data exchange Format 2.0",
        "LocationName": sensor,
        "Latitude": degrees(asked.latitude, "NS"),
        "Longitude": degrees(asked.longitude, "EW"),
        "FreqStart": f"{(frame.start_hz + step_hz / 2) / 1e3:.3f}",
        "FreqStop": f"{(frame.stop_hz - step_hz / 2) / 1e3:.3f}",
        "AntennaType": asked.antenna,
        "FilterBandwidth": f"{step_hz / 1e3:.3f}",
        "LevelUnits": "dBFS",
        "Date": f"{date:%Y-%m-%d}",
        "DataPoints": str(frame.width),
        "ScanTime": f"{row_ns / 1e9:.3f}",
        "Detector": "Peak" if asked.value == "max" else "RMS",
    }
    lines = [f"{key} {value}\n" for key, value in header.items()] + ["\n"]
    levels_db = OFFSET_DB + STEP_DB * picture
    for row in whole:
        when = datetime.fromtimestamp((frame.start_ns + round(row * row_ns)) // SECOND, UTC)
        lines.append(f"{when:%H:%M:%S}," + ",".join(f"{x:.1f}" for x in levels_db[row]) + "\n")
    return TextFile(f"sm1809-{date:%Y%m%dT%H%M%SZ}.txt", "".join(lines), "text/plain")


def get_occupancy_file(call: Call) -> TextFile:
    """Channels of a raster, each with its occupancy; the formula is in `dashboard.occupancy`."""
    sensor, asked = call.path["sensor"], call.query
    frame = frame_of(call, sensor)
    if frame.stop_ns - frame.start_ns > DAY_NS:
        raise Refused("occupancy.too_long", 409)
    window = occupancy.Window(
        frame.start_ns,
        frame.stop_ns,
        frame.start_hz,
        frame.stop_hz,
        asked.raster_hz,
        asked.offset_hz,
    )
    fixed, recorder = asked.threshold_dbfs, call.monitor.recorder
    reach = (frame.start_ns, frame.stop_ns, frame.start_hz, frame.stop_hz)
    past = references(recorder, sensor, *reach) if asked.threshold == "site" else []
    try:
        channels = occupancy.count(
            minutes(recorder, sensor, frame),
            window,
            margin_codes=asked.threshold_db / STEP_DB,
            threshold_code=None if fixed is None else (fixed - OFFSET_DB) / STEP_DB,
            past=past,
        )
    except occupancy.TooFine as error:
        bin_khz, raster_khz = round(error.args[0] / 1e3, 3), asked.raster_hz / 1e3
        raise Refused("occupancy.too_fine", 409, bin_khz=bin_khz, raster_khz=raster_khz) from None
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for channel in channels:
        center_hz, error_95 = channel.center_freq_hz, channel.error_95
        writer.writerow(
            (
                *(round(center_hz + side * asked.raster_hz, 3) for side in (0, -0.5, 0.5)),
                *(channel.looks, channel.occupied, f"{channel.fco:.6f}"),
                "" if error_95 is None else f"{error_95:.4f}",
                OFFSET_DB + STEP_DB * channel.max_code,
                round(OFFSET_DB + STEP_DB * float(np.median(channel.thresholds)), 2),
            )
        )
    return TextFile("occupancy.csv", out.getvalue())


def degrees(angle: float, sides: str) -> str:
    """An angle as SM.1809 writes it: degrees.minutes.seconds and the side."""
    seconds = round(abs(angle) * 3600)
    return (
        f"{seconds // 3600:02d}.{seconds // 60 % 60:02d}.{seconds % 60:02d}{sides[int(angle < 0)]}"
    )
