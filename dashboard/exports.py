"""Files to take away: alarms as CSV, recorded waterfalls in the columns of rtl_power."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Literal

import msgspec
import numpy as np

from dashboard.alarm_list import alarm_cards
from dashboard.answers import Call, frame_of
from dashboard.queries import SpectrumQuery
from dashboard.recorder import OFFSET_DB, STEP_DB, history, references
from dashboard.references import under
from dashboard.saving import TextFile

ALARM_COLUMNS = (
    *("id", "site", "state", "center_freq_hz", "bandwidth_hz", "first_seen", "last_seen"),
    *("snr_db", "sightings", "on_s", "label", "suspicion", "owner", "sensors", "reasons"),
)


class PowerQuery(SpectrumQuery, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``GET /api/v1/export/rtl_power/{sensor}``: the window, and what its dB are over.

    Attributes
    ----------
    over : {"full_scale", "baseline"}
        dBFS, or dB over the baseline that the site compared with at that time.
    """

    over: Literal["full_scale", "baseline"] = "full_scale"


def get_alarm_file(call: Call) -> TextFile:
    """Alarms, the last seen first; times in UTC."""
    out = io.StringIO()
    writer = csv.DictWriter(out, ALARM_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for raw in alarm_cards(call.monitor.store.reader, call.query):
        alarm = msgspec.json.decode(raw)
        writer.writerow(
            {
                **alarm,
                "first_seen": _utc(alarm["first_seen_ns"]),
                "last_seen": _utc(alarm["last_seen_ns"]),
                "sensors": " ".join(alarm["sensors"]),
                "reasons": harmless(" ".join(note["id"] for note in alarm["reasons"])),
                "owner": harmless(alarm["owner"]),
                "label": harmless(alarm["label"]),
            }
        )
    return TextFile(f"alarms-{_utc(call.monitor.clock_ns())[:10]}.csv", out.getvalue())


def get_rtl_power_file(call: Call) -> TextFile:
    """One line a pixel row: date, time, Hz low, Hz high, Hz step, samples, dB, dB ...

    Pixels where nothing was seen, or that had no baseline to be over, are ``nan``, as rtl_power
    writes what it has no power for; rows of nothing else are left out.
    """
    sensor = call.path["sensor"]
    frame = frame_of(call, sensor)
    recorder, asked = call.monitor.recorder, call.query
    picture = history(recorder, sensor, frame, asked.value)
    levels_db = np.where(picture == 0, np.nan, OFFSET_DB + STEP_DB * picture)
    if asked.over == "baseline":
        window = (frame.start_ns, frame.stop_ns, frame.start_hz, frame.stop_hz)
        past = np.stack(list(under(frame, references(recorder, sensor, *window))))
        levels_db -= np.where(past == 0, np.nan, OFFSET_DB + STEP_DB * past)
    step_hz = (frame.stop_hz - frame.start_hz) / frame.width
    row_ns = (frame.stop_ns - frame.start_ns) / frame.height
    lines = []
    for index in np.flatnonzero(np.isfinite(levels_db).any(axis=1)):
        date, time = _utc(frame.start_ns + round(index * row_ns))[:19].split("T")
        head = f"{date}, {time}, {frame.start_hz:.0f}, {frame.stop_hz:.0f}, {step_hz:.2f}, 1, "
        lines.append(head + ", ".join(f"{level:.2f}" for level in levels_db[index]) + "\n")
    name = "rtl_power.csv" if asked.over == "full_scale" else "rtl_power_over_baseline.csv"
    return TextFile(name, "".join(lines))


def harmless(text: str) -> str:
    """Keep a spreadsheet from running a text as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _utc(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="milliseconds")
