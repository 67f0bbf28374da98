"""Sample counts to wall clock and back: what makes a file or a scene run like a receiver."""

from __future__ import annotations

import time


class Pace:
    """A clock that starts at a UTC time and either follows real time or runs free.

    Stamps come from the monotonic clock plus one reading of UTC, so that a step of the computer's
    clock never tears a stream apart.

    Parameters
    ----------
    start_ns : int or None
        UTC of second 0; None is now.
    real_time : bool
        False: `wait` returns at once and `elapsed_s` is what was last waited for.
    """

    def __init__(self, start_ns: int | None = None, *, real_time: bool = True) -> None:
        now_ns = time.time_ns()
        self.start_ns = now_ns if start_ns is None else start_ns
        self.real_time = real_time
        # A start in the past or future shifts second 0 only where real time is followed.
        offset_ns = self.start_ns - now_ns
        self._zero_s = time.monotonic() + offset_ns / 1e9
        self._free_s = 0.0

    def stamp_ns(self, seconds: float) -> int:
        """UTC of a moment in seconds since the start."""
        return self.start_ns + round(seconds * 1e9)

    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._zero_s if self.real_time else self._free_s

    def wait(self, seconds: float) -> None:
        """Sleep until a moment in seconds since the start."""
        if not self.real_time:
            self._free_s = max(self._free_s, seconds)
            return
        left_s = seconds - self.elapsed_s()
        if left_s > 0:
            time.sleep(left_s)
