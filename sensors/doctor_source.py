"""Checks of one receiver; run in a process of its own, findings as JSON lines on stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import cast

import msgspec

from sdr.calibrate import (
    FM_BAND_HZ,
    OTHER_BANDS_HZ,
    Look,
    Settling,
    Station,
    centers,
    find_stations,
    look,
    measure_gains,
    measure_settling,
)
from sdr.flow import can_count, measure_flow
from sdr.frequency import format_freq
from sdr.ppm import combine, station_error
from sdr.source import DeviceLost, EndOfRecording, Source, SourceError, UserError
from sdr.uri import open_source
from sensors.doctor import Finding, Patient, Verdict, of_error
from sensors.doctor_judge import (
    judge_antenna,
    judge_crystal,
    judge_flow,
    judge_gains,
    judge_lock,
    judge_settling,
)

FLOW_S = 5.0
DEFAULT_BAND_HZ = (403e6, 470e6)
CLIPPED = 1e-4
QUIET_LSB = 0.7
"""Noise below this is the converter's own: weak signals drown in it (at 0.5 by 1.4 dB)."""

LOUD_LSB = 6.0
FEW_STATIONS = 5
STATION_SNR_DB = 20.0


def examine(patient: Patient) -> Iterator[Finding]:
    """Check one receiver; ends at the first fault after which nothing else can be measured."""
    try:
        source = open_source(patient.source)
    except UserError as error:
        yield of_error("open", error)
        return
    with source:
        try:
            yield _configured(source, patient)
            if not source.info.tunable:
                yield _recording(source)
                return
            yield from _examine_tunable(source, patient)
        except UserError as error:
            yield of_error("lost", error)


def _examine_tunable(source: Source, patient: Patient) -> Iterator[Finding]:
    yield judge_flow(measure_flow(source, FLOW_S, counter=can_count(source)))
    rate_hz = source.settings.sample_rate_hz
    own, refused = looks(source, patient.centers_hz or centers(*DEFAULT_BAND_HZ, rate_hz))
    yield judge_lock(len(own), refused)
    fm_looks, _ = looks(source, centers(*FM_BAND_HZ, rate_hz))
    other, _ = looks(source, [(low + high) / 2 for low, high in OTHER_BANDS_HZ])
    stations = find_stations(fm_looks)
    if not own:
        return
    yield judge_antenna(stations, own + fm_looks + other)
    quiet = min(own, key=lambda one: one.floor_dbfs_per_hz)
    steps = measure_gains(source, quiet.center_freq_hz, source.info.gains_db[::-2][::-1])
    if steps:
        yield judge_gains(steps)
        yield check_level(source, own)
        elsewhere = max((one.clipped_fraction for one in fm_looks + other), default=0.0)
        if elsewhere > CLIPPED:
            fields = {"clipped": f"{elsewhere:.0%}"}
            yield Finding("strong", "warn", "doctor.strong", fields, "doctor.strong_remedy")
    strong = [s for s in stations if s.snr_db > STATION_SNR_DB][:FEW_STATIONS]
    yield judge_settling(_settling(source, strong, quiet), source.settings.settle_s)
    if source.info.kind == "scene":
        return  # a simulated crystal has no error
    errors = []
    for station in strong:
        source.tune(station.freq_hz - 0.125 * rate_hz)
        errors.append(station_error(source.read(round(rate_hz)), station.freq_hz))
    yield judge_crystal(combine(errors), source.settings.ppm)


def _configured(source: Source, patient: Patient) -> Finding:
    """Set what the site will use and read back what became of it."""
    if not source.info.tunable:
        return Finding("open", "ok", "doctor.opened_file", _about(source))
    settings = source.configure(
        sample_rate_hz=patient.sample_rate_hz, gain_db=patient.gain_db, ppm=patient.ppm
    )
    fields = _about(source) | {
        "gain_db": "-" if settings.gain_db is None else f"{settings.gain_db:.1f}"
    }
    asked = min(source.info.gains_db, key=lambda g: abs(g - patient.gain_db), default=None)
    if asked is not None and settings.gain_db is not None and abs(settings.gain_db - asked) > 0.05:
        fields["asked_db"] = f"{asked:.1f}"
        return Finding("open", "fail", "doctor.gain_refused", fields, "doctor.replug_remedy")
    measured = {"sample_rate_hz": settings.sample_rate_hz, "gain_db": settings.gain_db or 0.0}
    return Finding("open", "ok", "doctor.opened", fields, measured=measured)


