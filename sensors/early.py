"""Which records are shown to the centre before their turn, while a backlog drains.

After days without a line an alarm of this moment would wait behind everything that happened before.
So the newest records of emitters are also sent ahead of it.  The centre may raise an alarm by one;
it neither stores nor acknowledges it: every record still comes in its place.  What a site shows its
centre so, that one shows to the level above, and so on.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from sensors.flight import WINDOW, Log
from sensors.messages import Ahead, NoticeEvent
from sensors.wire import read_event, read_record

BEHIND = WINDOW
"""With fewer records waiting for their turn, that turn is soon enough."""
MOST = 16
"""Of the newest records; what is older waits for its turn."""
EVERY_S = 0.05
"""At most so often: on a slow line most of the line is for the backlog."""
MOST_BELOW = 256
"""Emitters of sites below that wait to be shown; the one that waits longest gives way."""


class Early:
    """Chooses records to be shown early.

    Parameters
    ----------
    log : Log

    Attributes
    ----------
    behind : int
        So many records wait for their turn before any is shown early.
    dropped : int
        Records of sites below that gave way.
    """

    def __init__(self, log: Log) -> None:
        self.behind = BEHIND
        self.dropped = 0
        self._below: OrderedDict[tuple[str, str], Ahead] = OrderedDict()
        self._lock = threading.Lock()
        self._taken: Ahead | None = None
        self._log = log
        self._shown = log.acked  # up to here everything was shown, or needs not be
        self._offered = 0
        self._next_s = float("-inf")

    def pass_on(self, emitter: tuple[str, str], ahead: Ahead) -> None:
        """Show what a site below shows of an emitter, its newest; called from any thread."""
        with self._lock:
            self._below.pop(emitter, None)
            self._below[emitter] = ahead
            if len(self._below) > MOST_BELOW:
                self._below.popitem(last=False)
                self.dropped += 1

    def next(self, cursor: int, now_s: float) -> Ahead | None:
        """Record to show now; ``cursor`` is the last one that went out in its turn."""
        last = self._log.last
        self._shown = max(min(self._shown, last), cursor + self.behind, last - MOST)
        if now_s < self._next_s:
            return None
        with self._lock:
            self._taken = next(iter(self._below.values()), None)
        if self._taken is not None or self._shown >= last:
            return self._taken
        for record in self._log.after(self._shown, MOST):
            signed = record.signed
            if not isinstance(read_event(read_record(signed.record).payload), NoticeEvent):
                self._offered = record.seq
                return Ahead(signed.record, signed.signature)
            self._shown = record.seq
        return None

    def took_off(self, now_s: float) -> None:
        """The socket took what `next` returned."""
        if self._taken is None:
            self._shown = self._offered
        else:
            with self._lock:
                for emitter in [key for key, one in self._below.items() if one is self._taken]:
                    del self._below[emitter]  # unless a newer one has come since
        self._next_s = now_s + EVERY_S

    def wake_s(self, now_s: float) -> float:
        """When another one may go.

        Never, when the last one went long ago: a line that is down, or a socket that is full, is
        not asked again and again.
        """
        waits = (self._below or self._shown < self._log.last) and now_s < self._next_s + EVERY_S
        return max(now_s, self._next_s) if waits else float("inf")
