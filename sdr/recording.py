"""Read a recording of any length block by block: SigMF of any datatype, WAV, or headerless I/Q."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np

from dsp.iq import SAMPLE_TYPES, sample_bytes
from dsp.values import IQBlock, Raw, SampleFormat
from sdr.filename import guess_center_and_rate, guess_format
from sdr.source import BadSource, EndOfRecording

GAIN_FIELD = "rfproctor:gain_db"
"""Of a SigMF capture: the receiver's gain, as `sdr.recorder` writes it."""

MOST_FLOAT = 1e9
"""Scales differ; from here on the square of a sum of floats may overflow."""

SIGMF_SUFFIXES = (".sigmf-meta", ".sigmf-data", ".sigmf")


@dataclass(frozen=True, slots=True)
class Annotation:
    """What somebody says is in a recording.

    Attributes
    ----------
    sample_start, sample_count : int
    low_hz, high_hz : float
        Edges at radio frequency.
    label, comment : str
    """

    sample_start: int
    sample_count: int
    low_hz: float
    high_hz: float
    label: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Capture:
    """A stretch of a recording without a gap.

    Attributes
    ----------
    sample_start : int
        Position in the file.
    sample_index : int
        Position in what the receiver produced: larger by what was lost before.
    time_ns : int
        UTC of its first sample; counted from 0 where the recording does not say.
    """

    sample_start: int
    sample_index: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the samples of a recording lie and what they are.

    Attributes
    ----------
    path : Path
        The file that holds the samples.
    stored : numpy dtype
        Of one I or Q value in the file, in the file's byte order.
    sample_rate_hz, center_freq_hz : float
        The centre is 0 where the recording does not say.
    num_samples : int
    offset : int
        Bytes before the first sample.
    captures : tuple of Capture
        At least one, the first at sample 0.
    dated : bool
        Whether the recording says when it was made.
    annotations : tuple of Annotation
    hardware, description : str
    gain_db : float or None
        Of the receiver; None where the recording does not say or it changes.
    """

    path: Path
    stored: np.dtype[np.generic]
    sample_rate_hz: float
    center_freq_hz: float
    num_samples: int
    offset: int = 0
    captures: tuple[Capture, ...] = (Capture(0, 0, 0),)
    dated: bool = False
    annotations: tuple[Annotation, ...] = ()
    hardware: str = ""
    description: str = ""
    gain_db: float | None = None


class Recording:
    """An open recording, read from the front, never held in memory as a whole.

    Attributes
    ----------
    layout : Layout
    sample_format : SampleFormat
        What `read` gives: the file's own where that is cu8, ci8, ci16 or cf32, else ``cf32``.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.sample_format: SampleFormat = _delivered_format(layout.stored)
        self._file: BinaryIO = layout.path.open("rb")
        self._position = 0
        self.seek(0)

    @property
    def num_samples(self) -> int:
        """Complex samples in the file."""
        return self.layout.num_samples

    @property
    def sample_rate_hz(self) -> float:
        """Samples per second."""
        return self.layout.sample_rate_hz

    @property
    def center_freq_hz(self) -> float:
        """Where it was recorded; 0 where the recording does not say."""
        return self.layout.center_freq_hz

    @property
    def position(self) -> int:
        """Sample in the file that `read` gives next."""
        return self._position

    def seek(self, sample: int) -> None:
        """Continue at this sample of the file."""
        self._position = min(max(sample, 0), self.num_samples)
        size = 2 * self.layout.stored.itemsize
        self._file.seek(self.layout.offset + self._position * size)

    def read(self, num_samples: int) -> IQBlock:
        """Return the next samples; a block ends early at a gap and at the end.

        Raises
        ------
        EndOfRecording
            Nothing is left.
        BadSource
            The file became shorter while it was read.
        """
        if self._position >= self.num_samples:
            raise EndOfRecording
        captures = self.layout.captures
        number = max(i for i, c in enumerate(captures) if c.sample_start <= self._position)
        capture = captures[number]
        stop = captures[number + 1].sample_start if number + 1 < len(captures) else self.num_samples
        count = min(num_samples, stop - self._position)
        values = np.fromfile(self._file, dtype=self.layout.stored, count=2 * count)
        if values.shape[0] < 2 * count:
            raise BadSource(
                "source.truncated",
                path=str(self.layout.path),
                expected=self.num_samples,
                found=self._position + values.shape[0] // 2,
            )
        inside = self._position - capture.sample_start
        dropped = 0
        if inside == 0 and number > 0:
            before = captures[number - 1]
            gap = capture.sample_index - before.sample_index
            dropped = gap - (capture.sample_start - before.sample_start)
        block = IQBlock(
            raw=_deliver(values),
            sample_format=self.sample_format,
            center_freq_hz=self.center_freq_hz,
            sample_rate_hz=self.sample_rate_hz,
            time_ns=capture.time_ns + round(inside / self.sample_rate_hz * 1e9),
            sample_index=capture.sample_index + inside,
            dropped_samples=dropped,
        )
        self._position += count
        return block

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_recording(
    path: str | Path,
    sample_format: SampleFormat | None = None,
    sample_rate_hz: float | None = None,
    center_freq_hz: float | None = None,
) -> Recording:
    """Open a SigMF pair by either of its files, a WAV file, or a headerless file of I/Q values.

    The three options are for headerless files.  Where one is missing, the name is asked
    (``hall_433.92M_250k.cu8``); an unknown centre is 0 Hz.  For SigMF and WAV they are not needed;
    a given rate or centre wins over the recording's.

    Raises
    ------
    BadSource
        Missing, empty, truncated, with a wrong hash, of real values, or not described enough.
    """
    path = Path(path)
    if path.suffix in SIGMF_SUFFIXES:
        # jsonschema is only needed for SigMF and takes a quarter of a second to import.
        from sdr.sigmf_layout import read_layout

        return Recording(read_layout(path, sample_rate_hz, center_freq_hz))
    _check_file(path)
    if path.suffix.lower() == ".wav":
        from sdr.wav_layout import read_wav

        return Recording(read_wav(path, sample_rate_hz, center_freq_hz))
    named_center_hz, named_rate_hz = guess_center_and_rate(path)
    sample_format = sample_format or guess_format(path)
    rate_hz = sample_rate_hz or named_rate_hz
    if sample_format is None or not rate_hz:
        missing = [] if sample_format else ["--sample-format cu8|cs8|ci16|cf32 (format=)"]
        missing += [] if rate_hz else ["--sample-rate (rate=)"]
        raise BadSource("source.undescribed", path=str(path), missing=", ".join(missing))
    center_hz = center_freq_hz if center_freq_hz is not None else named_center_hz
    num_samples = path.stat().st_size // sample_bytes(sample_format)
    if num_samples == 0:
        raise BadSource("source.empty", path=str(path))
    return Recording(
        Layout(path, SAMPLE_TYPES[sample_format], rate_hz, center_hz or 0.0, num_samples)
    )


