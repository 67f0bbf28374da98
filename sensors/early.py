"""Which records are shown to the centre before their turn, while a backlog drains.

After days without a line an alarm of this moment would wait behind everything that happened before.
So the newest records of emitters are also sent ahead of it.  The centre may raise an alarm by one;
it neither stores nor acknowledges it: every record still comes in its place.
"""

from __future__ import annotations

from sensors.flight import WINDOW, Log
from sensors.messages import Ahead, NoticeEvent
from sensors.wire import read_event, read_record

BEHIND = WINDOW
"""With fewer records waiting for their turn, that turn is soon enough."""
MOST = 16
"""Of the newest records; what is older waits for its turn."""
EVERY_S = 0.05
"""At most so often: on a slow line most of the line is for the backlog."""


class Early:
    """Chooses records to be shown early.

    Parameters
    ----------
    log : Log

    Attributes
    ----------
    behind : int
        So many records wait for their turn before any is shown early.
    """

    def __init__(self, log: Log) -> None:
        self.behind = BEHIND
        self._log = log
        self._shown = log.acked  # up to here everything was shown, or needs not be
        self._offered = 0
        self._next_s = float("-inf")

    def next(self, cursor: int, now_s: float) -> Ahead | None:
        """Record to show now; ``cursor`` is the last one that went out in its turn."""
        last = self._log.last
        self._shown = max(min(self._shown, last), cursor + self.behind, last - MOST)
        if self._shown >= last or now_s < self._next_s:
            return None
        for record in self._log.after(self._shown, MOST):
            signed = record.signed
            if not isinstance(read_event(read_record(signed.record).payload), NoticeEvent):
                self._offered = record.seq
                return Ahead(signed.record, signed.signature)
            self._shown = record.seq
        return None

    def took_off(self, now_s: float) -> None:
        """The socket took what `next` returned."""
        self._shown = self._offered
        self._next_s = now_s + EVERY_S

    def wake_s(self, now_s: float) -> float:
        """When another one may go.

        Never, when the last one went long ago: a line that is down, or a socket that is full, is
        not asked again and again.
        """
        waits = self._shown < self._log.last and now_s < self._next_s + EVERY_S
        return max(now_s, self._next_s) if waits else float("inf")
