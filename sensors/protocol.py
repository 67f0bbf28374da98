"""The site's half of the events plane, without socket, clock or disk: what to say, and when.

The caller tells the time, hands in what arrived and carries out what `Sender.outgoing` says, so
that a simulator can drive thousands of fault schedules through this very code.  Go-back-N: a window
of records is in flight; when the centre says that something is missing, or says nothing for too
long, everything after the last acknowledged record goes again.  The centre ignores what it has.
Which records are on their way is kept in ``sensors/flight.py``, what is known of the line's times
in ``sensors/timing.py``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from sensors.early import Early
from sensors.flight import Flight, Log
from sensors.messages import VERSION, Ack, Ahead, Down, Hello, Pulse, Refuse, Signed, Welcome, Who
from sensors.outbox_record import Stored
from sensors.timing import Timing
from sensors.wire import LAYOUT, READS

GREET_EVERY_S = 1.0
"""A greeting that is not answered is repeated."""
WELCOME_WITHIN_S = 10.0
"""A socket that brought no welcome for so long is thrown away: a refused one never tries again."""
SILENT_S = 3.0
"""Nothing from the centre: greet again, which is a question that it must answer."""
HELD_EVERY_S = 10.0
"""A refused site asks again."""

LinkState = Literal["greeting", "up", "refused"]


@dataclass(frozen=True, slots=True)
class Card:
    """What a site says of itself in its greeting."""

    site: str
    verify_key: bytes
    boot: bytes
    software: str = ""
    config: str = ""


class Sender:
    """State machine of one site towards one centre.

    Call `opened` when a socket was made; then, whenever something may have changed, send what
    `outgoing` returns and confirm each with `sent`; give every arrived message to `receive`; make a
    new socket when `wants_reset` says so.  Times are monotonic seconds.

    Attributes
    ----------
    state : {"greeting", "up", "refused"}
    version : int
        Of the protocol, as the centre chose it.
    reason : str
        Message id of what the centre (or this side) objects to, while refused.
    flight : Flight
        Records on their way.
    early : Early
        Which records are shown before their turn.
    timing : Timing
        Site's clock minus the centre's, and how long an answer takes.
    counts : Counter
        ``sent``, ``resent``, ``ahead``, ``acked``, ``resends``, ``greetings``, ``resets``,
        ``ignored``.
    """

    def __init__(self, log: Log, card: Card) -> None:
        self.log = log
        self.card = card
        self.state: LinkState = "greeting"
        self.reason = ""
        self.monitor = ""
        self.version = 1
        self.flight = Flight(log)
        self.early = Early(log)
        self.timing = Timing()
        self.counts: Counter[str] = Counter()
        self._opened_s = 0.0
        self._greet_s = 0.0
        self._heard_s = 0.0
        self._progress_s = 0.0
        self._rewound_s = float("-inf")
        self._next: Stored | Hello | Signed | Ahead | None = None
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

    def outgoing(self, now_s: float) -> Hello | Signed | Ahead | None:
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
        elif isinstance(message, Ahead):
            self.counts["ahead"] += 1
            self.early.took_off(now_s)
        elif isinstance(message, Hello):
            self.counts["greetings"] += 1
            self._answer = bytes(16)
            self._greet_s = now_s + (HELD_EVERY_S if self.state == "refused" else GREET_EVERY_S)
        elif message is not None:
            if not self.flight:
                self._progress_s = now_s
            again = self.flight.took_off(message, now_s)
            self.counts["resent" if again else "sent"] += 1

    def wake_s(self, now_s: float) -> float:
        """Seconds until a timer may be due, at most 1."""
        due = [now_s + 1.0, self.early.wake_s(now_s)]
        if self.state != "up":
            due.append(self._greet_s)
        elif self.flight:
            due.append(self._progress_s + self.timing.rto_s)
        return max(0.0, min(due) - now_s)

    def receive(self, message: Down, now_s: float, wall_ns: int) -> None:
        """Take in one message of the centre; what does not fit is ignored and counted."""
        self._heard_s = now_s
        if isinstance(message, Ack):
            self._ack(message, now_s)
        elif isinstance(message, Pulse):
            if not self.timing.echoed(message, wall_ns):
                self.counts["ignored"] += 1
        elif isinstance(message, Welcome):
            self._welcome(message, now_s)
        elif isinstance(message, Refuse):
            if message.epoch == self.log.epoch:
                self._refused(message.reason, now_s)
        elif isinstance(message, Who):
            self._asked(message, now_s)

    def _choose(self, now_s: float) -> Stored | Hello | Signed | Ahead | None:
        if self.state == "refused" and self._proof is not None:
            return self._proof
        if self.state != "up":
            return self._hello() if now_s >= self._greet_s else None
        knows = self.version >= LAYOUT[Ahead]
        ahead = self.early.next(self.flight.cursor, now_s) if knows else None
        return ahead or self.flight.next()

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
            acked=log.acked,
        )

    def _timers(self, now_s: float) -> None:
        if self.state != "up":
            return
        if now_s - self._heard_s >= SILENT_S:
            self._greet(now_s)
        elif self.flight and now_s - self._progress_s >= self.timing.rto_s:
            self.timing.timed_out()
            self._rewind(self.log.acked, now_s)

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
        if self.flight:
            self.counts["resends"] += 1
        self._rewound_s = self._progress_s = now_s
        self.flight.go_back(seq)
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
        self.version = message.version
        self.timing.progressed()
        self.flight.high = max(self.flight.high, message.seq)
        self._rewind(message.seq, now_s)

    def _ack(self, message: Ack, now_s: float) -> None:
        log = self.log
        in_range = log.acked <= message.seq <= self.flight.high
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
            self.timing.progressed()
            round_trip_s = self.flight.landed(message.seq, now_s)
            if round_trip_s is not None:
                self.timing.took(round_trip_s)
            if self.flight.cursor < message.seq:  # acknowledged what went out before a rewind
                self._rewind(message.seq, now_s)
        if message.resend and now_s - self._rewound_s >= max(0.1, self.timing.round_trip_s):
            self._rewind(log.acked, now_s)
