"""A window of a recorded waterfall as pixels: each the maximum or the mean under it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dashboard.pyramid import LEVELS, Cells, Codes, Tile, Value, mean_codes, powers

Index = npt.NDArray[np.intp]
Pairs = tuple[Index, Index]
STRIP = 64
"""Rows of a picture that are turned into codes at once."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a picture shows: a window in time and frequency, and its size in pixels."""

    start_ns: int
    stop_ns: int
    start_hz: float
    stop_hz: float
    width: int
    height: int


def level_for(frame: Frame) -> int:
    """Coarsest level whose rows are still no longer than a pixel."""
    pixel_ns = (frame.stop_ns - frame.start_ns) / frame.height
    best = 0
    for index, level in enumerate(LEVELS):
        if level.row_ns <= pixel_ns:
            best = index
    return best


def draw(frame: Frame, tiles: Iterable[Tile], value: Value = "max") -> Codes:
    """Reduce tiles to pixels.

    Parameters
    ----------
    frame : Frame
    tiles : iterable of Tile
        Of one level and, if coarser than a row a second, of this value; may overlap.
    value : {"max", "mean"}

    Returns
    -------
    codes : uint8, shape (height, width)
        Row 0 the oldest, column 0 the lowest frequency; 0 where nothing was seen.
    """
    size = (frame.height, frame.width)
    picture = np.zeros(size, dtype=np.uint8)
    mean = value == "mean"
    power, weight = (np.zeros(size if mean else (0, 0), dtype=np.float32) for _ in range(2))
    for tile in tiles:
        row_s = LEVELS[tile.level].row_ns / 1e9
        rows, row_pixels = _cover(
            *((tile.start_ns - frame.start_ns) / 1e9, row_s, tile.codes.shape[0]),
            (frame.stop_ns - frame.start_ns) / 1e9,
            frame.height,
        )
        bins, bin_pixels = _cover(
            *(tile.start_hz - frame.start_hz, tile.bin_width_hz, tile.codes.shape[1]),
            frame.stop_hz - frame.start_hz,
            frame.width,
        )
        area = (row_pixels, bin_pixels)
        if not picture[area].size:
            continue
        if mean:
            more_power, more_weight = _sums(tile.codes, rows, bins)
            power[area] += row_s * more_power
            weight[area] += row_s * more_weight
        else:
            np.maximum(picture[area], _reduce(tile.codes, rows, bins), out=picture[area])
    for first in range(0, len(power), STRIP):  # in strips: the largest picture takes 16 M pixels
        strip = slice(first, first + STRIP)
        picture[strip] = mean_codes(power[strip], weight[strip])
    return picture


def columns(frame: Frame, start_hz: float, bin_width_hz: float, codes: Codes) -> Codes:
    """Maximum of the bins under each column, row by row; 0 where they do not reach.

    Parameters
    ----------
    frame : Frame
    start_hz : float
        Lower edge of the first bin.
    bin_width_hz : float
    codes : uint8, shape (rows, n_bins)

    Returns
    -------
    codes : uint8, shape (rows, frame.width)
    """
    result = np.zeros((codes.shape[0], frame.width), dtype=np.uint8)
    bins, pixels = _cover(
        *(start_hz - frame.start_hz, bin_width_hz, codes.shape[1]),
        frame.stop_hz - frame.start_hz,
        frame.width,
    )
    if result[:, pixels].size:
        each = np.arange(codes.shape[0], dtype=np.intp)
        result[:, pixels] = _reduce(codes, (each, each + 1), bins)
    return result


def _cover(first: float, step: float, count: int, span: float, pixels: int) -> tuple[Pairs, slice]:
    """Pixels that a run of cells touches; for each its first cell and one past its last.

    Cell k begins at ``first + k * step``, pixel p at ``p * span / pixels``.
    """
    pixel = span / pixels
    low = max(0, int(np.floor(first / pixel + 1e-9)))
    high = min(pixels, int(np.ceil((first + count * step) / pixel - 1e-9)))
    high = max(low, high)
    touched = np.arange(low, high, dtype=np.intp)
    begin = np.floor((touched * pixel - first) / step + 1e-9).astype(np.intp).clip(0, count - 1)
    end = np.ceil(((touched + 1) * pixel - first) / step - 1e-9).astype(np.intp)
    return (begin, np.maximum(end.clip(0, count), begin + 1)), slice(low, high)


def _sums(codes: Codes, rows: Pairs, bins: Pairs) -> tuple[Cells, Cells]:
    """Power of the cells under each pixel, and how many were seen."""
    low, high = int(bins[0][0]), int(bins[1][-1])
    part = codes[:, low:high]
    bins = (bins[0] - low, bins[1] - low)
    power = _reduce(powers(part), rows, bins, np.add)
    if part.all():
        return power, np.outer(rows[1] - rows[0], bins[1] - bins[0]).astype(np.float32)
    return power, _reduce((part > 0).astype(np.float32), rows, bins, np.add)


def _reduce(
    cells: npt.NDArray[Any], rows: Pairs, bins: Pairs, ufunc: np.ufunc = np.maximum
) -> npt.NDArray[Any]:
    """Maximum or sum of the cells under each pixel.

    Rows first, by slices: each is one vectorised pass, where ``reduceat`` on bytes is ten times
    slower.  Bins then, by as many gathers as the widest pixel has bins.
    """
    low, high = int(bins[0][0]), int(bins[1][-1])
    part = cells[:, low:high]
    tall = np.zeros((len(rows[0]), high - low + 1), dtype=part.dtype)  # and a column of nothing
    for index, (first, last) in enumerate(zip(*rows, strict=True)):
        ufunc.reduce(part[first:last], axis=0, out=tall[index, :-1])
    begin, end = bins[0] - low, bins[1] - low
    wide = tall[:, begin]
    for offset in range(1, int((end - begin).max())):
        column = np.where(begin + offset < end, begin + offset, high - low)
        ufunc(wide, tall[:, column], out=wide)
    return wide
