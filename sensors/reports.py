"""What a dongle's process and the site's supervisor say to each other (loopback, same version)."""

from __future__ import annotations

import numpy as np
from msgspec import Struct, msgpack

from dsp.signals import Detection, Emitter
from dsp.values import Dwell, Grid, WindowName
from sdr.source import Settings, SourceInfo, UserError


class DwellReport(Struct, frozen=True, tag="dwell", array_like=True):
    """One dwell, what was detected in it and the emitters that this changed."""

    sensor: str
    hop: int
    start_hz: float
    bin_width_hz: float
    mean: bytes
    peak: bytes
    rbw_hz: float
    time_ns: int
    duration_s: float
    num_segments: int
    num_blocks: int
    clipped_fraction: float
    dropped_samples: int
    center_freq_hz: float
    window: WindowName
    overlap: float
    detections: list[Detection]
    emitters: list[Emitter]
    baseline: str  # hash that it was judged with; empty without one
    hop_s: float = 0.0  # what a hop takes, measured; 0 before that
    rhythms: dict[int, float] = {}  # repeat periods by emitter number, of these emitters

    @classmethod
    def of(
        cls,
        sensor: str,
        dwell: Dwell,
        detections: list[Detection],
        emitters: list[Emitter],
        baseline: str,
        hop_s: float = 0.0,
        rhythms: dict[int, float] | None = None,
    ) -> DwellReport:
        """Pack a dwell."""
        return cls(
            sensor=sensor,
            hop=dwell.hop,
            start_hz=dwell.grid.start_hz,
            bin_width_hz=dwell.grid.bin_width_hz,
            mean=dwell.mean.tobytes(),
            peak=dwell.peak.tobytes(),
            rbw_hz=dwell.rbw_hz,
            time_ns=dwell.time_ns,
            duration_s=dwell.duration_s,
            num_segments=dwell.num_segments,
            num_blocks=dwell.num_blocks,
            clipped_fraction=dwell.clipped_fraction,
            dropped_samples=dwell.dropped_samples,
            center_freq_hz=dwell.center_freq_hz,
            window=dwell.window,
            overlap=dwell.overlap,
            detections=detections,
            emitters=emitters,
            baseline=baseline,
            hop_s=hop_s,
            rhythms=rhythms or {},
        )

    def dwell(self) -> Dwell:
        """Unpack it."""
        mean = np.frombuffer(self.mean, dtype=np.float32)
        return Dwell(
            hop=self.hop,
            grid=Grid(self.start_hz, self.bin_width_hz, mean.shape[0]),
            mean=mean,
            peak=np.frombuffer(self.peak, dtype=np.float32),
            rbw_hz=self.rbw_hz,
            time_ns=self.time_ns,
            duration_s=self.duration_s,
            num_segments=self.num_segments,
            num_blocks=self.num_blocks,
            clipped_fraction=self.clipped_fraction,
            dropped_samples=self.dropped_samples,
            center_freq_hz=self.center_freq_hz,
            window=self.window,
            overlap=self.overlap,
        )


class StartReport(Struct, frozen=True, tag="start", array_like=True):
    """The source is open and set: requested and actual are two things."""

    sensor: str
    info: SourceInfo
    settings: Settings
    time_ns: int


class MissedHop(Struct, frozen=True, tag="missed", array_like=True):
    """A hop that could not be received although the dongle works: its tuner did not lock."""

    sensor: str
    hop: int
    message_id: str
    fields: dict[str, str]
    time_ns: int


class FaultReport(Struct, frozen=True, tag="fault", array_like=True):
    """The worker ends: why, as a message id with fields, and whether trying again may help."""

    sensor: str
    message_id: str
    fields: dict[str, str]
    retry: bool
    exit_code: int
    time_ns: int


class SiteFault(UserError):
    """No dongle of the site can work; it carries the words of the last one."""

    def __init__(self, report: FaultReport) -> None:
        super().__init__(report.message_id, **report.fields)
        self.exit_code = report.exit_code


class ClipReport(Struct, frozen=True, tag="clip", array_like=True):
    """Samples of an emitter were kept, or could not be (then ``message_id`` says why)."""

    sensor: str
    emitter: int
    time_ns: int
    files: list[str] = []
    manifest_sha256: str = ""
    start_ns: int = 0
    stop_ns: int = 0
    num_samples: int = 0
    dropped_samples: int = 0
    deleted: list[str] = []
    message_id: str = ""
    fields: dict[str, str] = {}
    asked: str = ""  # for whom, when the centre asked for it


class PauseReport(Struct, frozen=True, tag="pause", array_like=True):
    """The dongle was not heard for a moment, for a reason of our own."""

    sensor: str
    message_id: str
    time_ns: int


class EndReport(Struct, frozen=True, tag="end", array_like=True):
    """A recording has been read to its end."""

    sensor: str
    time_ns: int


Report = DwellReport | StartReport | MissedHop | FaultReport | ClipReport | PauseReport | EndReport

encode = msgpack.Encoder().encode
decode = msgpack.Decoder(Report).decode
