"""The monitor's half of one site's sequence, without socket, clock or disk.

A record is taken when it is signed by its site, belongs to the epoch that was greeted and is the
next one: its number follows and it carries the hash of the one before.  What is taken is not yet
stored; only what is stored is ever acknowledged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from dashboard.allow_list import AllowList
from dashboard.inbox import Breach, BreachKind, Incoming, Item, Layer, Past, Standing
from dashboard.newest import NewestHashes
from dashboard.relayed import StrangeOrigin, unwrap
from sensors.keys import key_id, signed_by
from sensors.messages import (
    VERSION,
    Ack,
    Event,
    Hello,
    Record,
    Refuse,
    RelayedEvent,
    Signed,
    Welcome,
)
from sensors.outbox_record import NO_HASH
from sensors.renewal import certificate_of
from sensors.wire import READS, Refused, read_event, read_record, record_hash

REMEMBERED = 256
"""Hashes of the newest records, to tell a repetition from another record of the same number."""

LOOKED_AT_AGAIN = ("wire.version", "wire.origin")
"""Objections that may be over: the site was updated, or a person has said that the key is right."""


class Chain:
    """The sequence of one site as this monitor holds it.

    Attributes
    ----------
    peer, site : str
        Key id of the first of the site's keys; the only site that they may speak for.
    signers : tuple of bytes
        Keys that may have signed its records: the one it came with, and others of its line.
    trust : AllowList or None
        Told which key follows which; None where there are no keys.
    relay : bool
        Whether it may also bring what others have signed.
    epoch : bytes
        As greeted last; empty before.
    taken, stored : Standing
        Accepted into the running batch; committed.
    held : str
        Message id of why nothing is taken until a person decides; empty normally.
    counts : Counter
        ``taken``, ``repeated``, ``missing``.
    """

    def __init__(self, verify_key: bytes, site: str, monitor: str, relay: bool = False) -> None:
        self.relay = relay
        self.verify_key = verify_key
        self.signers: tuple[bytes, ...] = (verify_key,)
        self.trust: AllowList | None = None
        self.peer = key_id(verify_key)
        self.site = site
        self.monitor = monitor
        self.epoch = b""
        self.taken = self.stored = Standing(0, NO_HASH)
        self.held = ""
        self.counts: Counter[str] = Counter()
        self.hello: Hello | None = None
        self._begins = False  # the epoch has no record here yet and another one has
        self._newest = NewestHashes(REMEMBERED)

    def greet(
        self, hello: Hello, past: Callable[[], Past], now_ns: int, *, fresh: bool
    ) -> list[Breach]:
        """Take in a greeting; the answer is `reply`, given after the batch is stored.

        Parameters
        ----------
        hello : Hello
        past : callable
            Asks the store; called only when this epoch was not greeted before.
        now_ns : int
        fresh : bool
            Whether the greeting answers a challenge; another one may be old.

        Raises
        ------
        Doubtful
            It would make an alarm and is not fresh; nothing changed.
        """
        if hello.low > max(READS) or hello.high < min(READS):
            self.hello, self.held = hello, "wire.version"
            return []
        known, begins, returned = self.taken, self._begins, False
        new = hello.epoch != self.epoch
        if new:
            known, begins, returned = self._recall(hello.epoch.hex(), past())
        elif self.held and self.held not in LOOKED_AT_AGAIN:
            return []  # a person decides, not another greeting
        kind: BreachKind | None = None
        if returned or known.seq > hello.last_seq:
            kind, first, last = "rollback", hello.last_seq + 1, known.seq
        elif known.seq == hello.last_seq and known.hash != hello.head:
            kind, first, last = "fork", hello.last_seq, hello.last_seq
        if kind is not None and not fresh:
            raise Doubtful
        if new:
            self.epoch, self.taken, self.stored = hello.epoch, known, known
            self._begins = begins
            self._newest = NewestHashes(REMEMBERED)
            self._newest.put(known.seq, known.hash)
        self.held = ""
        if self.hello is None or new or hello.first_seq >= self.hello.first_seq:
            self.hello = hello
        if kind is not None:
            return [self._hold(kind, first, max(first, last), now_ns)]
        ours = min(hello.acked, hello.last_seq) if new else 0  # what we confirmed, as it says
        return [self._breach("restored", known.seq + 1, ours, now_ns)] if ours > known.seq else []

    @staticmethod
    def _recall(epoch: str, past: Past) -> tuple[Standing, bool, bool]:
        """Standing of an epoch, whether it begins after another one, whether it came back."""
        begins = past.standing is None and bool(past.epochs)
        returned = epoch in past.epochs and epoch != past.epochs[-1]
        return past.standing or Standing(0, NO_HASH), begins, returned

    def take(self, signed: Signed, now_ns: int) -> list[Item]:
        """Accept the next record; an empty list for one that is here already.

        Raises
        ------
        Refused
            ``record``, ``version``, ``signature``, ``payload``, ``site``, ``held``.
        Missing
            Something before it has not arrived.
        """
        record, digest, signer = self.verify(signed)
        if record.seq <= self.taken.seq:
            self.counts["repeated"] += 1
            if self._newest.get(record.seq) not in (None, digest):
                return [self._hold("fork", record.seq, record.seq, now_ns)]
            return []
        items: list[Item] = []
        if record.seq != self.taken.seq + 1:
            if self.hello is None or record.seq != self.hello.first_seq:
                self.counts["missing"] += 1
                raise Missing(self.taken.seq + 1)
            gap = (self.taken.seq + 1, record.seq - 1)
            items.append(self._breach("gap", *gap, now_ns, record.previous))
        elif record.previous != self.taken.hash:
            return [self._hold("fork", record.seq, record.seq, now_ns)]
        incoming = self.open(record, signed, digest, now_ns)
        self._heed(incoming.event, signer)
        if self._begins:
            items.insert(0, self._breach("epoch", 1, 1, now_ns))
            self._begins = False
        self.taken = Standing(record.seq, digest)
        self._newest.put(record.seq, digest)
        self.counts["taken"] += 1
        return [*items, incoming]

    def verify(self, signed: Signed) -> tuple[Record, bytes, bytes]:
        """A record of this session, its hash, and which of the site's keys has signed it.

        Raises
        ------
        Refused
            ``record``, ``version``, ``signature``, ``held``.
        """
        record = read_record(signed.record)
        digest = record_hash(signed.record)
        if record.epoch != self.epoch or self.hello is None:
            raise Refused("record", "another epoch")
        for signer in self.signers:
            if signed_by(signer, digest, signed.signature):
                break
        else:
            raise Refused("signature", self.peer)
        if self.held:
            raise Refused("held", self.held)
        return record, digest, signer

    @property
    def version(self) -> int:
        """Highest version of the protocol that both sides speak."""
        return VERSION if self.hello is None else min(VERSION, self.hello.high)

    def comes_with(self, key: bytes, name: str, signers: tuple[bytes, ...]) -> None:
        """The site is here with this key; its records may be signed by any of its line."""
        self.verify_key, self.peer = key, name
        self.signers = (key, *(other for other in signers if other != key))

    def commit(self) -> None:
        """Everything taken is on the disk now."""
        self.stored = self.taken

    def restart(self) -> None:
        """Forget what is not stored, and any objection; the site greets again and we shall see.

        After a batch that could not be stored, or because a person decided.
        """
        self.held = ""
        self.epoch = b""
        self.hello = None

    def reply(self, now_ns: int) -> Welcome | Refuse:
        """Answer to the last greeting."""
        epoch = self.epoch or (self.hello.epoch if self.hello else bytes(16))
        if self.held:
            return Refuse(self.held, epoch, self.stored.seq)
        stored = self.stored
        return Welcome(self.version, self.monitor, epoch, stored.seq, stored.hash, now_ns)

    def ack(self, resend: bool) -> Ack:
        """Everything up to here is on the disk."""
        return Ack(self.epoch, self.stored.seq, self.stored.hash, resend)

    def _heed(self, event: Event, signer: bytes) -> None:
        """Let the site go on with another key, when it says so itself."""
        if self.trust is None or event.site != self.site:
            return
        certificate = certificate_of(event, signer)
        if certificate is not None:
            self.trust.succeed(signer, certificate)
            self.signers = (*self.signers, certificate.verify_key)

    def open(self, record: Record, signed: Signed, digest: bytes, now_ns: int) -> Incoming:
        """What a record says; one that says nothing understood holds up everything after it."""
        try:
            event = read_event(record.payload)
        except Refused:
            self.held = "wire.payload"
            raise
        if event.site != self.site:
            self.held = "wire.site"
            raise Refused("site", event.site)
        layers: tuple[Layer, ...] = ()
        if isinstance(event, RelayedEvent):
            event, layers = self._unwrap(event)
        return Incoming(
            peer=self.peer,
            epoch=record.epoch.hex(),
            seq=record.seq,
            event=event,
            time_ns=record.time_ns,
            received_ns=now_ns,
            clock_offset_ns=record.offset_ns,
            record=signed.record,
            signature=signed.signature,
            hash=digest,
            layers=layers,
        )

    def _unwrap(self, event: RelayedEvent) -> tuple[Event, tuple[Layer, ...]]:
        """The event inside, whose own site signed it."""
        try:
            if not self.relay:
                raise Refused("signature", "not a relay")
            return unwrap(event, self.trust)
        except Refused as refused:
            strange = isinstance(refused, StrangeOrigin)
            self.held = "wire.origin" if strange else "wire.relay"
            raise

    def _hold(self, kind: BreachKind, first: int, last: int, now_ns: int) -> Breach:
        self.held = f"wire.{kind}"
        return self._breach(kind, first, last, now_ns)

    def _breach(
        self, kind: BreachKind, first: int, last: int, now_ns: int, follows: bytes = b""
    ) -> Breach:
        return Breach(
            peer=self.peer,
            site=self.site,
            epoch=self.epoch.hex(),
            kind=kind,
            first_seq=first,
            last_seq=last,
            hash=follows,
            received_ns=now_ns,
        )


class Doubtful(Exception):
    """A greeting that would make an alarm, and may be old."""


class Missing(Exception):
    """A record came before the one that it follows."""

    def __init__(self, seq: int) -> None:
        self.seq = seq
        super().__init__(str(seq))
