"""What comes in on the events plane and what it leads to, as values."""

from __future__ import annotations

from dataclasses import dataclass, field

from dashboard.inbox import Early, Incoming
from sensors.messages import Answer, Down, Heartbeat


@dataclass(frozen=True, slots=True)
class Arrival:
    """One multipart message as it came.

    Attributes
    ----------
    route : bytes
        Where an answer goes: the socket's own name for this connection.
    user : bytes
        Public CURVE key as checked by the handshake (Z85); empty on a socket without keys.
    frames : list of bytes
    time_ns : int
        UTC of its arrival.
    """

    route: bytes
    user: bytes
    frames: list[bytes]
    time_ns: int


@dataclass(slots=True)
class Outcome:
    """What a batch led to.

    Attributes
    ----------
    replies : list of (bytes, Down)
        Route and message, in order.  ``Pulse.sent_ns`` is filled in when it is sent.
    events : list of Incoming
        Newly stored.
    early : list of Early
        Shown before their turn.
    heartbeats : list of Heartbeat
    answers : list of (str, Answer)
        To commands, with the site.
    refused : list of (str, str, str)
        Reason, peer (key id, site or ``?``) and detail, of every dropped frame.
    """

    replies: list[tuple[bytes, Down]] = field(default_factory=list)
    events: list[Incoming] = field(default_factory=list)
    early: list[Early] = field(default_factory=list)
    heartbeats: list[Heartbeat] = field(default_factory=list)
    answers: list[tuple[str, Answer]] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)


class StoreFailed(Exception):
    """Nothing of a batch could be stored; what needs no store is in ``outcome`` all the same."""

    def __init__(self, why: object, outcome: Outcome | None = None) -> None:
        super().__init__(why)
        self.outcome = outcome or Outcome()
