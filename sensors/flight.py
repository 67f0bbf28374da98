"""Records between the outbox and the acknowledgement: which goes next, and which are on their way.

Go-back-N keeps no record of its own: what is in flight is held by the outbox until the centre
acknowledged it, so going back is nothing but reading again from an earlier number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sensors.outbox_record import Stored

WINDOW = 64
"""Records in flight."""
WINDOW_BYTES = 64 * 1024
"""Bytes in flight (one record may always go)."""
SIGNATURE_BYTES = 64
"""What a record's Ed25519 signature adds to it."""


class Log(Protocol):
    """What the protocol needs of an outbox; `sensors.outbox.Outbox` is one."""

    epoch: bytes
    last: int
    head: bytes
    acked: int

    @property
    def first(self) -> int:
        """Oldest record that is still held, ``last + 1`` when none is."""
        ...

    def after(self, seq: int, limit: int) -> Sequence[Stored]:
        """Records that follow ``seq``, in order."""
        ...

    def hash_of(self, seq: int) -> bytes | None:
        """Hash of a record still held; of 0 too."""
        ...

    def ack(self, seq: int) -> None:
        """Note that the centre has everything up to ``seq``."""
        ...


@dataclass(frozen=True, slots=True)
class _Sent:
    seq: int
    size: int
    sent_s: float
    again: bool  # sent before: its round trip proves nothing (Karn)


class Flight:
    """The window of records in flight, at most `WINDOW` of them and `WINDOW_BYTES`.

    Attributes
    ----------
    cursor : int
        Last record put into the socket.
    high : int
        Last record ever put into a socket of this session.
    """

    def __init__(self, log: Log) -> None:
        self.cursor = log.acked
        self.high = log.acked
        self._log = log
        self._ready: deque[Stored] = deque()  # read ahead of the cursor
        self._sent: deque[_Sent] = deque()
        self._bytes = 0  # of what is sent

    def __len__(self) -> int:
        return len(self._sent)

    def next(self) -> Stored | None:
        """Record that may go now; None when there is none or the window is full."""
        if len(self._sent) >= WINDOW:
            return None
        if not self._ready and self.cursor < self._log.last:
            self._ready.extend(self._log.after(self.cursor, WINDOW - len(self._sent)))
        if not self._ready:
            return None
        first = self._ready[0]
        if self._sent and self._bytes + _size(first) > WINDOW_BYTES:
            return None
        return first

    def took_off(self, record: Stored, now_s: float) -> bool:
        """The socket took what `next` returned; True when it had been sent before."""
        again = record.seq <= self.high
        self._sent.append(_Sent(record.seq, _size(record), now_s, again))
        self._bytes += _size(record)
        self.cursor = record.seq
        self.high = max(self.high, record.seq)
        self._ready.popleft()
        return again

    def landed(self, seq: int, now_s: float) -> float | None:
        """Everything up to ``seq`` arrived; its round trip in seconds where that is a measure."""
        round_trip_s = None
        while self._sent and self._sent[0].seq <= seq:
            sent = self._sent.popleft()
            self._bytes -= sent.size
            if not sent.again and sent.seq == seq:
                round_trip_s = now_s - sent.sent_s
        return round_trip_s

    def go_back(self, seq: int) -> None:
        """Begin again at ``seq + 1``: nothing is in flight."""
        self.cursor = seq
        self._sent.clear()
        self._bytes = 0
        self._ready.clear()


def _size(record: Stored) -> int:
    return len(record.signed.record) + SIGNATURE_BYTES
