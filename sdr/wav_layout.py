"""I/Q recordings of SDR#, HDSDR, SDRuno and the like: a stereo WAV file, I left and Q right."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sdr.filename import guess_center
from sdr.recording import Capture, Layout
from sdr.source import BadSource

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
TYPES = {(PCM, 8): "u1", (PCM, 16): "<i2", (PCM, 32): "<i4", (FLOAT, 32): "<f4", (FLOAT, 64): "<f8"}
UNKNOWN_SIZE = 0xFFFFFFFF
"""Of a recording that grew beyond 4 GB or whose recorder did not end."""


def read_wav(
    path: Path, sample_rate_hz: float | None = None, center_freq_hz: float | None = None
) -> Layout:
    """Layout of a WAV file; its centre and date are in the ``auxi`` chunk, or in its name.

    Parameters
    ----------
    path : Path
    sample_rate_hz, center_freq_hz : float, optional
        Instead of what the file says.

    Raises
    ------
    BadSource
        No WAV file, not of two channels, of another sample type, or empty.
    """
    form: bytes | None = None
    data = center_hz = time_ns = None
    size = path.stat().st_size
    with path.open("rb") as file:
        for name, offset, length in _chunks(file, size):
            if name == b"fmt ":
                form = _read(file, offset, min(length, 40))
            elif name == b"auxi":
                center_hz, time_ns = _auxi(_read(file, offset, min(length, 164)))
            elif name == b"data":
                data = offset, min(length, size - offset)
    if form is None or len(form) < 16 or data is None:
        raise BadSource("source.wav_damaged", path=str(path))
    tag, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", form)
    if tag == EXTENSIBLE and len(form) >= 26:
        (tag,) = struct.unpack_from("<H", form, 24)
    if channels != 2:
        raise BadSource("source.wav_channels", path=str(path), channels=channels)
    if (tag, bits) not in TYPES:
        raise BadSource("source.wav_type", path=str(path), tag=tag, bits=bits)
    stored = np.dtype(TYPES[tag, bits])
    num_samples = data[1] // (2 * stored.itemsize)
    if not num_samples:
        raise BadSource("source.empty", path=str(path))
    center_hz = center_hz or guess_center(path)
    return Layout(
        path=path,
        stored=stored,
        sample_rate_hz=sample_rate_hz or float(rate_hz),
        center_freq_hz=center_freq_hz if center_freq_hz is not None else center_hz or 0.0,
        num_samples=num_samples,
        offset=data[0],
        captures=(Capture(0, 0, time_ns or 0),),
        dated=time_ns is not None,
    )


def _chunks(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and length of each chunk; the length of an unended one reaches to the end."""
    head = file.read(12)
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        return
    offset = 12
    while offset + 8 <= size:
        name, length = struct.unpack("<4sI", _read(file, offset, 8))
        offset += 8
        # Nothing comes after the samples that would matter.
        if name == b"data" and length in (0, UNKNOWN_SIZE):
            length = size - offset
        yield name, offset, length
        offset += length + length % 2


def _read(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def _auxi(chunk: bytes) -> tuple[float | None, int | None]:
    """Centre and UTC of the first sample as HDSDR and SDRuno write them: start, stop, hertz."""
    if len(chunk) < 36 or chunk[:1] == b"<" or chunk[:2] == b"\xff\xfe":
        return None, None
    (center_hz,) = struct.unpack_from("<I", chunk, 32)
    year, month, _, day, hour, minute, second, millisecond = struct.unpack_from("<8H", chunk)
    try:
        began = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return float(center_hz) or None, None
    return float(center_hz) or None, (int(began.timestamp()) * 1000 + millisecond) * 1_000_000
