"""Raw receiver samples to complex numbers: the one converter of the project."""

from __future__ import annotations

import numpy as np

from dsp.values import IQ, Raw, Real, SampleFormat

SAMPLE_TYPES: dict[SampleFormat, np.dtype[np.generic]] = {
    "cu8": np.dtype(np.uint8),
    "cs8": np.dtype(np.int8),
    "ci16": np.dtype("<i2"),
    "cf32": np.dtype("<f4"),
}
"""Type of one I or Q value; little endian on every machine."""

FULL_SCALE: dict[SampleFormat, float] = {"cu8": 127.5, "cs8": 128.0, "ci16": 32768.0, "cf32": 1.0}
"""Value (after removing the offset) that reads 1.0."""

OFFSET: dict[SampleFormat, float] = {"cu8": 127.5, "cs8": 0.0, "ci16": 0.0, "cf32": 0.0}
"""Value that means zero: an unsigned byte's zero lies between two codes."""


def sample_bytes(sample_format: SampleFormat) -> int:
    """Bytes of one complex sample."""
    return 2 * SAMPLE_TYPES[sample_format].itemsize


def to_complex(raw: Raw, sample_format: SampleFormat, out: IQ | None = None) -> IQ:
    """Convert interleaved raw I, Q values to complex samples, full scale = 1.0.

    ``cu8`` is ``(v - 127.5) / 127.5``, so that 0 and 255 are the two end stops and no half-step
    of DC is added; signed integers are divided by 2**(bits - 1); ``cf32`` is taken as it is.

    Parameters
    ----------
    raw : ndarray, shape (2 * n,)
        In the type of `SAMPLE_TYPES`, never changed.
    sample_format : {"cu8", "cs8", "ci16", "cf32"}
    out : complex64, shape (n,), optional
        Filled and returned, to spare the allocation.

    Returns
    -------
    samples : complex64, shape (n,)

    Raises
    ------
    ValueError
        If ``raw`` has an odd length or another type, or ``out`` does not fit.

    Examples
    --------
    >>> to_complex(np.array([255, 0], dtype=np.uint8), "cu8").tolist()
    [(1-1j)]
    """
    if raw.dtype != SAMPLE_TYPES[sample_format]:
        raise ValueError(f"{sample_format=} is not {raw.dtype=}")
    if raw.ndim != 1 or raw.shape[0] % 2:
        raise ValueError(f"{raw.shape=} is not a row of I, Q pairs")
    if out is None:
        out = np.empty(raw.shape[0] // 2, dtype=np.complex64)
    elif out.dtype != np.complex64 or out.shape != (raw.shape[0] // 2,):
        raise ValueError(f"{out.shape=} {out.dtype=} does not fit {raw.shape=}")
    values = out.view(np.float32)
    # One pass in float32; going through float64 as other libraries do takes ten times as long.
    offset, scale = OFFSET[sample_format], FULL_SCALE[sample_format]
    if offset:
        np.subtract(raw, np.float32(offset), out=values, dtype=np.float32, casting="unsafe")
        values *= np.float32(1.0 / scale)
    else:
        np.multiply(raw, np.float32(1.0 / scale), out=values, dtype=np.float32, casting="unsafe")
    return out


def clipped_fraction(raw: Raw, sample_format: SampleFormat) -> float:
    """Share of the I and Q values at the converter's end stops; 0.0 for no samples.

    A ``cf32`` value counts where its magnitude is 1.0 or more.
    """
    if raw.shape[0] == 0:
        return 0.0
    if sample_format == "cf32":
        clipped = np.count_nonzero(np.abs(raw) >= 1.0)
    else:
        stops = np.iinfo(raw.dtype)
        if raw.min() > stops.min and raw.max() < stops.max:
            return 0.0  # the usual case, in half the time
        clipped = np.count_nonzero(raw == stops.min) + np.count_nonzero(raw == stops.max)
    return float(clipped / raw.shape[0])


def clipped_rows(raw: Raw, sample_format: SampleFormat, row_samples: int, num_rows: int) -> Real:
    """`clipped_fraction` of consecutive rows; 0 for ``cf32``, which has no end stops.

    Parameters
    ----------
    raw : ndarray, shape (2 * n,)
        The last row may reach beyond its end.
    sample_format : {"cu8", "cs8", "ci16", "cf32"}
    row_samples, num_rows : int

    Returns
    -------
    share : float32, shape (num_rows,)
    """
    share = np.zeros(num_rows, dtype=np.float32)
    if sample_format == "cf32" or clipped_fraction(raw, sample_format) == 0.0:
        return share  # the usual case
    for row in range(num_rows):
        part = raw[2 * row * row_samples : 2 * (row + 1) * row_samples]
        share[row] = clipped_fraction(part, sample_format)
    return share


def dc_offset(samples: IQ) -> complex:
    """Mean of the samples: the receiver's own carrier at the centre of the band.

    Summed in double precision, because a million float32 additions lose the last bits of a
    small offset.
    """
    if samples.shape[0] == 0:
        return 0j
    return complex(samples.mean(dtype=np.complex128))
