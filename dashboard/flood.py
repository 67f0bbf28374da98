"""How many messages one sender may say in a second."""

from __future__ import annotations

from collections import Counter

from sensors.wire import Refused

PER_S = 5000
"""Messages of one key (without keys: of one connection) in one second; a backlog of days drains at
a fraction of this."""


class Flood:
    """Counts the messages of each sender in the running second."""

    def __init__(self) -> None:
        self._second = 0
        self._rates: Counter[bytes] = Counter()

    def check(self, who: bytes, time_ns: int) -> None:
        """Count a message; a key may not open a hundred connections to say more.

        Raises
        ------
        Refused
            ``flood``.
        """
        second = time_ns // 1_000_000_000
        if second != self._second:
            self._second, self._rates = second, Counter()
        self._rates[who] += 1
        if self._rates[who] > PER_S:
            raise Refused("flood")
