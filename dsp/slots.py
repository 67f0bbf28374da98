"""Bursts of one time slot are one transmission: a digital hand-held sends 30 ms in every 60.

DMR and PDT share a channel between two slots (ETSI TS 102 361-1); a person boxes the whole over.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsp.segment import Segment

PERIOD_S = 0.060
SLACK_S = 0.0015
ON_S = (0.024, 0.0325)
"""A burst lasts 27.5 ms, with its ramps up to 30."""

WIDEST_HZ = 25e3
FEWEST = 3
"""Two packets 60 ms apart may be chance."""

PATIENCE_S = PERIOD_S + SLACK_S + ON_S[1] + 0.016
"""When the next burst must have begun, ended and been told, with the pause after which it is."""

MOST_CHAINS = 64


@dataclass(slots=True, eq=False)
class _Chain:
    """Bursts in one band, each a period after the one before."""

    bursts: list[Segment]
    last_start: int
    count: int = 1

    def take(self, burst: Segment) -> None:
        self.last_start = burst.start
        self.count += 1
        self.bursts.append(burst)
        if self.count >= FEWEST:
            whole = self.bursts[0]
            for other in self.bursts[1:]:
                whole.absorb(other)
            # For its level and its kind it is on all the time.
            whole.on, whole.runs = whole.length, 1
            self.bursts = [whole]


class TimeSlots:
    """Joins bursts at the pace of time slots.

    Parameters
    ----------
    sample_rate_hz, bin_width_hz : float
    """

    def __init__(self, sample_rate_hz: float, bin_width_hz: float) -> None:
        self._rate, self._bin_width_hz = sample_rate_hz, bin_width_hz
        self._chains: list[_Chain] = []

    @property
    def held(self) -> list[Segment]:
        """Bursts and overs that may go on."""
        return [burst for chain in self._chains for burst in chain.bursts]

    def take(self, ended: list[Segment], position: int) -> list[Segment]:
        """Take what has ended; return what can no longer be part of an over, or a whole one.

        Parameters
        ----------
        ended : list of Segment
        position : int
            Sample up to which everything is known.
        """
        done: list[Segment] = []
        for segment in sorted(ended, key=lambda one: one.start):
            if not self._is_slot(segment):
                done.append(segment)
                continue
            chain = next((one for one in self._chains if self._follows(segment, one)), None)
            if chain is not None:
                chain.take(segment)
            else:
                self._chains.append(_Chain([segment], segment.start))
        patience = round(PATIENCE_S * self._rate)
        over = [one for one in self._chains if one.last_start + patience < position]
        waiting = [one for one in self._chains if one not in over]
        self._chains = waiting[-MOST_CHAINS:]  # more than that is no radio traffic
        over += waiting[: max(0, len(waiting) - MOST_CHAINS)]
        return done + [burst for chain in over for burst in chain.bursts]

    def _is_slot(self, segment: Segment) -> bool:
        seconds = segment.length / self._rate
        narrow = segment.width * self._bin_width_hz <= WIDEST_HZ
        return narrow and ON_S[0] <= seconds <= ON_S[1] and not segment.pulse

    def _follows(self, segment: Segment, chain: _Chain) -> bool:
        """Whether it comes a period after the chain's last, in its band."""
        apart = (segment.start - chain.last_start) / self._rate
        last = chain.bursts[-1]
        overlap = min(segment.high_bin, last.high_bin) - max(segment.low_bin, last.low_bin)
        return abs(apart - PERIOD_S) <= SLACK_S and overlap >= 0
