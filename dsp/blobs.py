"""Marked cells to blobs: those of one stretch that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from dsp.floor import Floor
from dsp.marks import Mask
from dsp.tiles import Tiles
from dsp.values import Real

LINE_BINS = 9
BRIDGE_ROWS = 8
BRIDGE_BINS = 3
END_ROWS = 4

LONG_ROWS = 24
SELDOM = 0.5
LASTING = 0.6
VALLEY = 10**-1.2
"""Two channels are bridged now and then, by loud syllables, and the power between them is 12 dB
less; one emission hangs together."""


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """Connected cells of one stretch.

    Attributes
    ----------
    first_row, last_row, low_bin, high_bin : int
        Bounding box, both ends included.
    rows : bool, shape (last_row - first_row + 1,)
        Rows in which it has cells.
    head, tail : tuple of int
        Lowest and highest bin in its first and in its last rows: where a drifting carrier came
        from and where it goes.
    """

    first_row: int
    last_row: int
    low_bin: int
    high_bin: int
    rows: Mask
    head: tuple[int, int]
    tail: tuple[int, int]


def blobs(marked: Mask, tile: Tiles, floor: Floor) -> list[Blob]:
    """Join cells across keying gaps and small holes, and box what is connected.

    An emission on both sides of a steady line is one; so is a wide emission that never pauses,
    whatever pattern its pilots draw inside it.

    Parameters
    ----------
    marked : bool, shape (n_rows, nfft)
        From `mark`; the cells of steady emissions are added.
    """
    _mark_steady(marked, tile.mean, floor)
    if not marked.any():
        return []
    columns = np.flatnonzero(marked.any(axis=0))
    first, last = int(columns[0]), int(columns[-1])
    part = marked[:, first : last + 1]
    joined = _bridge_time(part, BRIDGE_ROWS)
    joined = ndimage.maximum_filter1d(joined, 2 * (BRIDGE_BINS // 2) + 1, axis=1)
    _bridge_lines(joined, floor.line[first : last + 1])
    labels, count = ndimage.label(joined, structure=np.ones((3, 3), dtype=int))
    labels[~part] = 0
    found = []
    for number, box in enumerate(ndimage.find_objects(labels, max_label=count), start=1):
        cells = labels[box] == number
        for a, b in channels(cells, tile.mean[box[0], first:][:, box[1]]):
            found.append(_blob(cells[:, a : b + 1], box[0].start, first + box[1].start + a))
    return found


def channels(cells: Mask, power: Real) -> list[tuple[int, int]]:
    """First and last column of each part of a blob whose parts hardly ever touch.

    Parameters
    ----------
    cells : bool, shape (n_rows, n_bins)
    power : float32, shape (n_rows, n_bins)

    Returns
    -------
    list of (first, last)
        All columns in one, or several with the seldom marked ones between them left out.
    """
    often = cells.sum(axis=0)
    if len(cells) < LONG_ROWS or often.max() < LONG_ROWS:
        return [(0, cells.shape[1] - 1)]
    both = _beside(often)
    seldom = (often < SELDOM * both) & (both >= LONG_ROWS)
    if seldom.any():
        level = power.mean(axis=0)
        seldom &= level < VALLEY * _beside(level)
    if not seldom.any():
        return [(0, cells.shape[1] - 1)]
    without = seldom | (often == 0)
    edges = np.flatnonzero(np.diff(np.concatenate([[True], without, [True]]).astype(np.int8)))
    parts = [(int(a), int(b) - 1) for a, b in zip(edges[0::2], edges[1::2], strict=True)]
    if all(_lasts(cells[:, a : b + 1]) for a, b in parts):
        return parts
    return [(0, cells.shape[1] - 1)]


def _lasts(cells: Mask) -> bool:
    """Whether some column is marked most of the time between the first and the last cell."""
    rows = np.flatnonzero(cells.any(axis=1))
    return bool(cells.sum(axis=0).max() >= LASTING * (rows[-1] - rows[0] + 1))


def _beside(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The smaller of the largest to the left and the largest to the right."""
    right = np.maximum.accumulate(values[::-1])[::-1]
    return np.minimum(np.maximum.accumulate(values), right)


def _blob(cells: Mask, first_row: int, low_bin: int) -> Blob:
    """Box around cells; the rows before the first and after the last are left out."""
    rows: Mask = np.asarray(cells.any(axis=1))
    first, last = int(rows.argmax()), len(rows) - 1 - int(rows[::-1].argmax())
    cells = cells[first : last + 1]
    return Blob(
        first_row + first,
        first_row + last,
        low_bin,
        low_bin + cells.shape[1] - 1,
        rows[first : last + 1],
        _span(cells[:END_ROWS], low_bin),
        _span(cells[-END_ROWS:], low_bin),
    )


def _span(cells: Mask, low: int) -> tuple[int, int]:
    """Lowest and highest bin with a cell."""
    columns = np.flatnonzero(cells.any(axis=0))
    return low + int(columns[0]), low + int(columns[-1])


def _mark_steady(marked: Mask, mean: Real, floor: Floor) -> None:
    """Mark a steady emission from edge to edge in the rows in which it is there."""
    labels, count = ndimage.label(floor.steady)
    for (run,) in ndimage.find_objects(labels, max_label=count):
        ratio = mean[:, run].mean(axis=1) / floor.noise[run].mean()
        marked[:, run] |= (ratio > 2.0)[:, None]


def _bridge_time(marked: Mask, gap: int) -> Mask:
    """Fill runs of up to ``gap`` unmarked rows between two marked ones, in every bin."""
    rows = len(marked)
    index = np.arange(rows, dtype=np.int32)[:, None]
    before = np.where(marked, index, np.int32(-rows))
    np.maximum.accumulate(before, axis=0, out=before)
    after = np.where(marked, index, np.int32(2 * rows))
    after = np.minimum.accumulate(after[::-1], axis=0)[::-1]
    return np.asarray(after - before <= gap + 1)


def _bridge_lines(marked: Mask, line: Mask) -> None:
    """Mark the bins of each line in the rows where both neighbours are marked."""
    labels, count = ndimage.label(line)
    for (run,) in ndimage.find_objects(labels, max_label=count):
        if run.start > 0 and run.stop < marked.shape[1] and run.stop - run.start <= LINE_BINS:
            both = marked[:, run.start - 1] & marked[:, run.stop]
            marked[:, run] |= both[:, None]
