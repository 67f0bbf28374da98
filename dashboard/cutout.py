"""A recording as a picture: the waterfall around the emission, and its spectrum before and during.

Every pixel is the maximum of what is under it; time in which the receiver was elsewhere stays
unseen.  The first seconds are from before the emission was found: that is how it was switched on.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from typing import Annotated

import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct

from dashboard.evidence import Evidence
from dashboard.recorder import OFFSET_DB, STEP_DB
from dashboard.samples import Recording
from dsp.window import window
from sensors.messages import Freq

MOST_S = 120.0
"""Of samples that are looked at; a longer recording is shown as far as this."""
SHORTEST_ROW_S = 0.01
"""A picture is levels, not content: neither speech nor a pager's bits survive rows so long."""
WIDTHS, LEAST_HZ = 10.0, 100e3
"""Window around an emission when none is asked for, as the page jumps to it."""
KEPT = 32
"""Pictures that are remembered; the one asked for longest ago is forgotten first."""

Sums = npt.NDArray[np.float64]


class CutoutQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """``GET .../waterfall``: a window, 0 for around the emission, and its size in pixels."""

    start_hz: Freq = 0.0
    stop_hz: Freq = 0.0
    width: Annotated[int, Meta(ge=1, le=2048)] = 600
    height: Annotated[int, Meta(ge=1, le=1024)] = 300


class Cutout(Struct, frozen=True):
    """A recording as a picture.

    Attributes
    ----------
    low_hz, high_hz : float
        Edges of the emission.
    bursts : list of (start_ns, stop_ns)
        When it was on the air, as the site found.
    levels : bytes
        ``height`` rows of ``width`` codes, as in `dashboard.answers.Waterfall`.
    before, during : bytes
        Mean level of each column outside and inside the bursts; 0 where there is no such time.
    """

    sensor: str
    start_ns: int
    stop_ns: int
    start_hz: float
    stop_hz: float
    width: int
    height: int
    offset_db: float
    step_db: float
    low_hz: float
    high_hz: float
    bursts: list[tuple[int, int]]
    levels: bytes
    before: bytes
    during: bytes


class Cutouts:
    """Pictures of recordings, one made at a time and the latest remembered.

    Parameters
    ----------
    evidence : Evidence
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._lock = threading.Lock()
        self._made: OrderedDict[tuple[str, CutoutQuery], Cutout] = OrderedDict()

    def of(self, alarm_id: str, clip: str, query: CutoutQuery, author: str) -> Cutout:
        """Picture of a recording.

        Raises
        ------
        Refused
            As `Evidence.open_recording`.
        """
        with self._evidence.open_recording(alarm_id, clip, author) as recording, self._lock:
            key = (recording.signed_sha256, query)
            found = self._made.pop(key, None) or draw(recording, query)
            self._made[key] = found
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
            return found


def draw(recording: Recording, query: CutoutQuery) -> Cutout:
    """Transform a whole recording."""
    # scipy is 19 MB, which a monitor need not spend before somebody looks at a recording.
    from dsp.psd import frame_power

    about = recording.description
    rate_hz, middle_hz = about.about.sample_rate_hz, about.center_freq_hz or 0.0
    low_hz, high_hz = about.band
    start_hz, stop_hz = query.start_hz, query.stop_hz
    if stop_hz <= start_hz:
        half_hz = max(WIDTHS * (high_hz - low_hz), LEAST_HZ) / 2
        start_hz, stop_hz = (low_hz + high_hz) / 2 - half_hz, (low_hz + high_hz) / 2 + half_hz
    start_hz = max(start_hz, middle_hz - rate_hz / 2)
    stop_hz = max(min(stop_hz, middle_hz + rate_hz / 2), start_hz + rate_hz / 4096)
    stretches = recording.stretches()
    total_s = min(max((s.start_s + s.count / rate_hz for s in stretches), default=0.0), MOST_S)
    height = max(1, min(query.height, math.ceil(total_s / SHORTEST_ROW_S)))
    bursts = [
        (recording.seconds_at(b.start), recording.seconds_at(b.start + b.count - 1))
        for b in about.annotations[1:]
    ]
    columns = _Columns(rate_hz, start_hz - middle_hz, stop_hz - middle_hz, query.width)
    picture = np.zeros((height, query.width), dtype=np.float32)
    sums = np.zeros((2, query.width))
    counts = [0, 0]
    for stretch in stretches:
        at_s = stretch.start_s
        for block in recording.read(stretch.first, stretch.count):
            if at_s >= total_s or block.shape[0] < columns.nfft:
                break
            power = columns.of(frame_power(block, columns.window, columns.nfft // 2))
            times_s = at_s + (np.arange(power.shape[0]) + 1) * columns.nfft / 2 / rate_hz
            rows = np.minimum(times_s / total_s * height, height - 1).astype(np.intp)
            np.maximum.at(picture, rows, power)
            on = np.zeros(rows.shape[0], dtype=np.bool_)
            for first_s, last_s in bursts:
                on |= (times_s >= first_s) & (times_s <= last_s)
            for index, wanted in enumerate((~on, on)):
                sums[index] += power[wanted].sum(axis=0, dtype=np.float64)
                counts[index] += int(wanted.sum())
            at_s += block.shape[0] / rate_hz
    before, during = (sums[k] / max(counts[k], 1) for k in (0, 1))
    return Cutout(
        sensor=recording.sensor,
        start_ns=recording.start_ns,
        stop_ns=recording.start_ns + round(total_s * 1e9),
        start_hz=start_hz,
        stop_hz=stop_hz,
        width=query.width,
        height=height,
        offset_db=OFFSET_DB,
        step_db=STEP_DB,
        low_hz=low_hz,
        high_hz=high_hz,
        bursts=[(_ns(recording, a), _ns(recording, b)) for a, b in bursts],
        levels=_codes(picture),
        before=_codes(before),
        during=_codes(during),
    )


class _Columns:
    """Bins of a transform to columns of a picture, each the maximum of the bins under it."""

    def __init__(self, rate_hz: float, start_hz: float, stop_hz: float, width: int) -> None:
        fine = math.ceil(math.log2(max(rate_hz * width / (stop_hz - start_hz), 256)))
        self.nfft = min(2**fine, 16_384)
        self.window = window("hann", self.nfft)
        edges = np.linspace(start_hz, stop_hz, width + 1) / rate_hz * self.nfft + self.nfft / 2
        self._first = np.clip(np.floor(edges[:-1]).astype(np.intp), 0, self.nfft - 1)
        stop = np.clip(np.ceil(edges[1:]).astype(np.intp), 1, self.nfft)
        self._most = int((stop - self._first).max())
        self._last = np.maximum(stop - 1, self._first)

    def of(self, power: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Columns of every frame."""
        made = power[:, self._first]
        for offset in range(1, self._most):
            np.maximum(made, power[:, np.minimum(self._first + offset, self._last)], out=made)
        return made


def _codes(power: npt.NDArray[np.float32] | Sums) -> bytes:
    """Levels as codes; 0 where nothing was seen."""
    with np.errstate(divide="ignore"):
        codes = np.round((10 * np.log10(power) - OFFSET_DB) / STEP_DB)
    return np.where(power > 0, np.clip(codes, 1, 255), 0).astype(np.uint8).tobytes()


def _ns(recording: Recording, seconds: float) -> int:
    return recording.start_ns + round(seconds * 1e9)
