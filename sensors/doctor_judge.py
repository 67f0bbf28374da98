"""Verdicts from measurements of a receiver; nothing is measured here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sdr.calibrate import GainStep, Look, Settling, Station
from sdr.flow import Flow
from sdr.frequency import format_freq
from sdr.ppm import CrystalError
from sensors.doctor import Finding, Verdict

LATE_S = 1.5e-3
"""More than 100 ppm of crystal error and the scheduler make in some seconds."""

FLAT_DB = 6.0
"""The noise of a live tuner rises by far more over its whole range of gains."""

WIDE_DB = 6.0
SMALL_PPM, LARGE_PPM = 3.0, 150.0
UNSURE_PPM = 5.0
SLOW_SETTLE_S = 0.05


def judge_flow(flow: Flow) -> Finding:
    """Judge whether every sample arrived."""
    fields = {
        "seconds": f"{flow.seconds:.1f}",
        "rate": f"{flow.num_samples / flow.seconds / 1e6:.3f}",
        "dropped": flow.dropped,
        "jumps": "-" if flow.jumps is None else flow.jumps,
        "late_ms": f"{1000 * flow.late_s:.1f}",
        "short": flow.short_transfers,
        "missing": max(flow.dropped, round(flow.late_s * flow.num_samples / flow.seconds)),
    }
    if flow.jumps or flow.dropped or flow.late_s > LATE_S:
        return Finding("flow", "fail", "doctor.flow_lost", fields, "doctor.flow_remedy")
    if flow.short_transfers:
        return Finding("flow", "warn", "doctor.flow_short", fields, "doctor.flow_remedy")
    counted = "doctor.flow" if flow.jumps is None else "doctor.flow_counted"
    return Finding("flow", "ok", counted, fields)


def judge_lock(good: int, refused: Sequence[float]) -> Finding:
    """Judge whether the tuner held every frequency that the site will use."""
    fields = {
        "count": good + len(refused),
        "bad": len(refused),
        "refused": ", ".join(format_freq(round(hz, -5)) for hz in refused[:5]),
    }
    if refused:
        return Finding("lock", "fail", "doctor.lock_refused", fields, "doctor.lock_remedy")
    return Finding("lock", "ok", "doctor.lock", fields)


def judge_antenna(stations: Sequence[Station], everything: Sequence[Look]) -> Finding:
    """Judge whether anything at all is heard: broadcasting, television or cellular downlinks."""
    lowest = min(one.floor_dbfs_per_hz for one in everything)
    wide = [one for one in everything if one.floor_dbfs_per_hz > lowest + WIDE_DB]
    fields: dict[str, object] = {"stations": len(stations), "wide": len(wide)}
    if stations:
        fields |= {"freq": format_freq(stations[0].freq_hz), "snr": f"{stations[0].snr_db:.0f}"}
        return Finding("antenna", "ok", "doctor.antenna", fields)
    if wide:
        fields |= {"freq": format_freq(round(wide[0].center_freq_hz, -5))}
        return Finding("antenna", "ok", "doctor.antenna_wide", fields)
    return Finding("antenna", "fail", "doctor.antenna_none", fields, "doctor.antenna_remedy")


def judge_gains(steps: Sequence[GainStep]) -> Finding:
    """Judge whether the gain acts, and whether the dongle sets what it was told."""
    wrong = [s for s in steps if abs(s.gain_db - s.asked_db) > 0.05]
    rise_db = max(s.floor_dbfs_per_hz for s in steps) - min(s.floor_dbfs_per_hz for s in steps)
    fields = {
        "low_db": f"{steps[0].asked_db:.0f}",
        "high_db": f"{steps[-1].asked_db:.0f}",
        "rise_db": f"{rise_db:.1f}",
        "low_floor": f"{steps[0].floor_dbfs_per_hz:.0f}",
        "high_floor": f"{steps[-1].floor_dbfs_per_hz:.0f}",
        "wrong": ", ".join(f"{s.asked_db:g}: {s.gain_db:g}" for s in wrong[:4]),
    }
    if wrong:
        return Finding("gain", "fail", "doctor.gain_wrong", fields, "doctor.replug_remedy")
    if rise_db < FLAT_DB:
        return Finding("gain", "fail", "doctor.gain_flat", fields, "doctor.deaf_remedy")
    return Finding("gain", "ok", "doctor.gain", fields)


def judge_settling(settling: Settling | None, discarded_s: float) -> Finding:
    """Judge whether what is discarded after a retune is enough."""
    if settling is None:
        return Finding("settle", "skip", "doctor.settle_unknown", {}, "")
    fields = {
        "settle_ms": f"{1000 * settling.settle_s:.1f}",
        "tune_ms": f"{1000 * settling.tune_s:.1f}",
        "discarded_ms": f"{1000 * discarded_s:.1f}",
    }
    measured = {
        "settle_s": settling.settle_s,
        "settle_spread_s": settling.spread_s,
        "tune_s": settling.tune_s,
    }
    message, verdict, remedy = "doctor.settle", "ok", ""
    if settling.settle_s > max(discarded_s, 1e-3):
        message, verdict, remedy = "doctor.settle_long", "fail", "doctor.settle_remedy"
    elif settling.settle_s + settling.tune_s > SLOW_SETTLE_S:
        verdict, remedy = "warn", "doctor.settle_slow_remedy"
    return Finding("settle", cast("Verdict", verdict), message, fields, remedy, measured=measured)


def judge_crystal(error: CrystalError | None, in_force_ppm: float) -> Finding:
    """Judge the frequency error that is left with the correction in force."""
    if error is None:
        return Finding("crystal", "skip", "doctor.crystal_unknown", {}, "")
    fields = {
        "ppm": f"{error.ppm:+.1f}",
        "sigma": f"{error.sigma_ppm:.1f}",
        "total": f"{error.ppm + in_force_ppm:.1f}",
        "stations": max(error.carriers, error.pilots),
        "khz": f"{abs(error.ppm) * 500e6 * 1e-9:.1f}",
    }
    measured = {"ppm": error.ppm + in_force_ppm, "sigma_ppm": error.sigma_ppm}
    message, verdict, remedy = "doctor.crystal", "ok", ""
    if error.sigma_ppm > UNSURE_PPM:
        message, verdict = "doctor.crystal_unsure", "warn"
    elif abs(error.ppm) > LARGE_PPM:
        verdict, remedy = "fail", "doctor.crystal_broken_remedy"
    elif abs(error.ppm) > max(SMALL_PPM, 2 * error.sigma_ppm):
        verdict, remedy = "warn", "doctor.crystal_remedy"
    return Finding("crystal", cast("Verdict", verdict), message, fields, remedy, measured=measured)
