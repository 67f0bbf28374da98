"""A source that replays a recording, at the speed it was made or as fast as it is read."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from dsp.values import IQBlock
from sdr.frequency import format_freq
from sdr.pace import Pace
from sdr.recording import Layout, Recording
from sdr.source import BadSource, EndOfRecording, Settings, Source, SourceInfo

SAME_FREQUENCY_HZ = 1.0
"""Two centres closer than this are one: no tuner is more exact."""


class Replay(Source):
    """A recording as a source: one centre, one rate, no gain.

    Parameters
    ----------
    recording : Recording
        Closed together with the replay.
    uri : str
    pace : bool
        True: samples come when they would have come from the air; a slow reader loses nothing,
        he only falls behind.  False: as fast as they are read.
    loop : bool
        Start again at the end, with sample counts and times that go on.
    times : {"now", "recorded"} or int
        What the first sample is stamped: the moment of its first read, the recording's own date
        (now, where it has none), or this UTC in nanoseconds.
    """

    def __init__(
        self,
        recording: Recording,
        uri: str,
        *,
        pace: bool = True,
        loop: bool = False,
        times: Literal["now", "recorded"] | int = "now",
    ) -> None:
        self._recording = recording
        self._loop = loop
        self._real_time = pace
        self._pace: Pace | None = None
        first = recording.layout.captures[0]
        self._start_ns: int | None = None
        if isinstance(times, int):
            self._start_ns = times
        elif times == "recorded" and recording.layout.dated:
            self._start_ns = first.time_ns
        self._offset_samples = 0  # of the earlier rounds of a loop
        self._end_index = 0
        self._info = SourceInfo(
            uri=uri,
            kind="file",
            serial=recording.layout.path.name,
            tuner=recording.layout.hardware or "recording",
            sample_format=recording.sample_format,
            tunable=False,
            freq_low_hz=recording.center_freq_hz,
            freq_high_hz=recording.center_freq_hz,
        )

    @property
    def layout(self) -> Layout:
        """Of the recording."""
        return self._recording.layout

    @property
    def info(self) -> SourceInfo:
        """What it is."""
        return self._info

    @property
    def settings(self) -> Settings:
        """The recording's rate; it has no gain and nothing to correct."""
        return Settings(self._recording.sample_rate_hz, gain_db=None, ppm=0.0, settle_s=0.0)

    def configure(
        self,
        *,
        sample_rate_hz: float | None = None,
        gain_db: float | None = None,
        ppm: float | None = None,
    ) -> Settings:
        """Accept the recording's own rate; gain and correction were settled when it was made.

        Raises
        ------
        BadSource
            For another sample rate.
        """
        rate_hz = self._recording.sample_rate_hz
        if sample_rate_hz is not None and abs(sample_rate_hz - rate_hz) > 1e-6 * rate_hz:
            raise BadSource(
                "source.wrong_rate",
                uri=self._info.uri,
                rate=format_freq(sample_rate_hz),
                possible=format_freq(rate_hz),
            )
        return self.settings

    def tune(self, center_freq_hz: float) -> float:
        """Accept the recording's own centre and return it.

        Raises
        ------
        BadSource
            For another frequency.
        """
        center_hz = self._recording.center_freq_hz
        if abs(center_freq_hz - center_hz) > SAME_FREQUENCY_HZ:
            raise BadSource(
                "source.wrong_center",
                uri=self._info.uri,
                center=format_freq(center_hz),
                freq=format_freq(center_freq_hz),
            )
        return center_hz

    def read(self, num_samples: int) -> IQBlock:
        """Return the next samples, waiting until the last of them is due."""
        try:
            block = self._recording.read(num_samples)
        except EndOfRecording:
            if not self._loop:
                raise
            self._recording.seek(0)
            self._offset_samples = self._end_index
            block = self._recording.read(num_samples)
        index = block.sample_index + self._offset_samples
        self._end_index = index + block.num_samples
        if self._pace is None:
            self._pace = Pace(real_time=self._real_time)
        if self._start_ns is None:
            self._start_ns = self._pace.start_ns
        self._pace.wait(self._end_index / block.sample_rate_hz)
        time_ns = self._start_ns + round(index / block.sample_rate_hz * 1e9)
        return replace(block, sample_index=index, time_ns=time_ns)

    def close(self) -> None:
        """Close the recording."""
        self._recording.close()
