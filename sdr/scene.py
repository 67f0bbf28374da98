"""A simulated dongle in a simulated hall, tunable like a real one."""

from __future__ import annotations

import math

from dsp.values import IQBlock
from sdr.air import Air, Tuning
from sdr.pace import Pace
from sdr.scene_file import load_scene
from sdr.source import Settings, Source, SourceInfo
from sdr.tuner import (
    R820T_GAINS_DB,
    R820T_HIGH_HZ,
    R820T_LOW_HZ,
    check_freq,
    check_ppm,
    check_rate,
    nearest_gain,
)

BUFFER_S = 0.5
"""Samples that wait for a slow reader; older ones are lost and counted."""


class SceneSource(Source):
    """One sensor of a scene.

    Scene time is wall clock minus ``epoch_ns`` where paced, so that processes that are given the
    same epoch hear the same hall; unpaced it is samples read so far over the rate.

    Parameters
    ----------
    name_or_path : str
        A packaged scene or a file.
    uri : str
    sensor : str, optional
        Default: the scene's first.
    pace : bool
        False: as fast as it is read, with nothing lost.
    seed : int, optional
        Of the noise and the wide-band signals.
    epoch_ns : int, optional
        UTC of scene second 0; default now.
    exam_s : float, optional
        When the scene's ``exam`` begins; default as the scene says.

    Attributes
    ----------
    settle_s : float
        Passes after a retune before the first sample that is given.
    """

    def __init__(
        self,
        name_or_path: str,
        uri: str,
        *,
        sensor: str | None = None,
        pace: bool = True,
        seed: int | None = None,
        epoch_ns: int | None = None,
        exam_s: float | None = None,
    ) -> None:
        self._scene = load_scene(name_or_path, exam_s)
        self._sensor = self._scene.sensor(sensor)
        self._seed = 1 if seed is None else seed
        self._pace = Pace(epoch_ns, real_time=pace)
        self.settle_s = 0.01
        self._tuning = Tuning(100e6, 2.4e6, 40.2)
        self._air: Air | None = None
        self._listening = False
        self._opened_s = self._pace.elapsed_s()
        self._next = math.ceil(self._opened_s * self._tuning.sample_rate_hz)
        self._info = SourceInfo(
            uri=uri,
            kind="scene",
            serial=f"{self._scene.name}/{self._sensor.name}",
            tuner="simulated R820T",
            sample_format="cu8",
            tunable=True,
            freq_low_hz=R820T_LOW_HZ,
            freq_high_hz=R820T_HIGH_HZ,
            gains_db=R820T_GAINS_DB,
        )

    @property
    def info(self) -> SourceInfo:
        """What it is."""
        return self._info

    @property
    def settings(self) -> Settings:
        """What is in force now."""
        now = self._tuning
        return Settings(now.sample_rate_hz, now.gain_db, now.ppm, self.settle_s)

    def configure(
        self,
        *,
        sample_rate_hz: float | None = None,
        gain_db: float | None = None,
        ppm: float | None = None,
    ) -> Settings:
        """Set rate, gain (the nearest step) and correction.

        Raises
        ------
        BadSource
            For a rate or correction that an RTL2832U cannot make.
        """
        old = self._tuning
        if sample_rate_hz is not None:
            check_rate(self._info.uri, sample_rate_hz)
        if ppm is not None:
            check_ppm(ppm)
        self._set(
            Tuning(
                old.center_freq_hz,
                old.sample_rate_hz if sample_rate_hz is None else sample_rate_hz,
                old.gain_db if gain_db is None else nearest_gain(R820T_GAINS_DB, gain_db),
                old.ppm if ppm is None else ppm,
            )
        )
        return self.settings

    def tune(self, center_freq_hz: float) -> float:
        """Go to a frequency; what is read next was received after settling there.

        Raises
        ------
        BadSource
            Outside the tuner's range.
        """
        check_freq(self._info, center_freq_hz)
        old = self._tuning
        self._set(Tuning(center_freq_hz, old.sample_rate_hz, old.gain_db, old.ppm))
        return center_freq_hz

    def read(self, num_samples: int) -> IQBlock:
        """Return the next samples, waiting until the last of them has been on the air."""
        rate_hz = self._tuning.sample_rate_hz
        dropped = 0
        if not self._listening:
            self._set(self._tuning)  # nobody waited for samples before the first read
        if self._pace.real_time:
            oldest = math.ceil((self._pace.elapsed_s() - BUFFER_S) * rate_hz)
            dropped = max(0, oldest - self._next)
        if self._air is None:
            self._air = Air(self._scene, self._sensor, self._tuning, self._seed)
        first = self._next + dropped
        raw = self._air.raw(first, num_samples)
        self._next = first + num_samples
        self._pace.wait(self._next / rate_hz)
        return IQBlock(
            raw=raw,
            sample_format="cu8",
            center_freq_hz=self._tuning.center_freq_hz,
            sample_rate_hz=rate_hz,
            time_ns=self._pace.stamp_ns(first / rate_hz),
            sample_index=first - math.ceil(self._opened_s * rate_hz),
            dropped_samples=dropped,
        )

    def close(self) -> None:
        """Forget the tables."""
        self._air = None

    def _set(self, tuning: Tuning) -> None:
        """Settle: continue at a later moment of the scene, with nothing of the old setting."""
        passed_s = self._next / self._tuning.sample_rate_hz
        now_s = self._pace.elapsed_s() if self._pace.real_time else passed_s
        if tuning != self._tuning:
            self._air = None
        self._tuning = tuning
        self._listening = True
        self._next = math.ceil((now_s + self.settle_s) * tuning.sample_rate_hz)
