"""A running stream of raw bytes with a clock: what lies between a receiver and its reader."""

from __future__ import annotations

import math
import threading
import time

import numpy as np

from dsp.values import Raw
from sdr.lateness import Lateness

WAITS = 10
"""Patience is counted in so many waits: a host that stood still does not blame the dongle."""

REANCHOR_S = 1.0
"""UTC is asked for anew so often: a reader that stays for hours never skips."""
ANCHOR_S = 50e-6
ANCHOR_TRIES = 3


class Silent(Exception):
    """No bytes came for too long."""


class Ended(Exception):
    """The producer stopped; the reason is its text."""


class SampleStream:
    """Bounded ring of cu8 samples; one thread puts, another reads.

    A reader that is too slow loses the **oldest** samples and is told how many.  Every sample has
    a position, counted from the start of the stream, and through the earliest of the recent
    arrivals a time: scheduling delays make single arrivals late, never early.  Where the earliest
    arrivals become late for good, samples were lost on the way; `Lateness` counts them.

    Parameters
    ----------
    sample_rate_hz : float
    seconds : float
        Length of the ring.
    gap_s : float
        Lateness that cannot be a delay any more: then samples were lost.
    step_s : float, optional
        Lateness that is a loss if it stays although the host keeps up; default `gap_s`.
    slope : float, optional
        Error of the rate as an earlier stream of this receiver has learned it.
    """

    def __init__(
        self,
        sample_rate_hz: float,
        seconds: float,
        gap_s: float,
        step_s: float | None = None,
        slope: float = 0.0,
    ) -> None:
        self._rate_hz = sample_rate_hz
        self._lateness = Lateness(sample_rate_hz, step_s or gap_s, gap_s, slope)
        self._ring = np.empty(2 * int(seconds * sample_rate_hz), dtype=np.uint8)
        self._written = 0  # bytes since the start
        self._next = 0  # sample that is read next, counted like `_written`
        self._lost = 0  # samples that never arrived
        self._told = 0  # of them, those that the reader knows of
        self.short_transfers = 0
        self._ended: str | None = None
        self._changed = threading.Condition()
        self._anchor()

    @property
    def count(self) -> int:
        """Samples since the start, lost ones included."""
        return self._written // 2 + self._lost

    def put(self, data: Raw) -> None:
        """Append bytes (uint8, shape (n,), any n): only the producer calls this."""
        now_s = _now_s()
        size = self._ring.shape[0]
        with self._changed:
            kept = data[-size:]
            start = (self._written + data.shape[0] - kept.shape[0]) % size
            head = min(kept.shape[0], size - start)
            self._ring[start : start + head] = kept[:head]
            self._ring[: kept.shape[0] - head] = kept[head:]
            self._written += data.shape[0]
            if now_s - self._anchored_s > REANCHOR_S:
                self._anchor()
            self._lost += self._lateness.arrive(now_s, data.shape[0] // 2, self.count)
            self._changed.notify()

    def end(self, reason: str) -> None:
        """Say that nothing more will come."""
        with self._changed:
            self._ended = reason
            self._changed.notify()

    @property
    def slope(self) -> float:
        """Error of the rate, learned: seconds of lateness in a second."""
        return self._lateness.slope

    @property
    def untold(self) -> int:
        """Samples that never arrived and that no `read` has told yet."""
        return self._lost - self._told

    def retime(self) -> None:
        """Learn the arrivals anew: the receiver's rate has been corrected."""
        with self._changed:
            self._lateness.begin()

    def skip_to(self, seconds_from_now: float) -> None:
        """Continue with the samples taken from this moment on.

        What is skipped counts as unwanted, not as lost; what never arrived is told by the next
        read all the same.
        """
        with self._changed:
            self._anchor()
            # What has arrived is older than now, whatever the clock says; what is under way is
            # recognised by the time at which it will arrive.
            self._next = max(self._next, (self._written + 1) // 2)
            zero_s = self._lateness.zero_s
            if math.isfinite(zero_s):
                at_s = _now_s() + seconds_from_now - zero_s
                self._next = max(self._next, round(at_s * self._rate_hz) - self._lost)
            else:
                self._next += round(seconds_from_now * self._rate_hz)

    def read(self, num_samples: int, patience_s: float) -> tuple[Raw, int, int]:
        """Wait for the next samples.

        Returns
        -------
        raw : uint8, shape (2 * num_samples,)
            A copy.
        position : int
            Of the first sample.
        dropped : int
            Samples lost before it: overwritten here because the reader was slow, or missing from
            what arrived (noticed up to a second late, so it may be of the reads before).

        Raises
        ------
        Silent
            Not a byte for ``patience_s`` of waiting.
        Ended
            The producer stopped.
        """
        size, num_bytes = self._ring.shape[0], 2 * num_samples
        waits = 0
        with self._changed:
            while True:
                oldest = max(0, (self._written - size + 1) // 2)
                first = max(self._next, oldest)
                if self._written >= 2 * first + num_bytes:
                    break
                if self._ended is not None:
                    raise Ended(self._ended)
                if waits == WAITS:
                    raise Silent
                arrived = self._changed.wait(patience_s / WAITS)
                waits = 0 if arrived else waits + 1
            start = 2 * first % size
            head = min(num_bytes, size - start)
            raw = np.empty(num_bytes, dtype=np.uint8)
            raw[:head] = self._ring[start : start + head]
            raw[head:] = self._ring[: num_bytes - head]
            dropped = first - self._next + self._lost - self._told
            self._told = self._lost
            self._next = first + num_samples
            return raw, first + self._lost, dropped

    def time_ns(self, position: int) -> int:
        """UTC at which a sample was received, as well as the arrivals tell."""
        with self._changed:
            zero_s = self._lateness.zero_s
            return round((zero_s + position / self._rate_hz) * 1e9) + self._utc_offset_ns

    def _anchor(self) -> None:
        """Tie our clock to UTC again, so that a corrected clock is followed."""
        for _ in range(ANCHOR_TRIES):
            before_s, utc_ns, after_s = _now_s(), time.time_ns(), _now_s()
            if after_s - before_s < ANCHOR_S:  # else the scheduler came between
                break
        self._anchored_s = after_s
        self._utc_offset_ns = utc_ns - round((before_s + after_s) / 2 * 1e9)


def _now_s() -> float:
    """Seconds of a clock that nobody corrects: a slewed one would look like a crystal's error."""
    raw = getattr(time, "CLOCK_MONOTONIC_RAW", None)
    return time.clock_gettime(raw) if raw is not None else time.monotonic()
