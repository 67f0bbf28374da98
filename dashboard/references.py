"""Baselines of the past: what each recorded window was compared with, and from when to when. Pure.

A site says every two seconds what it compares with.  That rarely changes, so only changes are kept,
each with the first and the last row that was recorded under it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from dashboard.picture import Frame, columns
from dashboard.pyramid import DAY_NS, SECOND, Codes

SAME_NS = 60 * SECOND
"""Rows under one reference that are no further apart than this belong together."""
NAMED_NS = 10 * SECOND
"""A heartbeat may name a baseline so long after the first row under it."""
MOST_ENDED = 16
"""References of one window that ended and are not yet written; further ones are given up."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What one window was compared with for a time.

    Attributes
    ----------
    sensor : str
    start_hz, bin_width_hz : float
        As in `dashboard.pyramid.Tile`.
    baseline : str
        Short hash that the site gives it.
    first_ns, stop_ns : int
        From the begin of the first row to the end of the last one.
    codes : uint8, shape (2, n_bins)
        Usual level, then threshold, in the codes of the tiles; 0 where it has none.
    """

    sensor: str
    start_hz: float
    bin_width_hz: float
    baseline: str
    first_ns: int
    stop_ns: int
    codes: Codes

    @property
    def digest(self) -> bytes:
        """By which equal codes are found again."""
        return hashlib.sha256(self.codes.tobytes()).digest()[:16]

    def same_as(self, other: Reference) -> bool:
        """Whether only the times differ."""
        return (
            (self.sensor, self.start_hz, self.bin_width_hz, self.baseline)
            == (other.sensor, other.start_hz, other.bin_width_hz, other.baseline)
            and self.codes.shape == other.codes.shape
            and bool((self.codes == other.codes).all())
        )


class Following:
    """The reference of one window as its rows go by.

    Telling it something returns how many references that were not yet written are given up for it.
    """

    def __init__(self) -> None:
        self._now: Reference | None = None
        self._ended: list[Reference] = []

    def refer(self, reference: Reference | None) -> int:
        """Compare with this from the next row on; with None, the site has no baseline."""
        now = self._now
        if now is None or reference is None:
            return self._end(reference)
        if reference.same_as(now):
            return 0
        named = reference.same_as(replace(now, baseline=reference.baseline))
        if named and now.stop_ns - now.first_ns <= NAMED_NS:  # the levels came before their name
            self._now = replace(now, baseline=reference.baseline)
            return 0
        return self._end(reference)

    def row(self, start_ns: int, stop_ns: int) -> int:
        """A row was recorded."""
        now = self._now
        if now is None:
            return 0
        fresh = replace(now, first_ns=start_ns, stop_ns=stop_ns)
        if not now.stop_ns:
            self._now = fresh
            return 0
        if start_ns < now.first_ns or start_ns - now.stop_ns > SAME_NS or _midnight(now, stop_ns):
            return self._end(fresh)
        self._now = replace(now, stop_ns=max(now.stop_ns, stop_ns))
        return 0

    def known(self) -> list[Reference]:
        """Every reference that is not yet written, or that goes on."""
        now = self._now
        return [*self._ended, now] if now is not None and now.stop_ns else self._ended[:]

    def written(self, references: Iterable[Reference]) -> None:
        """Let go of those that ended and are on disk."""
        gone = list(references)
        self._ended = [one for one in self._ended if not any(one is other for other in gone)]

    def _end(self, then: Reference | None) -> int:
        now, self._now = self._now, then
        if now is None or not now.stop_ns:
            return 0
        self._ended.append(now)
        lost = len(self._ended[:-MOST_ENDED])
        self._ended = self._ended[-MOST_ENDED:]
        return lost


def joined(references: Iterable[Reference]) -> list[Reference]:
    """In order of time, equal ones that follow each other as one; a day's end ends none of them."""
    result: list[Reference] = []
    for one in sorted(references, key=lambda one: (one.start_hz, one.first_ns)):
        before = result[-1] if result else None
        if before is not None and one.same_as(before) and one.first_ns - before.stop_ns <= SAME_NS:
            result[-1] = replace(before, stop_ns=max(before.stop_ns, one.stop_ns))
        else:
            result.append(one)
    return sorted(result, key=lambda one: one.first_ns)


def reduced(reference: Reference, frame: Frame) -> Codes:
    """Baseline and threshold under the columns of a picture."""
    return columns(frame, reference.start_hz, reference.bin_width_hz, reference.codes)


def under(frame: Frame, references: Iterable[Reference]) -> Iterator[Codes]:
    """Codes of the baseline under each row of a picture, 0 where there was none then.

    A row in which the baseline changed is compared with the higher of both.
    """
    known = [(one, reduced(one, frame)[0]) for one in references]
    row_ns = (frame.stop_ns - frame.start_ns) / frame.height
    for row in range(frame.height):
        start_ns = frame.start_ns + row * row_ns
        codes = np.zeros(frame.width, dtype=np.uint8)
        for one, levels in known:
            if one.first_ns < start_ns + row_ns and one.stop_ns > start_ns:
                codes = np.maximum(codes, levels)
        yield codes


def _midnight(reference: Reference, stop_ns: int) -> bool:
    """Whether a row ends on another day than the reference began: a day is a file."""
    return reference.first_ns // DAY_NS != (stop_ns - 1) // DAY_NS
