"""The recovery of a failed outbox: what is wrong with it now, and when to open it anew.

A full outbox still reads, so it is not opened anew: the next event that finds space ends that
fault.
"""

from __future__ import annotations

import time
from collections import Counter

from sensors.outbox import Outbox, OutboxFault, OutboxFull

REOPEN_EVERY_S = 5.0
"""A failed outbox is opened anew so often."""


class Recovery:
    """Keeps the fault of one outbox until it is over.

    Attributes
    ----------
    fault : OutboxFault or None
        What is wrong now.
    counts : Counter
        ``outbox_faults``, ``outbox_reopened``.
    """

    def __init__(self, outbox: Outbox) -> None:
        self.fault: OutboxFault | None = None
        self.counts: Counter[str] = Counter()
        self._outbox = outbox
        self._reopen_s = 0.0

    def failed(self, fault: OutboxFault) -> None:
        """Note a fault; the first one waits before the outbox is opened anew."""
        if self.fault is None:
            self._reopen_s = time.monotonic() + REOPEN_EVERY_S
        self.fault = fault
        self.counts["outbox_faults"] += 1

    def stored(self) -> None:
        """An event was stored: there is space again."""
        if isinstance(self.fault, OutboxFull):
            self.fault = None

    def usable(self) -> bool:
        """Whether the outbox can be read; a failed one is tried again now and then."""
        if self.fault is None or isinstance(self.fault, OutboxFull):
            return True
        now = time.monotonic()
        if now < self._reopen_s:
            return False
        self._reopen_s = now + REOPEN_EVERY_S
        try:
            self._outbox.reopen()
        except OutboxFault as fault:
            self.fault = fault
            return False
        self.fault = None
        self.counts["outbox_reopened"] += 1
        return True
