"""A simulated world around the shipped protocol code: sites, a monitor, a bad network, bad disks.

Everything is drawn from one seed, so a failing seed replays exactly.  The ledger of what was
confirmed is kept here, outside the code under test, and compared with what the store holds.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

import dashboard.chain
import sensors.keys
from dashboard.chain import Chain
from dashboard.inbox import Breach, Early, Incoming, Item, Standing
from dashboard.intake import Arrival, Intake, StoreFailed
from dashboard.keyring import FixedList, Peer
from sensors.keys import Keys
from sensors.messages import (
    RECORD_VERSION,
    VERSION,
    Ack,
    Ahead,
    EmitterEvent,
    Event,
    Note,
    NoticeEvent,
    Record,
    Signed,
    Welcome,
)
from sensors.outbox_record import NO_HASH, Stored
from sensors.protocol import Card, Sender
from sensors.wire import CODES, EVENTS_DOWN, encode, pack, record_hash

# The same record arrives many times; the answer of a pure function may be remembered.
dashboard.chain.signed_by = lru_cache(maxsize=20_000)(sensors.keys.signed_by)

BASE_NS = 1_800_000_000_000_000_000


class Violation(Exception):
    """A promise was broken."""


class PowerOff(BaseException):
    """The monitor's process ends inside the store's call."""


class MemoryLog:
    """An outbox whose disk is a list; ``lag`` commits are lost in a power cut."""

    def __init__(self, keys: Keys, rng: random.Random, lag: int = 0) -> None:
        self.keys = keys
        self.epoch = rng.randbytes(16)
        self.records: list[Stored] = []
        self.acked = 0
        self.lag = lag
        self.trimmed = 0
        self.keep = 1 << 30  # acknowledged records that are held for a restored monitor

    @property
    def last(self) -> int:
        return self.trimmed + len(self.records)

    @property
    def head(self) -> bytes:
        return self.records[-1].hash if self.records else NO_HASH

    @property
    def first(self) -> int:
        return self.trimmed + 1

    def append(self, text: str, site: str, now_ns: int, event: Event | None = None) -> Stored:
        event = event or NoticeEvent(site, f"{site}/hall", "info", Note(text), now_ns)
        record = pack(
            Record(
                RECORD_VERSION,
                self.epoch,
                self.last + 1,
                now_ns,
                now_ns - BASE_NS,
                bytes(16),
                None,
                msgspec.msgpack.encode(event),
                self.head,
            )
        )
        digest = record_hash(record)
        signed = Signed(record, self.keys.sign(digest))
        self.records.append(Stored(self.last + 1, now_ns, digest, signed))
        return self.records[-1]

    def after(self, seq: int, limit: int) -> Sequence[Stored]:
        start = max(0, seq - self.trimmed)
        return self.records[start : start + limit]

    def hash_of(self, seq: int) -> bytes | None:
        if seq == 0:
            return NO_HASH
        index = seq - self.trimmed - 1
        return self.records[index].hash if 0 <= index < len(self.records) else None

    def ack(self, seq: int) -> None:
        self.acked = seq
        drop = max(0, min(seq - self.keep - self.trimmed, len(self.records)))
        del self.records[:drop]
        self.trimmed += drop

    def power_cut(self, rng: random.Random) -> None:
        """What was not synced is gone; with ``lag`` 0 that is nothing."""
        if self.lag:
            del self.records[len(self.records) - min(len(self.records), rng.randint(0, self.lag)) :]
            self.acked = min(self.acked, self.last)

    def clone(self) -> MemoryLog:
        other = object.__new__(MemoryLog)
        other.__dict__.update(self.__dict__, records=list(self.records))
        return other


class NoLayers:
    """No relay has brought anything."""

    def end(self, site: str, epoch: str) -> None:
        return None

    def brought(self, site: str, epoch: str) -> int:
        return 0

    def has_other(self, site: str, epoch: str) -> bool:
        return False

    def find(self, site: str, epoch: str, seq: int) -> None:
        return None


class MemoryStore:
    """The monitor's store: durable when ``ingest`` returns; may fail or lose power before."""

    def __init__(self) -> None:
        self.layers = NoLayers()
        self.events: dict[tuple[str, str], list[Incoming]] = {}
        self.standings: dict[tuple[str, str], Standing] = {}
        self.breaches: list[Breach] = []
        self.early: list[Incoming] = []
        self.fail_next = False
        self.die_next = False

    def ingest(self, batch: Sequence[Item]) -> None:
        if self.fail_next:
            self.fail_next = False
            raise OSError("disk full")
        if self.die_next:
            self.die_next = False
            raise PowerOff
        for item in batch:
            if isinstance(item, Early):
                self.early.append(item.incoming)
                continue
            key = (item.peer, item.epoch)
            if isinstance(item, Breach):
                self.breaches.append(item)
                if item.kind == "gap":
                    self.standings[key] = Standing(item.last_seq, item.hash)
                continue
            self.events.setdefault(key, []).append(item)
            self.standings[key] = Standing(item.seq, item.hash)

    def last(self, peer: str, epoch: str) -> Standing | None:
        return self.standings.get((peer, epoch))

    def epochs(self, peer: str) -> list[str]:
        return [epoch for known, epoch in self.standings if known == peer]

    def snapshot(self) -> tuple[Any, ...]:
        events = {key: list(value) for key, value in self.events.items()}
        return events, dict(self.standings), list(self.breaches)

    def restore(self, snapshot: tuple[Any, ...]) -> None:
        events, standings, breaches = snapshot
        self.events = {key: list(value) for key, value in events.items()}
        self.standings, self.breaches = dict(standings), list(breaches)


