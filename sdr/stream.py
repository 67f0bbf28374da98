"""A running stream of raw bytes with a clock: what lies between a receiver and its reader."""

from __future__ import annotations

import math
import threading
import time
from collections import deque

import numpy as np

from dsp.values import Raw
from sdr.lateness import Lateness

WAITS = 10
"""Patience is counted in so many waits: a host that stood still does not blame the dongle."""

LATE_S = 1e-3
"""Behind the earliest of the recent arrivals: from here on a loss is possible."""
ARRIVALS = 128
"""Latest arrivals of which is known how late they were: 0.2 s of transfers."""

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
        self._rate_hz, self._queue_s = sample_rate_hz, gap_s
        self._lateness = Lateness(sample_rate_hz, step_s or gap_s, gap_s, slope)
        self._ring = np.empty(2 * int(seconds * sample_rate_hz), dtype=np.uint8)
        self._written = 0  # bytes since the start
        self._next = 0  # sample that is read next, counted like `_written`
        self._lost = 0  # samples that never arrived
        self._told = 0  # of them, those that the reader knows of
        self._froze = (0, 0)  # sample at which we stood still, and what was lost then
        self._overrun = 0  # overwritten before anybody claimed them, not told yet
        self.short_transfers = 0
        self._ended: str | None = None
        self._arrivals: deque[tuple[int, float]] = deque(maxlen=ARRIVALS)
        self._wanted: float = math.inf  # bytes since the start that somebody waits for
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
            late_s = now_s - self._lateness.zero_s - self.count / self._rate_hz
            self._arrivals.append((self._written, late_s))
            # Waking a thread for every transfer would cost more than all else here.
            if self._written >= self._wanted:
                self._wanted = math.inf
                self._changed.notify_all()

    def end(self, reason: str) -> None:
        """Say that nothing more will come."""
        with self._changed:
            self._ended = reason
            self._changed.notify_all()

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
            arrived, skipped = (self._written + 1) // 2, round(seconds_from_now * self._rate_hz)
            self._next = max(self._next, arrived)
            if math.isinf(self._lateness.zero_s):
                self._next += skipped
                return
            # What is under way is recognised by the time at which it will arrive.  More than the
            # queue holds is not under way: we stood still, and it is lost.
            on_air = round((_now_s() - self._lateness.zero_s) * self._rate_hz) - self._lost
            gone = on_air - arrived - round(self._queue_s * self._rate_hz)
            if gone > 0:
                self._lost += gone
                self._froze = (arrived, gone)
                on_air -= gone
            self._next = max(self._next, on_air + skipped)

    def claim(self, num_samples: int) -> int:
        """Set the next samples aside for a `take`; return the number of the first.

        What is skipped later does not touch them: the receiver may be retuned before they arrive.
        """
        with self._changed:
            first = max(self._next, self._oldest)
            self._overrun += first - self._next
            self._next = first + num_samples
            return first

    def wait_on_air(
        self, sample: int, lag: int, patience_s: float, enough: threading.Event | None = None
    ) -> int:
        """Return when everything before a sample has been on the air, though not yet arrived.

        Parameters
        ----------
        sample : int
            Counted like what `claim` returns.
        lag : int
            Samples that may still be under way.  Where more are missing nobody knows when it was
            on the air: then it is waited for.
        patience_s : float
        enough : Event, optional
            Set by another thread: do not wait any longer.

        Returns
        -------
        int
            Everything before this sample was on the air before now whatever happens: for `take`.
        """
        with self._changed:
            zero_s, now_s = self._lateness.zero_s, _now_s()
            left_s = zero_s + (sample + self._lost) / self._rate_hz - now_s
        enough = enough or threading.Event()
        if math.isfinite(left_s) and left_s > 0:
            enough.wait(left_s)
        with self._changed:
            known = math.isfinite(left_s) and self._written >= 2 * (sample - lag)
            if not known and not enough.is_set():
                self._wait(2 * sample, patience_s)
            return min(sample, self._written // 2)

    def take(
        self, first: int, num_samples: int, patience_s: float, sure: int | None = None
    ) -> tuple[Raw, int, int]:
        """Wait for samples that were set aside.

        Parameters
        ----------
        first, num_samples : int
        patience_s : float
        sure : int, optional
            The receiver was retuned when only this much had come.  If the rest is late samples
            may be missing in it, and its end may be of after the retune: it is left out then.

        Returns
        -------
        raw : uint8, shape (2 * num_samples,)
            A copy; shorter where the first of them have been overwritten meanwhile, or the last
            of them came late.
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
        with self._changed:
            stop = first + num_samples
            self._wait(2 * stop, patience_s)
            if sure is not None and sure < stop and self._came_late(2 * stop):
                stop = sure
            begin = min(max(first, self._oldest), stop)
            raw = self._copy(2 * begin, 2 * (stop - begin))
            dropped = self._overrun + begin - first + self._lost - self._told
            self._overrun, self._told = 0, self._lost
            froze, gone = self._froze
            return raw, begin + self._lost - (gone if begin < froze else 0), dropped

    def read(self, num_samples: int, patience_s: float) -> tuple[Raw, int, int]:
        """Claim and take the next samples; what has not come is there for the next one."""
        first = self.claim(num_samples)
        try:
            return self.take(first, num_samples, patience_s)
        except (Silent, Ended):
            self._next = first
            raise

    @property
    def _oldest(self) -> int:
        """First sample that is still in the ring."""
        return max(0, (self._written - self._ring.shape[0] + 1) // 2)

    def _wait(self, num_bytes: int, patience_s: float) -> None:
        """Wait until so many bytes have come since the start; the lock is held."""
        waits, seen = 0, self._written
        while self._written < num_bytes:
            if self._ended is not None:
                raise Ended(self._ended)
            if waits == WAITS:
                raise Silent
            self._wanted = min(self._wanted, num_bytes)
            self._changed.wait(patience_s / WAITS)
            waits = waits + 1 if self._written == seen else 0
            seen = self._written

    def _came_late(self, num_bytes: int) -> bool:
        """Whether these bytes came later than a transfer takes; also where nobody knows."""
        for written, late_s in self._arrivals:
            if written >= num_bytes:
                return late_s > LATE_S
        return True

    def _copy(self, start: int, num_bytes: int) -> Raw:
        start %= self._ring.shape[0]
        head = min(num_bytes, self._ring.shape[0] - start)
        raw = np.empty(num_bytes, dtype=np.uint8)
        raw[:head] = self._ring[start : start + head]
        raw[head:] = self._ring[: num_bytes - head]
        return raw

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
