"""The samples of a recording that has arrived, and what its SigMF description says of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from msgspec import Struct, field

from dsp.iq import SAMPLE_TYPES, sample_bytes, to_complex
from dsp.values import IQ, SampleFormat

FORMATS: dict[str, SampleFormat] = {
    "cu8": "cu8",
    "ci8": "cs8",
    "ci16_le": "ci16",
    "cf32_le": "cf32",
}
BLOCK = 1 << 20
"""Samples in memory at a time."""


class Global(Struct, frozen=True):
    """What holds for the whole recording."""

    datatype: str = field(name="core:datatype")
    sample_rate_hz: float = field(name="core:sample_rate")


class Capture(Struct, frozen=True):
    """A stretch without a gap; ``index`` also counts what was received and not kept."""

    start: int = field(name="core:sample_start", default=0)
    index: int | None = field(name="core:global_index", default=None)
    center_freq_hz: float | None = field(name="core:frequency", default=None)


class Annotation(Struct, frozen=True):
    """The first one is the clip as a whole, the others are the bursts in it."""

    start: int = field(name="core:sample_start")
    count: int = field(name="core:sample_count", default=0)
    low_hz: float = field(name="core:freq_lower_edge", default=0.0)
    high_hz: float = field(name="core:freq_upper_edge", default=0.0)


class Description(Struct, frozen=True):
    """A recording's SigMF metadata, as far as it is used here."""

    about: Global = field(name="global")
    captures: list[Capture]
    annotations: list[Annotation] = []

    @property
    def num_samples(self) -> int:
        """The site annotates a clip as a whole."""
        return max((one.start + one.count for one in self.annotations), default=0)

    @property
    def num_bytes(self) -> int:
        """Of the samples; 0 in a format that is not ours."""
        kind = FORMATS.get(self.about.datatype)
        return self.num_samples * sample_bytes(kind) if kind else 0

    @property
    def center_freq_hz(self) -> float | None:
        """Of the receiver."""
        return self.captures[0].center_freq_hz if self.captures else None

    @property
    def band(self) -> tuple[float, float]:
        """Edges of the emission; (0, 0) where the site did not say."""
        return next(((a.low_hz, a.high_hz) for a in self.annotations), (0.0, 0.0))


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive samples: place in the file, and seconds after the first sample of all."""

    first: int
    count: int
    start_s: float


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that was compared with what its site signed.

    Attributes
    ----------
    name : str
    sensor : str
    signed_sha256 : str
    start_ns : int
    description : Description
    file : BinaryIO
        The samples, open for reading.
    num_samples : int
    """

    name: str
    sensor: str
    signed_sha256: str
    start_ns: int
    description: Description
    file: BinaryIO
    num_samples: int

    def stretches(self) -> list[Stretch]:
        """Its parts without a gap, in order."""
        captures = self.description.captures or [Capture()]
        rate_hz = self.description.about.sample_rate_hz
        ends = [capture.start for capture in captures[1:]] + [self.num_samples]
        zero = captures[0].index or 0
        return [
            Stretch(
                capture.start,
                end - capture.start,
                (capture.start if capture.index is None else capture.index - zero) / rate_hz,
            )
            for capture, end in zip(captures, ends, strict=True)
            if end > capture.start
        ]

    def seconds_at(self, sample: int) -> float:
        """When a sample was received, in seconds after the first one."""
        rate_hz = self.description.about.sample_rate_hz
        inside = [s for s in self.stretches() if s.first <= sample]
        return inside[-1].start_s + (sample - inside[-1].first) / rate_hz if inside else 0.0

    def read(self, first: int, count: int) -> Iterator[IQ]:
        """Samples in blocks of `BLOCK`, the last one shorter."""
        kind = FORMATS[self.description.about.datatype]
        step = sample_bytes(kind)
        self.file.seek(first * step)
        while count > 0 and (raw := self.file.read(min(count, BLOCK) * step)):
            values = np.frombuffer(raw[: len(raw) // step * step], dtype=SAMPLE_TYPES[kind])
            yield to_complex(values, kind)
            count -= values.shape[0] // 2