def _about(source: Source) -> dict[str, object]:
    return {
        "tuner": source.info.tuner,
        "serial": source.info.serial,
        "rate": f"{source.settings.sample_rate_hz / 1e6:.3f}",
    }


def _recording(source: Source) -> Finding:
    """Read a piece of a recording: readable, and not clipped."""
    from sdr.calibrate import look_at

    try:
        block = source.read(round(0.2 * source.settings.sample_rate_hz))
        one = look_at(block)
    except (EndOfRecording, ValueError):
        return Finding("level", "fail", "doctor.recording_short", {})
    fields = {
        "clipped": f"{one.clipped_fraction:.2e}",
        "floor": f"{one.floor_dbfs_per_hz:.1f}",
    }
    verdict: Verdict = "warn" if one.clipped_fraction > CLIPPED else "ok"
    return Finding("level", verdict, "doctor.recording", fields)


def looks(source: Source, centers_hz: Sequence[float]) -> tuple[list[Look], list[float]]:
    """Look at every centre; those that the tuner cannot hold come second."""
    found, refused = [], []
    for center_hz in centers_hz:
        try:
            found.append(look(source, center_hz))
        except DeviceLost:
            raise
        except SourceError:
            refused.append(center_hz)
    return found, refused


def check_level(source: Source, own: Sequence[Look]) -> Finding:
    """Judge the gain in force by noise and clipping in the site's bands; look for a better one."""
    quiet = min(own, key=lambda one: one.floor_dbfs_per_hz)
    loud = max(own, key=lambda one: (one.clipped_fraction, float(one.power.max())))
    fields: dict[str, object] = {
        "gain_db": f"{source.settings.gain_db or 0:.1f}",
        "lsb": f"{quiet.floor_lsb:.1f}",
        "floor": f"{quiet.floor_dbfs_per_hz:.1f}",
        "clipped": f"{loud.clipped_fraction:.2%}",
        "freq": format_freq(round(loud.center_freq_hz, -5)),
    }
    # A handheld beside us may have spoken just then: what lasts, clips again.
    if loud.clipped_fraction > CLIPPED and _clips(source, loud):
        message, verdict = "doctor.level_clips", "fail"
    elif quiet.floor_lsb < QUIET_LSB:
        message, verdict = "doctor.level_low", "warn"
    elif quiet.floor_lsb > LOUD_LSB:
        message, verdict = "doctor.level_high", "warn"
    else:
        return Finding("level", "ok", "doctor.level", fields)
    better = better_gain(source, quiet, loud)
    if better == source.settings.gain_db:  # it cannot be better with this antenna
        return Finding("level", "ok" if verdict == "warn" else "fail", message, fields)
    fields["better_db"] = f"{better:.1f}"
    return Finding("level", cast("Verdict", verdict), message, fields, "doctor.level_remedy")


def _clips(source: Source, loud: Look) -> bool:
    return look(source, loud.center_freq_hz, 0.2).clipped_fraction > CLIPPED


def better_gain(source: Source, quiet: Look, loud: Look) -> float:
    """Highest gain whose noise is at most 2.5 LSB and at which the loudest band does not clip."""
    before_db = source.settings.gain_db
    try:
        for gain_db in reversed(source.info.gains_db):
            source.configure(gain_db=gain_db)
            if look(source, loud.center_freq_hz).clipped_fraction > CLIPPED / 10:
                continue
            if look(source, quiet.center_freq_hz).floor_lsb <= 2.5:
                return gain_db
        return source.info.gains_db[0]
    finally:
        with suppress(SourceError):
            source.configure(gain_db=before_db)


def _settling(source: Source, strong: Sequence[Station], quiet: Look) -> Settling | None:
    if not strong:
        return None
    station_hz = strong[0].freq_hz
    away_hz = [
        hz
        for hz in (quiet.center_freq_hz, station_hz + 60e6, source.info.freq_low_hz + 10e6)
        if abs(hz - station_hz) > 3e6
    ]
    return measure_settling(source, station_hz, away_hz)


def run(line: bytes, tell: Callable[[bytes], object]) -> None:
    """Examine the patient that a line of JSON names; the last line is ``null``."""
    patient = msgspec.json.decode(line, type=Patient)
    for finding in examine(patient):
        told = msgspec.structs.replace(finding, source=patient.source)
        tell(msgspec.json.encode(told) + b"\n")
    tell(b"null\n")


def _tell(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    run(sys.stdin.buffer.readline(), _tell)
