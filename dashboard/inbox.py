"""What the receiver hands to the store, and what it asks of it: the durable half of the wire.

Everything in one batch is committed in one transaction (event, alarm, audit row) before anything of
it is acknowledged.  If `Store.ingest` raises, nothing of the batch may remain and nothing is
acknowledged: the sites send it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from sensors.messages import Event

BreachKind = Literal["gap", "fork", "rollback", "epoch", "restored", "repeated", "late"]


@dataclass(frozen=True, slots=True)
class Layer:
    """A record inside a relay's: of the site that it is about, or of a relay between.

    Attributes
    ----------
    site : str
        Who signed it.
    epoch : str
    seq : int
    hash, previous : bytes
        Its own, and of the record that it follows.
    """

    site: str
    epoch: str
    seq: int
    hash: bytes
    previous: bytes


@dataclass(frozen=True, slots=True)
class Incoming:
    """One confirmed event of a site: new, next in its sequence, signature checked.

    Attributes
    ----------
    peer : str
        Key id of the site whose signature it carries (16 hex digits).
    epoch : str
        Life of that site's outbox (32 hex digits); ``(peer, epoch, seq)`` is unique for ever.
    seq : int
        1, 2, 3 ... without a gap inside an epoch.
    event : Event
        What happened.
    time_ns : int
        Site's clock when it was committed there.
    received_ns : int
        Monitor's clock when it arrived.
    clock_offset_ns : int or None
        Site's clock minus the monitor's, as the site measured it; None when it had no measure.
    record, signature, hash : bytes
        The signed record as it travelled, its Ed25519 signature and its SHA-256, which the next
        record of the peer contains.  Store all three: they are the proof.
    layers : tuple of Layer
        What it holds when a relay brought it, the site's own record last.
    repeated : bool
        The site's record is here already: this one is kept as a proof and changes nothing.
    """

    peer: str
    epoch: str
    seq: int
    event: Event
    time_ns: int
    received_ns: int
    clock_offset_ns: int | None
    record: bytes
    signature: bytes
    hash: bytes
    layers: tuple[Layer, ...] = ()
    repeated: bool = False

    @property
    def place(self) -> tuple[str, int]:
        """Epoch and number at the site that it is about, whoever brought it."""
        if self.layers:
            return self.layers[-1].epoch, self.layers[-1].seq
        return self.epoch, self.seq


@dataclass(frozen=True, slots=True)
class Early:
    """An event before its turn: alarms know it from now on; its record is stored when it comes.

    Attributes
    ----------
    incoming : Incoming
    verify_key : bytes
        Who signed its record: whoever sent it, or a site below that one.
    """

    incoming: Incoming
    verify_key: bytes

    @property
    def peer(self) -> str:
        """Key id of the site."""
        return self.incoming.peer


@dataclass(frozen=True, slots=True)
class Breach:
    """The sequence of a site is broken; becomes an alarm and an audit row, never healed silently.

    Attributes
    ----------
    peer : str
        Who sent it.
    site, epoch : str
        Whose sequence it is; not the peer's own where there is a relay.
    kind : BreachKind
        ``gap``: records ``first_seq..last_seq`` are lost at the site.  ``fork``: the site sent
        another record than the one that ours was followed by (a cloned or edited outbox).
        ``rollback``: the site's outbox ends before what we had acknowledged (a restored disk, or
        storage that lied).  ``epoch``: a new outbox began where an old one ended.  ``restored``:
        we had acknowledged these and do not have them: our own database is an older one.  Only of
        a relay's: ``repeated`` and ``late``, it brought records that were here, or left them out
        before; its ``gap`` is what it left out, or what was lost before it.
    first_seq, last_seq : int
        The records concerned.
    hash : bytes
        For a gap, the hash that the next record claims to follow: `Store.last` must answer
        ``(last_seq, hash)`` after it.  Empty otherwise: the standing does not move.
    received_ns : int
    relay : str
        Site id of the relay that brought the sequence of a site below; empty for a peer's own.
    """

    peer: str
    site: str
    epoch: str
    kind: BreachKind
    first_seq: int
    last_seq: int
    hash: bytes
    received_ns: int
    relay: str = ""


Item = Incoming | Breach | Early


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a peer's epoch is in the store: the last sequence number and that record's hash."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Past:
    """What the store knows of a peer when it says hello."""

    standing: Standing | None
    epochs: list[str]


class Layers(Protocol):
    """What the store knows of the records that relays have brought."""

    def end(self, site: str, epoch: str) -> Standing | None:
        """The highest number of this epoch of a site, however it came; None when there is none."""
        ...

    def brought(self, site: str, epoch: str) -> int:
        """The highest number of it that a relay has brought; 0 when there is none."""
        ...

    def has_other(self, site: str, epoch: str) -> bool:
        """Whether a relay has brought another epoch of this site."""
        ...

    def find(self, site: str, epoch: str, seq: int) -> Layer | None:
        """A record of a site, however it came."""
        ...


class Store(Protocol):
    """What the receiver needs of the monitor's store.

    All calls come from one thread of the receiver's own, one at a time, never from the event loop.
    """

    @property
    def layers(self) -> Layers:
        """The records inside the relays'."""
        ...

    def ingest(self, batch: Sequence[Item]) -> None:
        """Commit a batch in order, in ONE durable transaction: event, alarm and audit rows.

        ``(peer, epoch, seq)`` has a unique index; a second one is a bug and must raise.
        """
        ...

    def last(self, peer: str, epoch: str) -> Standing | None:
        """Where this epoch of a peer ends here; None when nothing of it was ever stored."""
        ...

    def epochs(self, peer: str) -> list[str]:
        """Every epoch of a peer that is stored, oldest first."""
        ...
