"""Write a recording as SigMF so that a crash leaves something that can be saved."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from dsp.iq import SAMPLE_TYPES
from dsp.values import IQBlock, SampleFormat
from sdr.recording import GAIN_FIELD, Annotation
from sdr.source import BadSource

DATATYPES: dict[SampleFormat, str] = {
    "cu8": "cu8",
    "cs8": "ci8",
    "ci16": "ci16_le",
    "cf32": "cf32_le",
}
"""Our names and SigMF's."""

EXTENSION = {"name": "rfproctor", "version": "1.0.0", "optional": True}
"""Namespace of `GAIN_FIELD`: the receiver's gain in decibels, in each capture.  The published
``capture_details`` has a gain too, but only beside a scale factor to real power, which an
uncalibrated receiver does not know."""


class Recorder:
    """A SigMF pair being written.

    The samples go into ``NAME.sigmf-data`` as they come, bit for bit.  While it is written,
    ``NAME.sigmf-meta.part`` already says what they are; `close` puts the full metadata (hash,
    gaps, annotations) in its place by one rename.  After a crash the data are whole up to the last
    block and the ``.part`` file, renamed, makes them readable.

    Parameters
    ----------
    path : str or Path
        With or without a SigMF ending.
    description, hardware : str
    gain_db : float or None
        Of the receiver; no standard field says it, so that ours carries it (`EXTENSION`).
    overwrite : bool
        False: refuse a name that is taken.

    Raises
    ------
    BadSource
        The name is taken or cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        description: str = "",
        hardware: str = "",
        gain_db: float | None = None,
        overwrite: bool = False,
    ) -> None:
        path = Path(path)
        base = path.name.removesuffix(".sigmf-meta").removesuffix(".sigmf-data")
        self.meta_path = path.with_name(base + ".sigmf-meta")
        self.data_path = path.with_name(base + ".sigmf-data")
        self._part_path = path.with_name(base + ".sigmf-meta.part")
        for taken in (self.meta_path, self.data_path):
            if taken.exists() and not overwrite:
                raise BadSource("source.exists", path=str(taken))
        try:
            self._file = self.data_path.open("wb")
        except OSError as error:
            raise self._write_failed(error) from None
        if overwrite:
            # Old metadata beside new samples would be a lie after a crash.
            self.meta_path.unlink(missing_ok=True)
        self._description, self._hardware, self._gain_db = description, hardware, gain_db
        self._hash = hashlib.sha512()
        self._first: IQBlock | None = None
        self._captures: list[dict[str, Any]] = []
        self._annotations: list[Annotation] = []
        self.num_samples = 0
        self.dropped_samples = 0

    def write(self, block: IQBlock) -> None:
        """Append a block; a gap before it becomes a capture of its own.

        Raises
        ------
        ValueError
            If the block has another format, rate or centre than the first.
        BadSource
            The disk is full.
        """
        first = self._first
        if first is None:
            self._first = first = block
            self._add_capture(block)
            self._write_meta(self._part_path)
        elif (block.sample_format, block.sample_rate_hz, block.center_freq_hz) != (
            first.sample_format,
            first.sample_rate_hz,
            first.center_freq_hz,
        ):
            raise ValueError(f"{block.center_freq_hz=} {block.sample_rate_hz=} do not continue")
        elif block.dropped_samples:
            self.dropped_samples += block.dropped_samples
            self._add_capture(block)
            self._write_meta(self._part_path)
        data = block.raw.astype(SAMPLE_TYPES[block.sample_format], copy=False).tobytes()
        try:
            self._file.write(data)
        except OSError as error:
            raise self._write_failed(error) from None
        self._hash.update(data)
        self.num_samples += block.num_samples

    def annotate(self, annotation: Annotation) -> None:
        """Add what is in it; written when the recording is closed."""
        self._annotations.append(annotation)

    def close(self) -> None:
        """Finish: samples to the disk, then the metadata; nothing recorded leaves nothing.

        Raises
        ------
        BadSource
            The disk is full; what fitted can be saved as after a crash.
        """
        if self._file.closed:
            return
        try:
            with self._file:
                self._file.flush()
                os.fsync(self._file.fileno())
            if self._first is None:
                self.data_path.unlink()
                return
            self._write_meta(self._part_path)
            self._part_path.replace(self.meta_path)
        except OSError as error:
            raise self._write_failed(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _write_failed(self, error: OSError) -> BadSource:
        """Name the file that could not be written and why."""
        reason = error.strerror or str(error)
        return BadSource("source.write_failed", path=str(self.data_path), reason=reason)

    def _add_capture(self, block: IQBlock) -> None:
        """Say where in time and in the receiver's count the next samples lie."""
        capture: dict[str, Any] = {
            "core:sample_start": self.num_samples,
            "core:global_index": block.sample_index,
            "core:frequency": block.center_freq_hz,
            "core:datetime": datetime_of(block.time_ns),
        }
        if self._gain_db is not None:
            capture[GAIN_FIELD] = self._gain_db
        self._captures.append(capture)

    def _write_meta(self, path: Path) -> None:
        """Write the metadata as known now."""
        assert self._first is not None
        top: dict[str, Any] = {
            "core:datatype": DATATYPES[self._first.sample_format],
            "core:sample_rate": self._first.sample_rate_hz,
            "core:version": "1.2.5",
            "core:recorder": f"rfproctor {version('rfproctor')}",
        }
        if self._hardware:
            top["core:hw"] = self._hardware
        if self._description:
            top["core:description"] = self._description
        if self._gain_db is not None:
            top["core:extensions"] = [EXTENSION]
        if self._file.closed:
            top["core:sha512"] = self._hash.hexdigest()
        annotations = sorted(self._annotations, key=lambda one: one.sample_start)
        metadata = {
            "global": top,
            "captures": self._captures,
            "annotations": [_annotation(one) for one in annotations],
        }
        with path.open("w", encoding="utf-8") as file:
            json.dump(metadata, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())


def datetime_of(time_ns: int) -> str:
    """UTC nanoseconds as RFC 3339 with all their digits.

    Examples
    --------
    >>> datetime_of(1_000_000_002)
    '1970-01-01T00:00:01.000000002Z'
    """
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _annotation(one: Annotation) -> dict[str, Any]:
    """SigMF's form of an annotation."""
    made: dict[str, Any] = {
        "core:sample_start": one.sample_start,
        "core:sample_count": one.sample_count,
        "core:freq_lower_edge": one.low_hz,
        "core:freq_upper_edge": one.high_hz,
        "core:generator": "rfproctor",
    }
    if one.label:
        made["core:label"] = one.label
    if one.comment:
        made["core:comment"] = one.comment
    return made
