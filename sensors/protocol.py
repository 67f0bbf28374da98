"""The site's half of the events plane, without socket, clock or disk: what to say, and when.

The caller tells the time, hands in what arrived and carries out what `Sender.outgoing` says, so
that a simulator can drive thousands of fault schedules through this very code.  Go-back-N: a window
of records is in flight; when the centre says that something is missing, or says nothing for too
long, everything after the last acknowledged record goes again.  The centre ignores what it has.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sensors.messages import VERSION, Ack, Down, Hello, Pulse, Refuse, Signed, Welcome, Who
from sensors.outbox import Stored
from sensors.wire import READS

WINDOW = 64
"""Records in flight."""
WINDOW_BYTES = 64 * 1024
"""Bytes in flight (one record may always go)."""
GREET_EVERY_S = 1.0
"""A greeting that is not answered is repeated."""
WELCOME_WITHIN_S = 10.0
"""A socket that brought no welcome for so long is thrown away: a refused one never tries again."""
SILENT_S = 3.0
"""Nothing from the centre: greet again, which is a question that it must answer."""
HELD_EVERY_S = 10.0
"""A refused site asks again."""
RTO_MIN_S, RTO_MAX_S = 1.0, 30.0
"""Bounds of the retransmission timeout."""

LinkState = Literal["greeting", "up", "refused"]


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
class Card:
    """What a site says of itself in its greeting."""

    site: str
    verify_key: bytes
    boot: bytes
    software: str = ""
    config: str = ""


@dataclass(slots=True)
class _Flight:
    seq: int
    size: int
    sent_s: float
    again: bool  # sent before: its round trip proves nothing (Karn)


class Sender:
    """State machine of one site towards one centre.

    Call `opened` when a socket was made; then, whenever something may have changed, send what
    `outgoing` returns and confirm each with `sent`; give every arrived message to `receive`; make a
    new socket when `wants_reset` says so.  Times are monotonic seconds.

    Attributes
    ----------
    state : {"greeting", "up", "refused"}
    reason : str
        Message id of what the centre (or this side) objects to, while refused.
    offset_ns, round_trip_s : int or None, float
        Site's clock minus the centre's, and how long an answer takes.
    counts : Counter
        ``sent``, ``resent``, ``acked``, ``resends``, ``greetings``, ``resets``, ``ignored``.
    """

    def __init__(self, log: Log, card: Card) -> None:
        self.log = log
        self.card = card
        self.state: LinkState = "greeting"
        self.reason = ""
        self.monitor = ""
        self.offset_ns: int | None = None
        self.round_trip_s = 0.0
        self.counts: Counter[str] = Counter()
        self._cursor = log.acked  # last record put into the socket
        self._high = log.acked  # last record ever put into a socket of this session
        self._flights: deque[_Flight] = deque()
        self._flying = 0  # bytes of them
        self._ready: deque[Stored] = deque()
        self._opened_s = 0.0
        self._greet_s = 0.0
        self._heard_s = 0.0
        self._progress_s = 0.0
        self._rewound_s = float("-inf")
        self._backoff = 1.0
        self._next: Stored | Hello | Signed | None = None
        self._proof: Signed | None = None
        self._answer = bytes(16)

    def opened(self, now_s: float) -> None:
        """A fresh socket: everything starts with a greeting."""
        self.state, self.reason = "greeting", ""
        self._opened_s = self._heard_s = now_s
        self._greet_s = now_s
        self._next = None

    def wants_reset(self, now_s: float) -> bool:
        """Whether the socket should be closed and made anew."""
        return self.state == "greeting" and now_s - self._opened_s >= WELCOME_WITHIN_S

    def outgoing(self, now_s: float) -> Hello | Signed | None:
        """Next message for the socket, or None.  Say `sent` when the socket took it."""
        self._timers(now_s)
        if self._next is None:
            self._next = self._choose(now_s)
        return self._next.signed if isinstance(self._next, Stored) else self._next

    def sent(self, now_s: float) -> None:
        """The socket took what `outgoing` returned last."""
        message, self._next = self._next, None
        if isinstance(message, Signed):
            self.counts["proofs"] += 1
            self._proof = None
        elif isinstance(message, Hello):
            self.counts["greetings"] += 1
            self._answer = bytes(16)
            self._greet_s = now_s + (HELD_EVERY_S if self.state == "refused" else GREET_EVERY_S)
        elif message is not None:
            again = message.seq <= self._high
            self.counts["resent" if again else "sent"] += 1
            if not self._flights:
                self._progress_s = now_s
            size = len(message.signed.record) + 64
            self._flights.append(_Flight(message.seq, size, now_s, again))
            self._flying += size
            self._cursor = message.seq
            self._high = max(self._high, message.seq)
            self._ready.popleft()

    def wake_s(self, now_s: float) -> float:
        """Seconds until a timer may be due, at most 1."""
        due = [now_s + 1.0]
        if self.state != "up":
            due.append(self._greet_s)
        elif self._flights:
            due.append(self._progress_s + self._rto_s())
        return max(0.0, min(due) - now_s)

    def receive(self, message: Down, now_s: float, wall_ns: int) -> None:
        """Take in one message of the centre; what does not fit is ignored and counted."""
        self._heard_s = now_s
        if isinstance(message, Ack):
            self._ack(message, now_s)
        elif isinstance(message, Pulse):
            self._pulse(message, wall_ns)
        elif isinstance(message, Welcome):
            self._welcome(message, now_s)
        elif isinstance(message, Refuse):
            if message.epoch == self.log.epoch:
                self._refused(message.reason, now_s)
        elif isinstance(message, Who):
            self._asked(message, now_s)

    def _choose(self, now_s: float) -> Stored | Hello | Signed | None:
        if self.state == "refused" and self._proof is not None:
            return self._proof
        if self.state != "up":
            return self._hello() if now_s >= self._greet_s else None
        if len(self._flights) >= WINDOW:
            return None
        if not self._ready and self._cursor < self.log.last:
            self._ready.extend(self.log.after(self._cursor, WINDOW - len(self._flights)))
        if not self._ready:
            return None
        first = self._ready[0]
        if self._flights and self._flying + len(first.signed.record) + 64 > WINDOW_BYTES:
            return None
        return first

    def _hello(self) -> Hello:
        log, card = self.log, self.card
        return Hello(
            low=min(READS),
            high=VERSION,
            site=card.site,
            verify_key=card.verify_key,
            epoch=log.epoch,
            first_seq=log.first,
            last_seq=log.last,
            head=log.head,
            boot=card.boot,
            software=card.software,
            config=card.config,
            answer=self._answer,
        )

    def _timers(self, now_s: float) -> None:
        if self.state != "up":
            return
        if now_s - self._heard_s >= SILENT_S:
            self._greet(now_s)
        elif self._flights and now_s - self._progress_s >= self._rto_s():
            self._backoff = min(self._backoff * 2, RTO_MAX_S / RTO_MIN_S)
            self._rewind(self.log.acked, now_s)

    def _rto_s(self) -> float:
        return min(RTO_MAX_S, max(RTO_MIN_S, 4.0 * self.round_trip_s) * self._backoff)

    def _greet(self, now_s: float) -> None:
        self.state = "greeting"
        self._opened_s = self._greet_s = now_s
        self._next = None

    def _asked(self, who: Who, now_s: float) -> None:
        if who.challenge != bytes(16):
            self._answer = who.challenge
            self._greet_s = now_s
            if self.state != "refused":
                self._greet(now_s)
        elif self.state != "greeting":
            self._greet(now_s)

    def _forked(self, seq: int, now_s: float) -> None:
        """The centre holds another record of this number: show ours, so that it knows too."""
        ours = self.log.after(seq - 1, 1)
        self._proof = ours[0].signed if ours and ours[0].seq == seq else None
        self._refused("wire.fork", now_s)

    def _refused(self, reason: str, now_s: float) -> None:
        if self.state != "refused":
            self._greet_s = now_s + HELD_EVERY_S
        self.state, self.reason = "refused", reason
        self._next = None

    def _rewind(self, seq: int, now_s: float) -> None:
        """Send again from ``seq + 1``."""
        if self._flights:
            self.counts["resends"] += 1
        self._rewound_s = self._progress_s = now_s
        self._cursor = seq
        self._flights.clear()
        self._flying = 0
        self._ready.clear()
        if isinstance(self._next, Stored):
            self._next = None

    def _welcome(self, message: Welcome, now_s: float) -> None:
        log = self.log
        if message.epoch != log.epoch or self.state == "up":
            self.counts["ignored"] += 1
            return
        if message.seq > log.last:
            self._refused("wire.rollback", now_s)
            return
        ours = log.hash_of(message.seq)
        if ours is not None and ours != message.hash:
            self._forked(message.seq, now_s)
            return
        if message.seq != log.acked:
            log.ack(message.seq)
        self.state, self.reason, self.monitor = "up", "", message.monitor
        self._backoff = 1.0
        self._high = max(self._high, message.seq)
        self._rewind(message.seq, now_s)

    def _ack(self, message: Ack, now_s: float) -> None:
        log = self.log
        in_range = log.acked <= message.seq <= self._high
        if self.state != "up" or message.epoch != log.epoch or not in_range:
            self.counts["ignored"] += 1
            return
        ours = log.hash_of(message.seq)
        if ours is not None and ours != message.hash:
            self._forked(message.seq, now_s)
            return
        if message.seq > log.acked:
            self.counts["acked"] += message.seq - log.acked
            log.ack(message.seq)
            self._progress_s = now_s
            self._backoff = 1.0
            self._land(message.seq, now_s)
            if self._cursor < message.seq:  # acknowledged what went out before a rewind
                self._rewind(message.seq, now_s)
        if message.resend and now_s - self._rewound_s >= max(0.1, self.round_trip_s):
            self._rewind(log.acked, now_s)

    def _land(self, seq: int, now_s: float) -> None:
        while self._flights and self._flights[0].seq <= seq:
            flight = self._flights.popleft()
            self._flying -= flight.size
            if not flight.again and flight.seq == seq:
                self._measured(now_s - flight.sent_s)

    def _measured(self, round_trip_s: float) -> None:
        old = self.round_trip_s
        self.round_trip_s = round_trip_s if old == 0.0 else 0.875 * old + 0.125 * round_trip_s

    def _pulse(self, message: Pulse, wall_ns: int) -> None:
        total = wall_ns - message.echo_ns
        held = message.sent_ns - message.received_ns
        if not 0 <= held <= total <= 60_000_000_000:
            self.counts["ignored"] += 1  # a clock was set in between, or it is very late
            return
        self._measured((total - held) / 1e9)
        there = (message.received_ns + message.sent_ns) // 2
        self.offset_ns = (message.echo_ns + wall_ns) // 2 - there