@dataclass
class Parts:
    """The code under test; a mutant replaces one of these."""

    sender: type[Sender] = Sender
    intake: type[Intake] = Intake
    chain: type[Chain] = Chain
    log: type[MemoryLog] = MemoryLog
    lag: int = 0


@dataclass
class SimSite:
    name: str
    keys: Keys
    log: MemoryLog
    sender: Sender
    route: bytes
    cut: bool = False
    one_way: bool = False  # up works, down does not
    revoked: bool = False
    cloned: bool = False
    confirmed: dict[tuple[bytes, int], bytes] = field(default_factory=dict)


def seeded_keys(rng: random.Random, index: int) -> Keys:
    """Signing keys of a simulated site; its CURVE key is only a name here."""
    public = f"site-{index}".encode().ljust(40, b".")
    return Keys(public, public, Ed25519PrivateKey.from_private_bytes(rng.randbytes(32)))


class World:
    """One schedule.

    Parameters
    ----------
    seed : int
    parts : Parts
        Shipped code, or a mutant of it.
    kind : str
        ``honest``; ``hostile`` (a peer in the middle that invents, alters and replays); ``clone``
        (one disk copied and used twice); ``revoke`` (a key is withdrawn).
    """

    def __init__(self, seed: int, parts: Parts, kind: str = "honest") -> None:
        self.rng = random.Random(seed)
        self.parts = parts
        self.kind = kind
        self.now = 0.0
        self.loss = self.rng.choice((0.0, 0.05, 0.2))
        self.twice = self.rng.choice((0.0, 0.1))
        self.delay = self.rng.choice((0.001, 0.05, 0.6))
        self.jitter = self.rng.choice((0.0, 0.05, 0.5))
        self.store = MemoryStore()
        self.snapshot = self.store.snapshot()
        self.restored, self.forgot = False, set[str]()
        self.up: list[tuple[float, int, Arrival]] = []
        self.down: list[tuple[float, int, bytes, list[bytes]]] = []
        self.seen_up: list[Arrival] = []
        self.serial = 0
        self.peers: dict[bytes, Peer] = {}
        self.sites = [self._new_site(i) for i in range(self.rng.randint(1, 3))]
        self.monitor = self._new_monitor()
        self.after_revocation: dict[str, int] = {}

    @property
    def now_ns(self) -> int:
        return BASE_NS + int(self.now * 1e9)

    def _new_site(self, index: int) -> SimSite:
        keys = seeded_keys(self.rng, index)
        log = self.parts.log(keys, self.rng, self.parts.lag)
        if self.kind == "hostile":
            log.keep = 2
        name = f"site-{index}"
        self.peers[keys.curve_public] = Peer(name, keys.verify_key)
        return SimSite(name, keys, log, self._new_sender(name, keys, log), self._route())

    def _new_sender(self, name: str, keys: Keys, log: MemoryLog) -> Sender:
        sender = self.parts.sender(log, Card(name, keys.verify_key, bytes(16)))
        sender.early.behind = 2  # few records wait in a schedule
        sender.opened(self.now)
        return sender

    def _new_monitor(self) -> Intake:
        monitor = self.parts.intake(self.store, "city", FixedList(self.peers))
        monitor.make_chain = self.parts.chain
        monitor.make_challenge = lambda: self.rng.randbytes(16)
        return monitor

    def _route(self) -> bytes:
        self.serial += 1
        return self.serial.to_bytes(4, "big")

    # What may happen.

    def run(self, steps: int) -> None:
        """Go through a schedule, then heal everything and check every promise.

        Raises
        ------
        Violation
            Or whatever the code under test raised by itself.
        """
        for _ in range(steps):
            self._event()
            self._advance(self.rng.choice((0.001, 0.02, 0.2, 1.0)))
        self._heal()
        self._check()

    def _event(self) -> None:
        rng, site = self.rng, self.rng.choice(self.sites)
        draw = rng.random()
        if draw < 0.20:
            for _ in range(rng.choice((1, 1, 1, 4))):
                self._publish(site)
        elif draw < 0.50:
            site.cut = not site.cut
        elif draw < 0.53:
            site.one_way = not site.one_way
        elif draw < 0.58:
            self._reconnect(site)
        elif draw < 0.62:  # killed: memory is gone, the disk is there
            self._restart(site)
        elif draw < 0.64:
            site.log.power_cut(rng)
            self._restart(site)
        elif draw < 0.68:
            self._restart_monitor()
        elif draw < 0.71:
            self.store.fail_next = True
        elif draw < 0.74:
            self.store.die_next = True
        elif draw < 0.75:
            self.snapshot = self.store.snapshot()
        elif draw < 0.757 and self.kind == "honest":
            self.store.restore(self.snapshot)
            self._restart_monitor()
            self.forgot = {site.keys.key_id for site in self.sites if self._forgot(site)}
            self.restored = True
        elif draw < 0.85 and self.kind == "hostile":
            self._mischief(site)
        elif draw < 0.77 and self.kind == "clone" and not site.cloned:
            self._clone(site)
        elif draw < 0.80 and self.kind == "revoke" and not site.revoked:
            self._revoke(site)

    def _publish(self, site: SimSite) -> None:
        now_ns, text = self.now_ns, f"e{self.rng.randrange(1 << 30)}"
        event: Event = NoticeEvent(site.name, f"{site.name}/hall", "info", Note(text), now_ns)
        if self.rng.random() < 0.8:
            times = {"first_seen_ns": now_ns, "last_seen_ns": now_ns, "sightings": 1}
            levels = {"snr_db": 20.0, "excess_db": 15.0, "peak_dbfs": -60.0}
            where = {"center_freq_hz": 169e6, "bandwidth_hz": 12e3}
            names = {"site": site.name, "sensor": f"{site.name}/hall", "emitter": text}
            event = EmitterEvent(**names, phase="update", **times, **levels, **where)
        stored = site.log.append(text, site.name, now_ns, event)
        site.confirmed[(site.log.epoch, stored.seq)] = stored.signed.record

    def _reconnect(self, site: SimSite) -> None:
        """The connection breaks and comes back by itself: what was in flight is gone."""
        self.up = [entry for entry in self.up if entry[2].route != site.route]
        self.down = [entry for entry in self.down if entry[2] != site.route]
        heapq.heapify(self.up)
        heapq.heapify(self.down)
        site.route = self._route()

    def _restart(self, site: SimSite) -> None:
        self._reconnect(site)
        site.sender = self._new_sender(site.name, site.keys, site.log)

    def _restart_monitor(self) -> None:
        self.monitor = self._new_monitor()
        self.up.clear()
        self.down.clear()
        for site in self.sites:
            site.route = self._route()

    def _revoke(self, site: SimSite) -> None:
        site.revoked = True
        self.peers.pop(site.keys.curve_public)
        stored = self.store.events.get((site.keys.key_id, site.log.epoch.hex()), [])
        self.after_revocation[site.name] = len(stored)

    def _clone(self, site: SimSite) -> None:
        """Somebody copies the disk and runs it in another box with the same keys."""
        log = site.log.clone()
        twin = SimSite(
            site.name, site.keys, log, self._new_sender(site.name, site.keys, log), self._route()
        )
        site.cloned = twin.cloned = True
        self.sites.append(twin)

    def _mischief(self, site: SimSite) -> None:
        """Something an attacker in the middle, or another enrolled site, may send."""
        rng, log = self.rng, site.log
        far = log.last + rng.randint(1, 50)
        some_hash = rng.choice((log.head, NO_HASH, rng.randbytes(32)))
        lies: list[Any] = [
            Ack(log.epoch, far, some_hash),
            Ack(rng.randbytes(16), log.last, log.head),
            Ack(log.epoch, rng.randint(log.acked, log.last), rng.randbytes(32)),
            Ack(log.epoch, max(0, log.acked - 1), some_hash, True),
            Welcome(VERSION, "evil", log.epoch, far, some_hash, 0),
        ]
        if rng.random() < 0.5:
            self._send_down(site.route, encode(rng.choice(lies)))
            return
        thief = rng.choice(self.sites)
        if log.records and rng.random() < 0.3:  # an alarm of its own making, before its turn
            opened = msgspec.msgpack.decode(log.records[-1].signed.record, type=Record)
            record = pack(replace(opened, seq=log.last + rng.randint(1, 9)))
            forger = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
            frames = encode(Ahead(record, forger.sign(record_hash(record))))
            self._queue_up(Arrival(site.route, site.keys.curve_public, frames, self.now_ns))
        elif self.seen_up:
            arrival = rng.choice(self.seen_up)  # a replay, maybe from another connection
            frames = list(arrival.frames)
            if rng.random() < 0.5 and frames[0][1] in (CODES[Signed], CODES[Ahead]):
                frames[1] = alter(frames[1], rng)
            forged = Arrival(thief.route, thief.keys.curve_public, frames, self.now_ns)
            self._queue_up(forged)

    # The network.

    def _queue_up(self, arrival: Arrival) -> None:
        self.serial += 1
        due = self.now + self.delay + self.rng.random() * self.jitter
        heapq.heappush(self.up, (due, self.serial, arrival))

    def _send_up(self, site: SimSite, frames: list[bytes]) -> None:
        if site.cut or self.rng.random() < self.loss:
            return
        for _ in range(2 if self.rng.random() < self.twice else 1):
            self._queue_up(Arrival(site.route, site.keys.curve_public, frames, self.now_ns))

    def _send_down(self, route: bytes, frames: list[bytes]) -> None:
        if self.rng.random() < self.loss:
            return
        self.serial += 1
        due = self.now + self.delay + self.rng.random() * self.jitter
        heapq.heappush(self.down, (due, self.serial, route, frames))

    def _advance(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + max(0.02, seconds / 2))
            for site in self.sites:
                self._drive(site)
            self._deliver_up()
            self._deliver_down()

    def _drive(self, site: SimSite) -> None:
        if site.sender.wants_reset(self.now):
            self._reconnect(site)
            site.sender.opened(self.now)
        for _ in range(80):
            message = site.sender.outgoing(self.now)
            if message is None:
                break
            self._send_up(site, encode(message))
            site.sender.sent(self.now)
        if not 0 <= site.log.acked <= site.log.last:
            raise Violation(f"acked {site.log.acked} of {site.log.last}")

    def _deliver_up(self) -> None:
        arrivals = []
        while self.up and self.up[0][0] <= self.now and len(arrivals) < 256:
            arrivals.append(heapq.heappop(self.up)[2])
        if not arrivals:
            return
        if len(self.seen_up) < 200:
            self.seen_up += arrivals[:20]
        try:
            outcome = self.monitor.process(arrivals)
        except PowerOff:
            for route, reply in getattr(self.monitor, "leaked", ()):
                self._send_down(route, encode(reply))
            self._monitor_dies_answering()
            return
        except StoreFailed:
            return
        for route, reply in outcome.replies:
            self._send_down(route, encode(reply))
        self._check_replies(outcome.replies)

    def _monitor_dies_answering(self) -> None:
        # What had left the machine still arrives, on connections that are about to close.
        self.monitor = self._new_monitor()
        self.up.clear()

    def _check_replies(self, replies: list[tuple[bytes, Any]]) -> None:
        stored = {
            (bytes.fromhex(epoch), standing.seq): standing.hash
            for (_, epoch), standing in self.store.standings.items()
        }
        for _, reply in replies:
            if isinstance(reply, Ack | Welcome) and reply.seq:
                best = max((s for e, s in stored if e == reply.epoch), default=0)
                if reply.seq > best:
                    raise Violation(f"acknowledged {reply.seq}, stored {best}")

    def _deliver_down(self) -> None:
        routes = {site.route: site for site in self.sites}
        while self.down and self.down[0][0] <= self.now:
            _, _, route, frames = heapq.heappop(self.down)
            site = routes.get(route)
            if site is None or site.cut or site.one_way:
                continue
            site.sender.receive(EVENTS_DOWN.decode(frames), self.now, self.now_ns)

    # The end.

    def _heal(self) -> None:
        self.loss = self.twice = self.jitter = 0.0
        self.delay = 0.01
        self.store.fail_next = self.store.die_next = False
        self.kind = "healed"
        again = self.rng.random() < 0.5  # else everything must get going without a restart
        for site in self.sites:
            site.cut = site.one_way = False
            if again:
                self._restart(site)
        if again:
            self._restart_monitor()
        # Two disks with one key find out at the next greeting of the refused one.
        least = self.now + (30.0 if any(site.cloned for site in self.sites) else 0.0)
        most = self.now + 120.0
        while self.now < least or (
            self.now < most and any(self._owing(site) for site in self.sites)
        ):
            self._advance(0.5)

    def _owing(self, site: SimSite) -> bool:
        waits = site.revoked or (site.cloned and site.sender.state == "refused")
        # After a restored store a site that owes nothing, as it knows, learns better in a greeting.
        owes = site.log.acked < site.log.last or site.sender.state == "greeting"
        return owes and not waits

    def _check(self) -> None:
        expected = {"restored"} if self.restored else set()
        false_alarms = [
            b for b in self.store.breaches if not self._cloned(b.peer) and b.kind not in expected
        ]
        if false_alarms:
            raise Violation(f"an alarm without a reason: {false_alarms[0]}")
        if self.forgot - {b.peer for b in self.store.breaches if b.kind == "restored"}:
            raise Violation("the monitor's older database, and nobody noticed")
        for (peer, epoch), events in self.store.events.items():
            self._check_chain(peer, epoch, events)
        self._check_early()
        for site in self.sites:
            stored = self.store.events.get((site.keys.key_id, site.log.epoch.hex()), [])
            if site.revoked:
                if len(stored) > self.after_revocation[site.name]:
                    raise Violation("took an event of a revoked key")
            elif site.cloned:
                self._check_clone(site)
            else:
                self._check_site(site, stored)

    def _forgot(self, site: SimSite) -> bool:
        """Whether the restored store lacks what the site knows to be confirmed."""
        standing = self.store.last(site.keys.key_id, site.log.epoch.hex())
        return site.log.acked > (standing.seq if standing is not None else 0)

    def _check_early(self) -> None:
        """What was shown before its turn is what the site had confirmed, and nothing else."""
        confirmed = {record for site in self.sites for record in site.confirmed.values()}
        for shown in self.store.early:
            if shown.record not in confirmed:
                raise Violation("shown early, and never confirmed")

    def _cloned(self, peer: str) -> bool:
        return any(site.cloned for site in self.sites if site.keys.key_id == peer)

    def _check_chain(self, peer: str, epoch: str, events: list[Incoming]) -> None:
        before = NO_HASH
        allowed = {site.keys.key_id: site for site in self.sites}
        for number, event in enumerate(events, 1):
            opened = msgspec.msgpack.decode(event.record, type=Record)
            tagged = hashlib.sha256(b"rfproctor.record.v1\0" + event.record).digest()
            if (event.seq, opened.seq) != (number, number):
                raise Violation(f"{peer}: {event.seq} in place {number}")
            if opened.previous != before or tagged != event.hash:
                raise Violation(f"{peer}: chain broken at {number}")
            if event.event != msgspec.msgpack.decode(opened.payload, type=Event):
                raise Violation(f"{peer}: another event than the signed one at {number}")
            site = allowed[peer]
            if not dashboard.chain.signed_by(site.keys.verify_key, tagged, event.signature):
                raise Violation(f"{peer}: unsigned event at {number}")
            before = event.hash

    def _check_site(self, site: SimSite, stored: list[Incoming]) -> None:
        got = {(bytes.fromhex(event.epoch), event.seq): event.record for event in stored}
        if got != site.confirmed:
            missing = len(site.confirmed.keys() - got.keys())
            raise Violation(
                f"{site.name}: {len(site.confirmed)} confirmed, {len(got)} stored, "
                f"{missing} missing, state {site.sender.state} {site.sender.reason}"
            )

    def _check_clone(self, site: SimSite) -> None:
        twins = [other for other in self.sites if other.keys.key_id == site.keys.key_id]
        if len({twin.log.head for twin in twins}) < 2:
            return
        first, second = (twin.log for twin in twins)
        diverged = any(
            a.hash != b.hash for a, b in zip(first.records, second.records, strict=False)
        )
        if diverged and not any(
            breach.kind in ("fork", "rollback") for breach in self.store.breaches
        ):
            raise Violation("two disks with one key, and nobody noticed")


def alter(body: bytes, rng: random.Random) -> bytes:
    """Change one byte of a signed record, or sign it with another key."""
    signed = msgspec.msgpack.decode(body, type=Signed)
    if rng.random() < 0.5 and is_record(signed.record):
        other = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
        opened = msgspec.msgpack.decode(signed.record, type=Record)
        record = msgspec.msgpack.encode(replace(opened, seq=opened.seq + rng.randint(0, 2)))
        return pack(Signed(record, other.sign(record_hash(record))))
    where = rng.randrange(len(signed.record))
    flipped = bytearray(signed.record)
    flipped[where] ^= 1 << rng.randrange(8)
    return pack(Signed(bytes(flipped), signed.signature))


def is_record(body: bytes) -> bool:
    """Whether bytes can be opened: a replayed frame may have been altered before."""
    try:
        msgspec.msgpack.decode(body, type=Record)
    except msgspec.DecodeError:
        return False
    return True
