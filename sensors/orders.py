"""Commands of the centre at a site: each number once, not too late, its answer remembered.

No socket and no clock.  The station takes what `Orders.take` gives and says `Orders.answer`.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque

from sensors.messages import Answer, Command, Note

REMEMBERED = 256
"""Answers that are given again when their number comes again."""
WAITING = 32
"""Commands that the station has not taken yet; further ones are refused."""


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
        self._answers: OrderedDict[int, Answer | None] = OrderedDict()
        self._ready: deque[Answer] = deque(maxlen=WAITING + REMEMBERED)
        self._lock = threading.Lock()

    def arrived(self, command: Command, monitor_ns: int) -> None:
        """Take in a command; ``monitor_ns`` is the centre's clock as we know it."""
        with self._lock:
            if command.number in self._answers:
                self.counts["repeated"] += 1
                known = self._answers[command.number]
                if known is not None:
                    self._ready.append(known)
                return
            if monitor_ns > command.expires_ns:
                self.counts["late"] += 1
                self._settle(Answer(command.number, False, Note("command.late")))
            elif len(self._waiting) >= WAITING:
                self.counts["refused"] += 1
                self._settle(Answer(command.number, False, Note("command.busy")))
            else:
                self._remember(command.number, None)
                self._waiting.append(command)

    def take(self) -> Command | None:
        """Next command for the station."""
        with self._lock:
            if not self._waiting:
                return None
            self.counts["taken"] += 1
            return self._waiting.popleft()

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
