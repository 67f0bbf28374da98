"""A window of a recorded waterfall as pixels: every pixel the maximum of what is under it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dashboard.tiles import LEVELS, Codes, Tile


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
        if row_pixels.size == 0 or bin_pixels.size == 0:
            continue
        reduced = _reduce(_reduce(tile.codes, rows, 0), bins, 1)
        area = np.ix_(row_pixels, bin_pixels)
        picture[area] = np.maximum(picture[area], reduced)
    return picture


Pairs = np.ndarray[tuple[int, ...], np.dtype[np.intp]]


def _cover(first: float, step: float, count: int, span: float, pixels: int) -> tuple[Pairs, Pairs]:
    """Pixels that a run of cells touches; for each its first cell and one past its last.

    Cell k begins at ``first + k * step``, pixel p at ``p * span / pixels``.
    """
    pixel = span / pixels
    low = max(0, int(np.floor(first / pixel + 1e-9)))
    high = min(pixels, int(np.ceil((first + count * step) / pixel - 1e-9)))
    touched = np.arange(low, max(low, high), dtype=np.intp)
    begin = np.floor((touched * pixel - first) / step + 1e-9).astype(np.intp).clip(0, count - 1)
    end = np.ceil(((touched + 1) * pixel - first) / step - 1e-9).astype(np.intp)
    end = np.maximum(end.clip(0, count), begin + 1)
    return np.stack([begin, end], axis=1).ravel(), touched


def _reduce(codes: Codes, pairs: Pairs, axis: int) -> Codes:
    """Maximum of each pair's cells along an axis."""
    pad = [(0, 0), (0, 0)]
    pad[axis] = (0, 1)  # reduceat wants every index inside; the pad is never inside a pair
    reduced: Codes = np.maximum.reduceat(np.pad(codes, pad), pairs, axis=axis)
    return reduced[::2] if axis == 0 else reduced[:, ::2]
