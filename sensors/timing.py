"""What a site knows about time on its line: the round trip, the other clock, how long to wait.

No clock is read here; the caller hands the times in.  The round trip is smoothed and the wait
doubles while nothing comes, as TCP does both (RFC 6298).
"""

from __future__ import annotations

from sensors.messages import Pulse

RTO_MIN_S, RTO_MAX_S = 1.0, 30.0
"""Bounds of the retransmission timeout."""
LATE_NS = 60_000_000_000
"""An echo that was longer on its way measures nothing."""


class Timing:
    """Times of one site's line to one centre.

    Attributes
    ----------
    round_trip_s : float
        How long an answer takes, smoothed; 0 before the first measurement.
    offset_ns : int or None
        Site's clock minus the centre's; None before the first echo.
    """

    def __init__(self) -> None:
        self.round_trip_s = 0.0
        self.offset_ns: int | None = None
        self._backoff = 1.0

    @property
    def rto_s(self) -> float:
        """Seconds without progress after which everything in flight goes again."""
        return min(RTO_MAX_S, max(RTO_MIN_S, 4.0 * self.round_trip_s) * self._backoff)

    def progressed(self) -> None:
        """The line carries again: wait no longer than needed."""
        self._backoff = 1.0

    def timed_out(self) -> None:
        """Nothing came in time: wait twice as long from now on."""
        self._backoff = min(self._backoff * 2, RTO_MAX_S / RTO_MIN_S)

    def took(self, round_trip_s: float) -> None:
        """Smooth a measured round trip into `round_trip_s`."""
        old = self.round_trip_s
        self.round_trip_s = round_trip_s if old == 0.0 else 0.875 * old + 0.125 * round_trip_s

    def echoed(self, pulse: Pulse, wall_ns: int) -> bool:
        """Measure round trip and offset by an echo; False when its times make no sense."""
        total = wall_ns - pulse.echo_ns
        held = pulse.sent_ns - pulse.received_ns
        if not 0 <= held <= total <= LATE_NS:
            return False  # a clock was set in between, or it is very late
        self.took((total - held) / 1e9)
        there = (pulse.received_ns + pulse.sent_ns) // 2
        self.offset_ns = (pulse.echo_ns + wall_ns) // 2 - there
        return True
