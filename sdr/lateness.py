"""Samples lost on the way, told by when the others arrive (pure arithmetic, no clock in it)."""

from __future__ import annotations

import math

WINDOW_S = 0.25
"""The earliest arrival of so long a time counts; the scheduler is kind at least once in it."""
FRESH = 16
"""Arrivals that were waited for: so many must be in a window before it proves a loss."""
STARVED_S = 2.0
"""A window that has too few of them by now is closed all the same."""

CRYSTAL = 60e-6
"""Standard deviation of the rate's error of a dongle never heard before."""
CRYSTAL_WALK = 0.2e-6
"""How much it changes in one second (warming up)."""


class Lateness:
    """Counts losses by a filter that follows the earliest arrivals.

    Arrival time less the time at which the last sample was on the air has a sharp lower edge: a
    busy host makes arrivals late, never early, and soon one is in time again.  The edge moves with
    the error of the crystal only, a straight line that a Kalman filter of two states (lateness and
    its slope) learns.  Samples that vanish lift the edge for good by just their duration: seen in
    two windows, it is a loss.

    Parameters
    ----------
    sample_rate_hz : float
    step_s : float
        Duration of the smallest loss that is counted at once; smaller ones count when their sum
        is as large, if they come faster than the filter forgets.
    queue_s : float
        Lateness that is no delay any more, even on a host that never catches up.
    slope : float, optional
        Known error of the rate.

    Attributes
    ----------
    slope : float
        Seconds that the edge moves in a second: 1e-5 for a crystal slow by 10 ppm.
    zero_s : float
        When sample 0 was on the air, as the earliest of the recent arrivals tell.
    """

    def __init__(
        self, sample_rate_hz: float, step_s: float, queue_s: float, slope: float = 0.0
    ) -> None:
        self._rate_hz = sample_rate_hz
        self._step_s = step_s
        self._queue_s = queue_s
        self._noise_s2 = (step_s / 6) ** 2
        self.slope = slope
        self._earliest_s = [math.inf, math.inf]  # in this window and in the one before
        self.begin()

    def begin(self) -> None:
        """Learn anew: the rate has changed; when sample 0 was on the air stays known."""
        self._edge_s = math.inf
        self._edge_at_s = 0.0
        self._covariance = (self._noise_s2, 0.0, CRYSTAL**2)
        self._risen_s = 0.0  # how far the last window was above the line, if it may be a loss
        self._opened_s: float | None = None
        self._arrived_s = -math.inf
        self._fresh = 0

    @property
    def zero_s(self) -> float:
        """When sample 0 was on the air; infinite before the first arrival."""
        return min(self._earliest_s)

    def arrive(self, now_s: float, num_samples: int, count: int) -> int:
        """Take note of an arrival and return how many samples are found to be missing.

        Parameters
        ----------
        now_s : float
            Of a clock that nobody corrects.
        num_samples : int
            That have arrived now.
        count : int
            Since the start, these and all lost ones that were returned before included.
        """
        if self._opened_s is None:
            self._opened_s = now_s
        age_s = now_s - self._opened_s
        lost = 0
        if age_s >= WINDOW_S and (self._fresh >= FRESH or age_s >= STARVED_S):
            lost = self._close(self._fresh < FRESH)
            self._opened_s, self._fresh = now_s, 0
        # What follows at once had been waiting for us: a late arrival that proves nothing.
        self._fresh += now_s - self._arrived_s > 0.25 * num_samples / self._rate_hz
        self._arrived_s = now_s
        late_s = now_s - (count + lost) / self._rate_hz
        self._earliest_s[0] = min(self._earliest_s[0], late_s)
        return lost

    def _close(self, starved: bool) -> int:
        """Compare the window with the line; return the samples that are missing."""
        seen_s = self._earliest_s[0]
        self._predict()
        above_s = seen_s - self._edge_s
        missing_s = 0.0
        if starved:
            # Nobody knows how late we are ourselves: what exceeds the queue is lost for certain.
            missing_s = max(0.0, above_s - self._queue_s)
            self._risen_s = 0.0
        elif above_s < -self._step_s:
            self._edge_s, self._risen_s = seen_s, 0.0
        else:
            if above_s > self._step_s and self._risen_s > 0.0:
                stays = abs(above_s - self._risen_s) < self._step_s
                missing_s = self._risen_s if stays else min(self._risen_s, above_s)
            rest_s = above_s - missing_s
            self._risen_s = rest_s if rest_s > self._step_s else 0.0
            if self._risen_s == 0.0:
                self._learn(rest_s)
        lost = round(missing_s * self._rate_hz)
        self._earliest_s = [math.inf, seen_s - lost / self._rate_hz]
        return lost

    def _predict(self) -> None:
        """Move the line on to the end of the window."""
        if math.isinf(self._edge_s):
            self._edge_s, self._edge_at_s = self._earliest_s[0], self._arrived_s
            return
        dt_s = self._arrived_s - self._edge_at_s
        self._edge_at_s = self._arrived_s
        self._edge_s += self.slope * dt_s
        level, cross, slope = self._covariance
        self._covariance = (
            level + 2 * cross * dt_s + slope * dt_s**2,
            cross + slope * dt_s,
            slope + CRYSTAL_WALK**2 * dt_s,
        )

    def _learn(self, above_s: float) -> None:
        """Correct the line by what was seen (the Kalman filter's second half)."""
        level, cross, slope = self._covariance
        gain, slope_gain = level / (level + self._noise_s2), cross / (level + self._noise_s2)
        self._edge_s += gain * above_s
        self.slope += slope_gain * above_s
        self._covariance = ((1 - gain) * level, (1 - gain) * cross, slope - slope_gain * cross)
