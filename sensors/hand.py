"""The one thread that touches a dongle: it tunes away the moment a visit has been on the air."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from dsp.plan import Hop
from dsp.values import IQBlock
from sdr.source import Source

AHEAD = 2
"""Visits asked for at a time: one is on the air while one waits, so that the dongle never does."""

LEAVE = 0.75
"""Of a visit's length: called off until it has been on the air for so long, settling included."""

HOP_TIMES = 128
"""Latest hops whose time is known; the mean is told, for that is what a sweep takes."""

PAUSE_S = 0.5
"""What takes so long is no hop: the computer stood still, and the ledger has a gap."""


@dataclass(slots=True, eq=False)
class _Visit:
    """A visit that was asked for; it can be called off until most of it has been on the air."""

    hop: Hop
    follows: bool  # right after another visit, without anything between
    on_air_s: float = math.inf
    off: threading.Event = field(default_factory=threading.Event)
    heard: Future[Callable[[], IQBlock] | None] = field(init=False)


class Hand:
    """Visits hops in the order in which they are asked for, without a pause between them.

    While the samples of one visit are under way and are computed, the next hop is tuned.

    Parameters
    ----------
    source : Source
        Open and configured.
    num_samples : int
        Of a visit.

    Attributes
    ----------
    hop : Hop or None
        Of the latest visit, heard or not.
    clock_s : float
        End of the latest visit on the clock of the samples, which nobody sets.
    """

    def __init__(self, source: Source, num_samples: int) -> None:
        self.hop: Hop | None = None
        self.clock_s = 0.0
        self._source = source
        self._num_samples = num_samples
        visit_s = num_samples / source.settings.sample_rate_hz
        # What is read of a recording is not there a second time.
        self._leave_s = LEAVE * visit_s if source.info.tunable else 0.0
        self._tuned_hz = float("nan")
        self._thread = ThreadPoolExecutor(1, "source")
        self._asked: deque[_Visit] = deque()
        self._hop_s: deque[float] = deque(maxlen=HOP_TIMES)
        self._busy = False  # the next visit was asked for before the latest one was over
        self._follows = False  # what is asked for next comes right after a visit
        self._unheard = 0  # samples whose loss a second look was told; the next visit tells it

    def close(self) -> None:
        """Finish what is on the air and touch the source no more."""
        self._thread.shutdown(cancel_futures=True)

    @property
    def room(self) -> int:
        """Visits that can be asked for now."""
        return max(0, AHEAD - len(self._asked))

    @property
    def hop_s(self) -> float | None:
        """Seconds from one visit to the next, tuning and all; None before it was measured."""
        if len(self._hop_s) < HOP_TIMES // 8:
            return None
        return sum(self._hop_s) / len(self._hop_s)

    def ask(self, *hops: Hop) -> None:
        """Have hops visited after those asked for before."""
        self._asked.extend(map(self._visit, hops))

    def recall(self, *, leave: bool = True) -> list[Hop]:
        """Call off the visits whose end is far; return their hops, for them to be visited later.

        Parameters
        ----------
        leave : bool
            Those that have begun too: one that is being tuned to is left right after that, nothing
            of it is read; one that has not been on the air for long is left at once and not given,
            as if it had not begun.  It wins up to a visit and loses up to another.
        """
        self._follows = False
        latest_s = time.monotonic() - self._leave_s
        called_off = []
        for one in self._asked:
            far = leave and one.on_air_s > latest_s and not one.heard.done()
            if one.heard.cancel() or far:
                one.off.set()
                called_off.append(one)
        self._asked = deque(one for one in self._asked if not one.off.is_set())
        return [one.hop for one in called_off]

    def hear(self) -> IQBlock:
        """Wait for the samples of the oldest visit asked for.

        Raises
        ------
        TunerNotLocked, DeviceLost, EndOfRecording
            As `Source.tune` and `Source.read`.
        """
        visit, before_s, before = self._asked.popleft(), self.clock_s, self.hop
        counts, self._busy, self.hop = self._busy and visit.follows, False, visit.hop
        block = _samples(visit)
        self.clock_s = (block.sample_index + block.num_samples) / block.sample_rate_hz
        hop_s = self.clock_s - before_s
        if counts and before is not None and visit.hop.index != before.index and hop_s < PAUSE_S:
            self._hop_s.append(hop_s)
        self._busy = bool(self._asked)
        lost, self._unheard = block.dropped_samples + self._unheard, 0
        return replace(block, dropped_samples=lost)

    def look(self, hop: Hop, then: Iterable[Hop] = ()) -> IQBlock:
        """Look after what has begun, with ``then`` at once; visit that first of all after it."""
        then = tuple(then)
        waiting = self.recall(leave=bool(then))
        visit = self._visit(hop)
        self._follows = False
        self.ask(*then, *waiting)
        block = _samples(visit)
        self._unheard += block.dropped_samples
        return block

    def set_gain(self, gain_db: float) -> float | None:
        """Set the gain for the visits asked for from now on; return what it became."""
        self._follows = False
        return self._thread.submit(self._source.configure, gain_db=gain_db).result().gain_db

    def _visit(self, hop: Hop) -> _Visit:
        visit, self._follows = _Visit(hop, self._follows), True
        visit.heard = self._thread.submit(self._read, visit)
        return visit

    def _read(self, visit: _Visit) -> Callable[[], IQBlock] | None:
        """Tune and be there; in the source's thread."""
        center_hz = visit.hop.center_freq_hz
        if self._tuned_hz != center_hz:
            self._tuned_hz = float("nan")
            self._source.tune(center_hz)
            self._tuned_hz = center_hz
        if visit.off.is_set():
            return None
        visit.on_air_s = time.monotonic()
        return self._source.begin(self._num_samples, visit.off)


def _samples(visit: _Visit) -> IQBlock:
    """Samples of a visit that was not called off."""
    finish = visit.heard.result()
    assert finish is not None
    return finish()
