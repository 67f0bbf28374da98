"""A survey's baseline for a recording: refused where the receiver was set otherwise."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dsp.baseline import Baseline
from dsp.known import known_level
from dsp.values import Real
from sdr.frequency import format_freq
from sdr.recording import Recording
from sensors.survey import BaselineFault, load_survey

_GAIN = re.compile(r", (-?[0-9.]+) dB\b")
"""As `rfproctor record` wrote the receiver into ``core:hw`` before it had a field for the gain."""

SAME_GAIN_DB = 0.05


def baseline_for(path: str, sensor: str | None, recording: Recording) -> Baseline:
    """Take the baseline of a sensor, or the only one, and make sure that the recording fits.

    Raises
    ------
    BaselineFault
        No such file or sensor; another centre, sample rate or gain than the survey's.
    """
    baselines = load_survey(Path(path)).baselines
    known = ", ".join(baselines)
    if sensor is None and len(baselines) > 1:
        raise BaselineFault("analyze.which_sensor", file=path, known=known)
    sensor = sensor or known
    if sensor not in baselines:
        raise BaselineFault("baseline.other_sensor", file=path, sensor=sensor, known=known)
    baseline = baselines[sensor]
    identity, gain_db = baseline.identity, recorded_gain_db(recording)
    spans = [(c.grid.low_hz, c.grid.high_hz) for c in baseline.counts]
    center_hz, rate_hz = recording.center_freq_hz, recording.sample_rate_hz
    fields = {}
    if not any(low <= center_hz < high for low, high in spans):
        learned = f"{format_freq(min(spans)[0])}-{format_freq(max(spans)[1])}"
        fields = {"field": "center", "learned": learned, "now": format_freq(center_hz)}
    elif rate_hz != identity.sample_rate_hz:
        learned = format_freq(identity.sample_rate_hz)
        fields = {"field": "sample_rate", "learned": learned, "now": format_freq(rate_hz)}
    elif None not in (gain_db, identity.gain_db) and _differ(gain_db, identity.gain_db):
        learned, now = f"{identity.gain_db:g} dB", f"{gain_db:g} dB"
        fields = {"field": "gain", "learned": learned, "now": now}
    if fields:
        path = str(recording.layout.path)
        raise BaselineFault("analyze.other_conditions", path=path, sensor=sensor, **fields)
    return baseline


def _differ(gain_db: float | None, other_db: float | None) -> bool:
    """Whether two known gains are two."""
    return gain_db is not None and other_db is not None and abs(gain_db - other_db) > SAME_GAIN_DB


def recorded_gain_db(recording: Recording) -> float | None:
    """Gain that a recording says it was made with; None where it does not say."""
    if recording.layout.gain_db is not None:
        return recording.layout.gain_db
    said = _GAIN.search(recording.layout.hardware)
    return float(said[1]) if said else None


def known_bins(baseline: Baseline, recording: Recording, nfft: int) -> Real:
    """`dsp.known.known_level` for the bins of a recording, lowest first, shape (nfft,).

    A recording is as the receiver gave it: what the survey knows is seen through its filter.
    """
    offsets: npt.NDArray[np.float64] = np.arange(nfft) / nfft - 0.5
    level = known_level(baseline, recording.center_freq_hz + offsets * recording.sample_rate_hz)
    if baseline.response is None:
        return level
    places = np.linspace(0, len(baseline.response), nfft, endpoint=False)
    seen = np.interp(places, np.arange(len(baseline.response)), baseline.response)
    return level * seen.astype(np.float32)
