"""Two tones of one FSK that are too far apart to touch each other: one emission."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dsp.blobs import Blob
from dsp.values import IQ
from dsp.window import window

TONES_HZ = 60e3
"""Tones of a narrow FSK are nearer to each other than this."""

SAME_ROWS = 5
ALTERNATE = -0.2
"""Correlation of the powers of two tones of which one is on when the other is off; four tones in
turn have -0.33, unrelated transmissions 0."""

LEAST_LOOKS = 12

MOST_BLOBS = 256
"""More in one block are pulses, of which none is looked at for tones."""


def with_their_tones(
    blobs: list[Blob], samples: IQ, nfft: int, row_samples: int, bin_width_hz: float
) -> list[Blob]:
    """Join the tones of one FSK that are too far apart to touch each other.

    Parameters
    ----------
    blobs : list of Blob
    samples : complex64, shape (n,)
        Of the block.
    nfft : int
        Bins over the whole band.
    row_samples : int
        Samples from one row to the next.
    bin_width_hz : float
    """
    if len(blobs) > MOST_BLOBS:
        return blobs
    most = round(TONES_HZ / bin_width_hz)
    found: list[Blob] = []
    for blob in sorted(blobs, key=lambda one: one.low_bin):
        near = [one for one in found if 0 < blob.low_bin - one.high_bin <= most]
        partner = next((o for o in near if _together(o, blob, samples, nfft, row_samples)), None)
        if partner is None:
            found.append(blob)
        else:
            found[found.index(partner)] = _union(partner, blob)
    return found


def _together(low: Blob, high: Blob, samples: IQ, nfft: int, row_samples: int) -> bool:
    """Whether they are on from and to the same moment, by turns."""
    same = abs(low.first_row - high.first_row) <= SAME_ROWS
    same &= abs(low.last_row - high.last_row) <= SAME_ROWS
    if not same:
        return False
    first, last = min(low.first_row, high.first_row), max(low.last_row, high.last_row)
    around = samples[first * row_samples : (last + 1) * row_samples]
    middles = [(one.low_bin + one.high_bin + 1) / 2 / nfft - 0.5 for one in (low, high)]
    return alternate(around, middles[0], middles[1])


def alternate(samples: IQ, low: float, high: float) -> bool:
    """Whether two frequencies are on by turns.

    A Hann window of twice the reciprocal of their distance just tells them apart.

    Parameters
    ----------
    samples : complex64, shape (n,)
    low, high : float
        Cycles per sample.
    """
    length = max(8, round(2 / (high - low)))
    looks = len(samples) // length
    if looks < LEAST_LOOKS:
        return False
    turns = np.arange(length) * 2j * np.pi
    taps = window("hann", length).taps
    matrix = np.stack([np.exp(-turns * low) * taps, np.exp(-turns * high) * taps], axis=1)
    frames = samples[: looks * length].reshape(looks, length)
    power = np.abs(frames @ matrix.astype(np.complex64)).astype(np.float64) ** 2
    first, second = (power - power.mean(axis=0)).T
    spread = float(np.sqrt((first @ first) * (second @ second)))
    return spread > 0 and float(first @ second) < ALTERNATE * spread


def _union(one: Blob, other: Blob) -> Blob:
    """Both in one box."""
    first, last = min(one.first_row, other.first_row), max(one.last_row, other.last_row)
    rows = np.zeros(last - first + 1, dtype=np.bool_)
    for blob in (one, other):
        rows[blob.first_row - first : blob.last_row - first + 1] |= blob.rows
    return replace(
        one,
        first_row=first,
        last_row=last,
        low_bin=min(one.low_bin, other.low_bin),
        high_bin=max(one.high_bin, other.high_bin),
        rows=rows,
        head=(min(one.head[0], other.head[0]), max(one.head[1], other.head[1])),
        tail=(min(one.tail[0], other.tail[0]), max(one.tail[1], other.tail[1])),
    )
