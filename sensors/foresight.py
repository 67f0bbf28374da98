"""A recording is heard a little ahead of its replay: its dwells are judged as `analyze` does.

A receiver looks twice at what is new; a recording cannot be looked at again.  But what comes after
tells the receiver's own lines, hum and splatter from transmissions.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Self

from dsp.burst import BurstFinder
from dsp.signals import Detection, Emission
from dsp.values import Dwell, IQBlock
from sdr.recording import Layout, Recording
from sdr.replay import Replay
from sdr.source import EndOfRecording, Source
from sensors.findings import prime

AHEAD_S = 0.6
"""A little more than the finder's block."""

STEP_S = 0.25
SLACK_HZ = 2500.0
KEPT_S = 2.0
"""Emissions that ended so long before are forgotten."""


class Foresight:
    """What `dsp.burst` finds around each dwell of a recording.  A context manager.

    Parameters
    ----------
    source : Source
        A receiver has no future: everything stands.
    """

    def __init__(self, source: Source) -> None:
        self._recording = Recording(source.layout) if isinstance(source, Replay) else None
        self._finder: BurstFinder | None = None
        self._ended: list[Emission] = []
        self._heard_s = 0.0
        self._over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._recording is not None:
            self._recording.close()

    def sift(self, block: IQBlock, dwell: Dwell, detections: list[Detection]) -> list[Detection]:
        """Keep what belongs to an emission, and of each emission one detection of its width.

        Parameters
        ----------
        block : IQBlock
            The dwell's samples.
        dwell : Dwell
        detections : list of Detection
        """
        if self._recording is None or not detections:
            return detections
        start_s = _place(self._recording.layout, block.sample_index) / block.sample_rate_hz
        kept: list[Detection] = []
        for emission in self._around(self._recording, start_s, start_s + dwell.duration_s):
            parts = [one for one in detections if _touch(one, emission)]
            if parts:
                kept.append(_whole(parts, emission, dwell))
        return kept

    def _around(self, recording: Recording, start_s: float, stop_s: float) -> list[Emission]:
        """Emissions that are on in this time."""
        rate_hz = recording.sample_rate_hz
        finder = self._finder
        if finder is None or start_s + KEPT_S < self._heard_s - AHEAD_S - STEP_S:
            finder = self._begin(recording)  # also where a loop begins anew
        while not self._over and self._heard_s < stop_s + AHEAD_S:
            try:
                block = recording.read(round(STEP_S * rate_hz))
            except EndOfRecording:
                self._over = True
                self._ended += finder.finish()
                break
            self._ended += finder.feed(block.raw)
            self._heard_s = recording.position / rate_hz
        if not self._over:
            self._ended = [one for one in self._ended if one.stop_s > start_s - KEPT_S]
        both = [*self._ended, *finder.ongoing()]
        return [one for one in both if one.start_s < stop_s and one.stop_s > start_s]

    def _begin(self, recording: Recording) -> BurstFinder:
        """Hear it from the front."""
        self._finder = BurstFinder(
            recording.sample_rate_hz,
            recording.center_freq_hz,
            sample_format=recording.sample_format,
        )
        prime(self._finder, recording)
        self._ended, self._heard_s, self._over = [], 0.0, False
        return self._finder


def _place(layout: Layout, sample_index: int) -> int:
    """Sample of the file; a loop counts on, and lost samples are counted too."""
    last = layout.captures[-1]
    sample_index %= last.sample_index + layout.num_samples - last.sample_start
    capture = max(
        (one for one in layout.captures if one.sample_index <= sample_index),
        key=lambda one: one.sample_index,
        default=layout.captures[0],
    )
    return min(layout.num_samples - 1, capture.sample_start + sample_index - capture.sample_index)


def _touch(detection: Detection, emission: Emission) -> bool:
    """Whether a detection lies in an emission's band."""
    reach = emission.bandwidth_hz / 2 + SLACK_HZ
    low, high = emission.center_freq_hz - reach, emission.center_freq_hz + reach
    return detection.low_hz < high and detection.high_hz > low


def _whole(parts: list[Detection], emission: Emission, dwell: Dwell) -> Detection:
    """One detection for all parts: where the dwell shows it in pieces, the emission knows more."""
    best = max(parts, key=lambda one: one.power_dbfs)
    if len(parts) == 1 and best.bandwidth_hz < 2 * emission.bandwidth_hz:
        return best
    half = emission.bandwidth_hz / 2
    power = sum(10 ** (one.power_dbfs / 10) for one in parts)
    return replace(
        best,
        center_freq_hz=emission.center_freq_hz,
        bandwidth_hz=emission.bandwidth_hz,
        low_hz=max(emission.center_freq_hz - half, dwell.grid.low_hz),
        high_hz=min(emission.center_freq_hz + half, dwell.grid.high_hz),
        power_dbfs=10 * math.log10(power),
    )
