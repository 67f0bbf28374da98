"""What `rfproctor window` has heard, reduced to the pixels that it shows.

A pixel is the maximum of what lies under it, so that a short narrow burst is always seen.  Rows are
kept in the codes of the wire and reduced again when the window changes its size.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dsp.axis import Piece, pieces_of
from sensors.messages import SpectrumReference, SpectrumRow

DEPTH = 1000
"""Lines that are kept of every band."""

SLOT_NS = 200_000_000
"""Time that one line stands for."""

TOGETHER_NS = 1_000_000_000
"""Rows nearer than this follow each other without a gap."""

UNSEEN = 0
LOUD_DB = 70.0
"""Span of the raw view, from a little under the median baseline."""

Codes = npt.NDArray[np.uint8]
Levels = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]


@dataclass(slots=True)
class _Band:
    """The lines of one band, newest first, and where they go."""

    piece: Piece
    lines: Codes
    offset_db: float
    step_db: float
    baseline: Levels | None = None
    threshold: Levels | None = None
    newest_ns: int = 0
    columns: slice = field(default_factory=lambda: slice(0, 0))
    starts: Index = field(default_factory=lambda: np.zeros(0, dtype=np.intp))

    def lay(self, width: int) -> None:
        """Decide which bins go under which pixel."""
        first, last = round(self.piece.x0 * width), max(1, round(self.piece.x1 * width))
        self.columns = slice(min(first, last - 1), last)
        count = last - self.columns.start
        bins = self.lines.shape[1]
        self.starts = np.arange(count, dtype=np.intp) * bins // count

    def reduce(self, values: Levels) -> Levels:
        """Maximum under each pixel, for one line or many."""
        if values.shape[-1] <= self.starts.shape[0]:
            return np.asarray(values[..., self.starts])
        return np.asarray(np.maximum.reduceat(values, self.starts, axis=-1))

    def levels(self, lines: Codes) -> Levels:
        """Codes as dBFS, -inf where nothing was seen."""
        table = np.float32(self.offset_db) + np.arange(256, dtype=np.float32) * np.float32(
            self.step_db
        )
        table[UNSEEN] = -np.inf
        return np.asarray(table[lines])


class Rows:
    """Lines, live trace, max hold, baseline and threshold of one sensor.

    Parameters
    ----------
    bands : iterable of (start_hz, stop_hz)
    width : int
        Pixels.

    Attributes
    ----------
    pieces : list of Piece
    live, hold, baseline, threshold : float32, shape (width,)
        dBFS; NaN where there is nothing.
    excess, raw : float32, shape (DEPTH, width)
        The waterfall, newest first: dB over the baseline and dBFS; -inf where nobody looked.
    slot : int
        Number of the newest line's time slot; 0 before the first row.
    """

    def __init__(self, bands: list[tuple[float, float]], width: int) -> None:
        self.pieces = pieces_of(bands)
        self.slot = 0
        self.newest_ns = 0
        self._bands: dict[float, _Band] = {}
        self._lay(width)

    def _lay(self, width: int) -> None:
        self.width = width
        self.live, self.hold, self.baseline, self.threshold = (
            np.full(width, np.nan, dtype=np.float32) for _ in range(4)
        )
        self.excess = np.full((DEPTH, width), -np.inf, dtype=np.float32)
        self.raw = self.excess.copy()

    def resize(self, width: int) -> None:
        """Reduce everything kept to another width; the max hold begins anew from what is kept."""
        if width == self.width:
            return
        self._lay(width)
        for band in self._bands.values():
            band.lay(width)
            self._refresh(band)
            kept = self.raw[:, band.columns]
            self.live[band.columns] = _or_nan(kept[0])
            self.hold[band.columns] = _or_nan(kept.max(axis=0))

    def forget_hold(self) -> None:
        """Begin the max hold anew."""
        self.hold[:] = np.nan

    def refer(self, reference: SpectrumReference) -> None:
        """Take the baseline and threshold of a band."""
        band = self._band(reference, len(reference.baseline))
        if band is None:
            return
        baseline = _or_nan(band.levels(np.frombuffer(reference.baseline, dtype=np.uint8)))
        threshold = _or_nan(band.levels(np.frombuffer(reference.threshold, dtype=np.uint8)))
        moved = band.baseline is None or not np.array_equal(band.baseline, baseline, equal_nan=True)
        band.baseline, band.threshold = baseline, threshold
        with np.errstate(invalid="ignore"):
            self.baseline[band.columns] = band.reduce(baseline)
            self.threshold[band.columns] = band.reduce(threshold)
        if moved:
            self._refresh(band)

    def take(self, row: SpectrumRow) -> None:
        """Take a row: it fills the lines of the time that it stands for."""
        band = self._band(row, len(row.levels))
        if band is None:
            return
        self.advance(row.time_ns)
        self.newest_ns = max(self.newest_ns, row.time_ns)
        codes = np.frombuffer(row.levels, dtype=np.uint8)
        back = self.slot - row.time_ns // SLOT_NS
        since_ns = row.time_ns - round(row.duration_s * 1e9)
        if 0 < row.time_ns - band.newest_ns < TOGETHER_NS:
            since_ns = min(since_ns, band.newest_ns)  # no line stays empty between two rows
        first = self.slot - since_ns // SLOT_NS
        band.newest_ns = row.time_ns
        touched = slice(back, min(first + 1, DEPTH))
        if touched.start >= touched.stop:
            return
        np.maximum(band.lines[touched], codes, out=band.lines[touched])
        self._refresh(band, touched)
        line = band.reduce(band.levels(codes))
        self.live[band.columns] = _or_nan(line)
        self.hold[band.columns] = np.fmax(self.hold[band.columns], _or_nan(line))

    def advance(self, time_ns: int) -> int:
        """Let time go on to here; lines that nobody fills stay unseen.  Returns how many began."""
        slot = time_ns // SLOT_NS
        count = min(slot - self.slot, DEPTH) if self.slot else DEPTH
        if slot <= self.slot:
            return 0
        self.slot = slot
        for band in self._bands.values():
            band.lines[count:] = band.lines[:-count].copy()
            band.lines[:count] = UNSEEN
        for picture in (self.excess, self.raw):
            picture[count:] = picture[:-count].copy()
            picture[:count] = -np.inf
        return count

    def fade(self) -> None:
        """Nothing comes any more: the live trace is not shown as if it were now."""
        self.live[:] = np.nan

    def raw_range(self) -> tuple[float, float]:
        """Levels that the raw view's colours span."""
        known = self.baseline[np.isfinite(self.baseline)]
        low = round(float(np.median(known)) / 10) * 10 - 10 if known.size else -110.0
        return low, low + LOUD_DB

    def x_of(self, freq_hz: float) -> float | None:
        """Place of a frequency on the axis, 0 to 1; None where it is not shown."""
        for piece in self.pieces:
            if piece.start_hz <= freq_hz <= piece.stop_hz:
                return piece.x_of(freq_hz)
        return None

    def freq_at(self, x: float) -> float | None:
        """Frequency at a place, None in a break."""
        for piece in self.pieces:
            if piece.x0 <= x <= piece.x1:
                part = (x - piece.x0) / (piece.x1 - piece.x0)
                return piece.start_hz + part * (piece.stop_hz - piece.start_hz)
        return None

    def _band(self, message: SpectrumRow | SpectrumReference, bins: int) -> _Band | None:
        """The band of a message; it starts anew when its grid has changed."""
        middle = message.start_hz + message.bin_width_hz * bins / 2
        piece = next((p for p in self.pieces if p.start_hz <= middle <= p.stop_hz), None)
        if piece is None or not bins:
            return None
        known = self._bands.get(piece.start_hz)
        if known is not None and known.lines.shape[1] == bins:
            return known
        lines = np.full((DEPTH, bins), UNSEEN, dtype=np.uint8)
        band = _Band(piece, lines, message.offset_db, message.step_db)
        band.lay(self.width)
        self._bands[piece.start_hz] = band
        return band

    def _refresh(self, band: _Band, touched: slice = slice(0, DEPTH)) -> None:
        """Reduce lines of a band to pixels."""
        levels = band.levels(band.lines[touched])
        self.raw[touched, band.columns] = band.reduce(levels)
        if band.baseline is not None:
            over = levels - np.where(np.isnan(band.baseline), np.inf, band.baseline)
            self.excess[touched, band.columns] = band.reduce(over.astype(np.float32))


def _or_nan(levels: Levels) -> Levels:
    return np.where(np.isfinite(levels), levels, np.float32(np.nan))
