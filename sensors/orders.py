"""Commands of the centre at a site: each number once, not too late, its answer remembered.

No socket and no clock.  The station takes what `Orders.take` gives and says `Orders.answer`; what a
command may ask for is in the Structs at the top.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, OrderedDict, deque
from typing import Annotated

from msgspec import Meta, Struct

from sensors.messages import Answer, Command, Configure, FileName, Freq, Id, Note, Text, TimeNs

REMEMBERED = 256
"""Answers that are given again when their number comes again."""
WAITING = 32
"""Commands that the station has not taken yet; further ones are refused."""
LONGEST_STAY_S = 30.0
"""For so long a dongle may be taken off its plan; then it goes back by itself."""


class Drill(Struct, frozen=True, forbid_unknown_fields=True):
    """``drill``: let synthetic transmissions be heard."""

    minutes: Annotated[float, Meta(gt=0, le=60)] = 1.0


class Retask(Struct, frozen=True, forbid_unknown_fields=True):
    """``retask``: stay at this window for the command's lease, at most `LONGEST_STAY_S`.

    ``cost``: say only what that would cost.
    """

    sensor: Id
    start_hz: Freq
    stop_hz: Freq


class Fetch(Struct, frozen=True, forbid_unknown_fields=True):
    """``fetch``: let the centre have a recording that lies at the site."""

    file: FileName


class Record(Struct, frozen=True, forbid_unknown_fields=True):
    """``record``: keep the samples around a frequency and let the centre have them.

    The window may lie in the ring (the last seconds), or reach into the future.
    """

    sensor: Id
    freq_hz: Freq
    start_ns: TimeNs
    stop_ns: TimeNs
    emitter: Text = ""  # for which emitter; empty for none


ASKS: dict[str, type[Struct]] = {
    "drill": Drill,
    "retask": Retask,
    "cost": Retask,
    "fetch": Fetch,
    "record": Record,
}
"""What may be asked of a site, by the name of the command."""


def configuration_digest(site: str, version: int, text: bytes) -> bytes:
    """What a monitor signs of a configuration: for whom it is, which one it is, and all of it."""
    head = f"rfproctor.configuration.v1\0{site}\0{version}\0".encode()
    return hashlib.sha256(head + text).digest()


class Orders:
    """Commands of one site.  Every method may be called from any thread.

    Attributes
    ----------
    counts : Counter
        ``taken``, ``repeated``, ``late``, ``refused``.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._waiting: deque[Command] = deque()
        self._configurations: deque[Configure] = deque()
        self._answers: OrderedDict[int, Answer | None] = OrderedDict()
        self._ready: deque[Answer] = deque(maxlen=WAITING + REMEMBERED)
        self._lock = threading.Lock()

    def arrived(self, order: Command | Configure, monitor_ns: int) -> None:
        """Take in a command; ``monitor_ns`` is the centre's clock as we know it."""
        with self._lock:
            if order.number in self._answers:
                self.counts["repeated"] += 1
                known = self._answers[order.number]
                if known is not None:
                    self._ready.append(known)
                return
            if monitor_ns > order.expires_ns:
                self.counts["late"] += 1
                self._settle(Answer(order.number, False, Note("command.late")))
            elif len(self._waiting) + len(self._configurations) >= WAITING:
                self.counts["refused"] += 1
                self._settle(Answer(order.number, False, Note("command.busy")))
            else:
                self._remember(order.number, None)
                if isinstance(order, Command):
                    self._waiting.append(order)
                else:
                    self._configurations.append(order)

    def take(self) -> Command | None:
        """Next command for the station."""
        with self._lock:
            if not self._waiting:
                return None
            self.counts["taken"] += 1
            return self._waiting.popleft()

    def configuration(self) -> Configure | None:
        """Next configuration that the centre wants here."""
        with self._lock:
            if not self._configurations:
                return None
            self.counts["taken"] += 1
            return self._configurations.popleft()

    def answer(self, answer: Answer) -> None:
        """Say whether a command is being carried out."""
        with self._lock:
            self._settle(answer)

    def ready(self) -> Answer | None:
        """Next answer to send."""
        with self._lock:
            return self._ready.popleft() if self._ready else None

    def _settle(self, answer: Answer) -> None:
        self._remember(answer.number, answer)
        self._ready.append(answer)

    def _remember(self, number: int, answer: Answer | None) -> None:
        self._answers[number] = answer
        while len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