def _check_file(path: Path) -> None:
    """Refuse what is not a readable file, each fault in its own words."""
    if path.is_dir():
        raise BadSource("source.is_folder", path=str(path))
    try:
        with path.open("rb"):
            return
    except FileNotFoundError:
        raise BadSource("source.file_missing", path=str(path)) from None
    except OSError as error:
        raise BadSource(
            "source.file_unreadable", path=str(path), reason=error.strerror or str(error)
        ) from None


def _delivered_format(stored: np.dtype[np.generic]) -> SampleFormat:
    """Format in which values of this stored type are handed on."""
    native = stored.newbyteorder("<")
    for sample_format, kind in SAMPLE_TYPES.items():
        if kind == native:
            return sample_format
    return "cf32"


def _deliver(values: Raw) -> Raw:
    """Stored values in one of the four formats; what is not one of them becomes float32.

    As in `dsp.iq.to_complex`: unsigned zero lies between two codes, signed full scale is
    2**(bits - 1).
    """
    kind = values.dtype
    sample_format = _delivered_format(kind)
    if kind.kind == "f":
        values = _without_nonsense(values)
    if kind == SAMPLE_TYPES[sample_format]:
        return values
    if sample_format != "cf32" or kind.kind == "f":
        return values.astype(SAMPLE_TYPES[sample_format])
    full_scale = 2.0 ** (8 * kind.itemsize - 1)
    if kind.kind == "i":
        return (values / full_scale).astype(SAMPLE_TYPES["cf32"])
    middle = full_scale - 0.5
    return ((values - middle) / middle).astype(SAMPLE_TYPES["cf32"])


def _without_nonsense(values: Raw) -> Raw:
    """Silence for what no receiver gives: not a number, infinite, or beyond any scale."""
    with np.errstate(invalid="ignore"):
        sound = np.abs(values) <= MOST_FLOAT
    return values if sound.all() else np.where(sound, values, values.dtype.type(0))
