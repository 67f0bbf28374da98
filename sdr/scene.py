"""A simulated dongle in a simulated hall, tunable like a real one."""

from __future__ import annotations

import math
from pathlib import Path

from dsp.values import IQBlock
from sdr.air import Air, Tuning
from sdr.pace import Pace
from sdr.scene_file import load_scene
from sdr.source import BadSource, SourceInfo
from sdr.tuner import R820T_GAINS_DB, R820T_HIGH_HZ, R820T_LOW_HZ, TunedSource, check_freq

BUFFER_S = 0.5
"""Samples that wait for a slow reader; older ones are lost and counted."""
NEVER_S = 1e9
"""Scene time of an exam that nobody has begun yet."""


class SceneSource(TunedSource):
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
    exam_file : str, optional
        Somebody else will say when: it has not begun until this file is there with its scene
        second.

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
        exam_file: str | None = None,
    ) -> None:
        self._name = name_or_path
        self._exam_file = Path(exam_file) if exam_file else None
        self._scene = load_scene(name_or_path, NEVER_S if exam_file else exam_s)
        self._sensor = self._scene.sensor(sensor)
        self._seed = 1 if seed is None else seed
        self._pace = Pace(epoch_ns, real_time=pace)
        self.settle_s = 0.01
        self._center_hz, self._rate_hz, self._gain_db, self._ppm = 100e6, 2.4e6, 40.2, 0.0
        self._tuning = self._wanted()
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

    def tune(self, center_freq_hz: float) -> float:
        """Go to a frequency; what is read next was received after settling there.

        Raises
        ------
        BadSource
            Outside the tuner's range.
        """
        check_freq(self._info, center_freq_hz)
        self._center_hz = center_freq_hz
        self._settle()
        return center_freq_hz

    def read(self, num_samples: int) -> IQBlock:
        """Return the next samples, waiting until the last of them has been on the air."""
        rate_hz = self._tuning.sample_rate_hz
        dropped = 0
        if self._exam_file is not None and self._exam_file.is_file():
            self._begin_exam(self._exam_file)
        if not self._listening:
            self._settle()  # nobody waited for samples before the first read
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

    def _set_rate(self, sample_rate_hz: float) -> float:
        return sample_rate_hz

    def _set_gain(self, gain_db: float) -> float:
        return gain_db

    def _set_ppm(self, ppm: float) -> None:
        pass  # `_settle` takes everything at once

    def _wanted(self) -> Tuning:
        return Tuning(self._center_hz, self._rate_hz, self._gain_db, self._ppm)

    def _begin_exam(self, file: Path) -> None:
        try:
            self._scene = load_scene(self._name, float(file.read_text("utf-8")))
        except (OSError, ValueError) as error:
            raise BadSource("source.file_unreadable", path=str(file), reason=str(error)) from None
        self._exam_file = self._air = None

    def _settle(self) -> None:
        """Continue at a later moment of the scene, with nothing of the old setting."""
        tuning = self._wanted()
        passed_s = self._next / self._tuning.sample_rate_hz
        now_s = self._pace.elapsed_s() if self._pace.real_time else passed_s
        if tuning != self._tuning:
            self._air = None
        self._tuning = tuning
        self._listening = True
        self._next = math.ceil((now_s + self.settle_s) * tuning.sample_rate_hz)
