"""The receiver's own carrier in the middle of the band, learnt while hopping."""

from __future__ import annotations

import numpy as np

LEAST_HOPS = 3
"""With fewer a signal at exactly one tuned centre could not be told from the receiver's own."""


class DcEstimate:
    """Median over the hops of what was seen at their centres.

    An 8-bit converter's offset is the same wherever the tuner is; a signal at exactly a tuned
    centre is on one hop only and does not move a median.

    Attributes
    ----------
    value : complex
        To be subtracted from the samples, full scale 1; 0 until enough hops were seen.
    """

    def __init__(self) -> None:
        self.value = 0j
        self._seen: dict[float, complex] = {}

    def add(self, center_freq_hz: float, dc: complex) -> None:
        """Take in `Dwell.dc` of one dwell; the newest of each hop counts."""
        self._seen[center_freq_hz] = dc
        if len(self._seen) >= LEAST_HOPS:
            every = np.array(list(self._seen.values()))
            self.value = complex(np.median(every.real), np.median(every.imag))
