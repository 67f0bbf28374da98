"""A window of a recorded waterfall as pixels: every pixel the maximum of what is under it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dashboard.tiles import LEVELS, Codes, Tile

Index = npt.NDArray[np.intp]
Pairs = tuple[Index, Index]


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


def draw(frame: Frame, tiles: Iterable[Tile]) -> Codes:
    """Reduce tiles to pixels.

    Parameters
    ----------
    frame : Frame
    tiles : iterable of Tile
        Of one level; may overlap.

    Returns
    -------
    codes : uint8, shape (height, width)
        Row 0 the oldest, column 0 the lowest frequency; 0 where nothing was seen.
    """
    picture = np.zeros((frame.height, frame.width), dtype=np.uint8)
    for tile in tiles:
        row_ns = LEVELS[tile.level].row_ns
        rows, row_pixels = _cover(
            *((tile.start_ns - frame.start_ns) / 1e9, row_ns / 1e9, tile.codes.shape[0]),
            (frame.stop_ns - frame.start_ns) / 1e9,
            frame.height,
        )
        bins, bin_pixels = _cover(
            *(tile.start_hz - frame.start_hz, tile.bin_width_hz, tile.codes.shape[1]),
            frame.stop_hz - frame.start_hz,
            frame.width,
        )
        if row_pixels.size and bin_pixels.size:
            area = np.ix_(row_pixels, bin_pixels)
            picture[area] = np.maximum(picture[area], _reduce(tile.codes, rows, bins))
    return picture


def _cover(first: float, step: float, count: int, span: float, pixels: int) -> tuple[Pairs, Index]:
    """Pixels that a run of cells touches; for each its first cell and one past its last.

    Cell k begins at ``first + k * step``, pixel p at ``p * span / pixels``.
    """
    pixel = span / pixels
    low = max(0, int(np.floor(first / pixel + 1e-9)))
    high = min(pixels, int(np.ceil((first + count * step) / pixel - 1e-9)))
    touched = np.arange(low, max(low, high), dtype=np.intp)
    begin = np.floor((touched * pixel - first) / step + 1e-9).astype(np.intp).clip(0, count - 1)
    end = np.ceil(((touched + 1) * pixel - first) / step - 1e-9).astype(np.intp)
    return (begin, np.maximum(end.clip(0, count), begin + 1)), touched


def _reduce(codes: Codes, rows: Pairs, bins: Pairs) -> Codes:
    """Maximum of the cells under each pixel.

    Rows first, by slices: each is one vectorised pass, where ``reduceat`` on bytes is ten times
    slower.  Bins then, by as many gathers as the widest pixel has bins.
    """
    low, high = int(bins[0][0]), int(bins[1][-1])
    part = codes[:, low:high]
    tall = np.stack([part[a:b].max(axis=0) for a, b in zip(*rows, strict=True)])
    begin, last = bins[0] - low, bins[1] - low - 1
    wide = tall[:, begin]
    for offset in range(1, int((last - begin).max()) + 1):
        np.maximum(wide, tall[:, np.minimum(begin + offset, last)], out=wide)
    return wide
