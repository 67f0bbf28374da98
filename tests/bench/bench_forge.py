"""Hundreds of attempts to get a false event in: none may be stored, each must be refused by name.

Handshakes run over real CURVE sockets against the shipped receiver; forged, replayed and forked
records go into the shipped intake as if their sender had a connection, with the real store behind.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import msgspec
import zmq
from msgspec.structs import replace
from ports import free_ports
from wire_world import BASE_NS, MemoryLog, seeded_keys

from dashboard.intake import Arrival, Intake
from dashboard.keyring import Keyring
from dashboard.receiver import Receiver
from dashboard.store import Store
from sensors.benches import Metric, Skip
from sensors.keys import Keys, make_keys
from sensors.messages import Ahead, EmitterEvent, Hello, Record, RelayedEvent, Signed
from sensors.wire import encode, pack, record_hash

NAMES = ("school-3", "school-4")


class Stage:
    """A monitor with two honest sites, one revoked and one expired key."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.rng = rng
        self.now = [time.time_ns()]
        self.ring = Keyring(folder / "keys", lambda: self.now[0])
        self.store = Store(f"sqlite:///{folder}/monitor.db")
        self.intake = Intake(self.store, "city", self.ring)
        self.keys = {name: make_keys() for name in NAMES}
        self.logs = {name: MemoryLog(keys, rng) for name, keys in self.keys.items()}
        for name, keys in self.keys.items():
            self.ring.allow(name, keys.curve_public, keys.verify_key, "bench")
            for _ in range(5):
                self.logs[name].append("honest", name, BASE_NS)
            self.send(keys, self.hello(name), *[s.signed for s in self.logs[name].records])
        self.revoked, self.expired = make_keys(), make_keys()
        self.ring.allow("school-5", self.revoked.curve_public, self.revoked.verify_key, "bench")
        self.ring.revoke("school-5", "bench")
        keys = self.expired
        self.ring.allow("school-6", keys.curve_public, keys.verify_key, "bench", days=1e-9)
        self.now[0] += 1_000_000_000

    def hello(self, name: str, **changes: object) -> Hello:
        keys, log = self.keys[name], self.logs[name]
        hello = Hello(
            1, 1, name, keys.verify_key, log.epoch, log.first, log.last, log.head, bytes(16)
        )
        return replace(hello, **changes)

    def send(self, keys: Keys, *messages: msgspec.Struct) -> Counter[str]:
        """Reasons of what was refused, breaches included."""
        before = self.breaches()
        arrivals = [
            Arrival(keys.key_id.encode(), keys.curve_public, encode(m), 1) for m in messages
        ]
        outcome = self.intake.process(arrivals)
        reasons = Counter(reason for reason, _, _ in outcome.refused)
        reasons.update(kind for kind in self.breaches()[len(before) :])
        return reasons

    def breaches(self) -> list[str]:
        rows = self.query("SELECT act FROM audit WHERE act LIKE 'breach.%' ORDER BY seq")
        return [str(row[0]).removeprefix("breach.") for row in rows]

    def events(self) -> list[tuple[object, ...]]:
        return self.query("SELECT peer, epoch, seq, hash FROM events ORDER BY id")

    def query(self, text: str) -> list[tuple[object, ...]]:
        from sqlalchemy import text as sql

        with self.store.reader.connect() as connection:
            return [tuple(row) for row in connection.execute(sql(text))]

    def next_record(self, name: str, signer: Keys, **changes: object) -> Signed:
        """What would come next of a site, changed, and signed by somebody."""
        log = self.logs[name].clone()
        stored = log.append(f"forged-{self.rng.random()}", name, BASE_NS)
        opened = replace(msgspec.msgpack.decode(stored.signed.record, type=Record), **changes)
        body = pack(opened)
        return Signed(body, signer.sign(record_hash(body)))


def altered(stage: Stage, name: str) -> Signed:
    """A true next record with one bit flipped, in its bytes or in its signature."""
    true = stage.next_record(name, stage.keys[name])
    target = bytearray(true.record if stage.rng.random() < 0.7 else true.signature)
    where = stage.rng.randrange(len(target))
    target[where] ^= 1 << stage.rng.randrange(8)
    if len(target) == 64:
        return Signed(true.record, bytes(target))
    return Signed(bytes(target), true.signature)


def early(stage: Stage, name: str, signer: Keys) -> Ahead:
    """An alarm that a site has not made, shown before its turn."""
    event = EmitterEvent(
        *(name, f"{name}/hall", "e1", "open", 169e6, 12e3, 40.0, 35.0, -40.0), BASE_NS, BASE_NS, 1
    )
    payload = msgspec.msgpack.encode(event)
    seq = stage.logs[name].last + stage.rng.randint(2, 99)
    forged = stage.next_record(name, signer, seq=seq, payload=payload)
    return Ahead(forged.record, forged.signature)


def payload_of(site: str, stage: Stage) -> bytes:
    """Payload of an event in a site's name."""
    log = MemoryLog(stage.keys[NAMES[0]], stage.rng)
    signed = log.append("forged", site, BASE_NS).signed
    return msgspec.msgpack.decode(signed.record, type=Record).payload


def attempts(stage: Stage) -> dict[str, tuple[Callable[[], Counter[str]], set[str]]]:
    """Name -> what is tried, and by which names it may be refused."""
    one, two = NAMES
    keys, other = stage.keys[one], stage.keys[two]
    stranger = make_keys()
    fresh_key = seeded_keys(stage.rng, 9)
    return {
        "unknown key, greeting": (lambda: stage.send(make_keys(), stage.hello(one)), {"unknown"}),
        "unknown key, event": (
            lambda: stage.send(stranger, stage.next_record(one, keys)),
            {"unknown"},
        ),
        "revoked key": (
            lambda: stage.send(stage.revoked, stage.next_record(one, keys)),
            {"revoked"},
        ),
        "expired key": (
            lambda: stage.send(stage.expired, stage.next_record(one, keys)),
            {"expired"},
        ),
        "greeting with another's signing key": (
            lambda: stage.send(other, stage.hello(one)),
            {"signature", "site"},
        ),
        "greeting in another's name": (
            lambda: stage.send(other, stage.hello(two, site=one)),
            {"site"},
        ),
        "another site's true event": (
            lambda: stage.send(other, stage.next_record(one, keys)),
            {"record", "signature"},
        ),
        "signed by a stranger": (
            lambda: stage.send(keys, stage.next_record(one, fresh_key)),
            {"signature"},
        ),
        "altered": (
            lambda: stage.send(keys, altered(stage, one)),
            {"signature", "record", "version"},
        ),
        "signed by a stranger, before its turn": (
            lambda: stage.send(keys, early(stage, one, fresh_key)),
            {"signature"},
        ),
        "another site's, before its turn": (
            lambda: stage.send(other, early(stage, one, keys)),
            {"record"},
        ),
        "revoked key, before its turn": (
            lambda: stage.send(stage.revoked, early(stage, one, keys)),
            {"revoked"},
        ),
        "another epoch": (
            lambda: stage.send(keys, stage.next_record(one, keys, epoch=stage.rng.randbytes(16))),
            {"record"},
        ),
    }


def final_attempts(stage: Stage) -> dict[str, tuple[Callable[[], Counter[str]], set[str]]]:
    """Attempts by which a site with a true key gets itself held; each on a site of its own."""

    def held(change: Callable[[str, Keys], list[msgspec.Struct]]) -> Callable[[], Counter[str]]:
        def attempt() -> Counter[str]:
            name = f"school-{stage.rng.randrange(1 << 40)}"
            keys = stage.keys[name] = make_keys()
            stage.ring.allow(name, keys.curve_public, keys.verify_key, "bench")
            log = stage.logs[name] = MemoryLog(keys, stage.rng)
            for _ in range(3):
                log.append("honest", name, BASE_NS)
            stage.send(keys, stage.hello(name), *[s.signed for s in log.records])
            return stage.send(keys, *change(name, keys))

        return attempt

    def fork(name: str, keys: Keys) -> list[msgspec.Struct]:
        return [stage.next_record(name, keys, previous=stage.rng.randbytes(32))]

    def rewrite(name: str, keys: Keys) -> list[msgspec.Struct]:
        return [stage.next_record(name, keys, seq=2)]

    def foreign(name: str, keys: Keys) -> list[msgspec.Struct]:
        return [stage.next_record(name, keys, payload=payload_of(NAMES[0], stage))]

    return {
        "follows another record": (held(fork), {"fork"}),
        "rewrites a stored record": (held(rewrite), {"fork"}),
        "event in another site's name": (held(foreign), {"site"}),
    }


def relayed(stage: Stage, change: Callable[[list[Signed]], None]) -> Counter[str]:
    """What is said of a relay that changes what its site has signed, on a relay of its own."""
    number = stage.rng.randrange(1 << 40)
    relay, school = f"county-{number}", f"school-{number}"
    keys = stage.keys[relay] = make_keys()
    stage.ring.allow(relay, keys.curve_public, keys.verify_key, "bench", relay=True)
    below, above = MemoryLog(make_keys(), stage.rng), MemoryLog(keys, stage.rng)
    stage.logs[relay] = above
    records = [below.append("honest", school, BASE_NS).signed for _ in range(6)]
    change(records)
    for at, one in enumerate(records, 1):
        event = RelayedEvent(relay, at, below.keys.verify_key, one.record, one.signature)
        above.append("", relay, BASE_NS, event)
    return stage.send(keys, stage.hello(relay), *[s.signed for s in above.records])


def relays(stage: Stage) -> dict[str, tuple[Callable[[list[Signed]], None], set[str]]]:
    """Name -> what a relay does with six records of its site, and what is said of it."""
    rng = stage.rng

    def leave_out(records: list[Signed]) -> None:
        del records[rng.randrange(5)]

    def repeat(records: list[Signed]) -> None:
        records.append(rng.choice(records))

    def exchange(records: list[Signed]) -> None:
        at = rng.randrange(5)
        records[at : at + 2] = records[at + 1], records[at]

    def alter(records: list[Signed]) -> None:
        one = records[-1]
        place = rng.randrange(len(one.record))
        changed = bytearray(one.record)
        changed[place] ^= 1 << rng.randrange(8)
        records[-1] = Signed(bytes(changed), one.signature)

    return {
        "nothing": (lambda records: None, set()),
        "leaves one out": (leave_out, {"gap"}),
        "brings one again": (repeat, {"repeated"}),
        "exchanges two": (exchange, {"gap", "late"}),
        "alters one": (alter, {"signature"}),
    }


def replays(stage: Stage) -> int:
    """Everything that was sent, again and in random order; returns how many times."""
    for _ in range(20):
        name = stage.rng.choice(NAMES)
        records = [s.signed for s in stage.logs[name].records]
        stage.send(stage.keys[name], *stage.rng.sample(records, len(records)))
    return 20


async def handshakes(stage: Stage, each: int) -> tuple[int, Counter[str]]:
    """Real connections with keys that are not welcome; returns how many and why refused."""
    told: Counter[str] = Counter()
    address = f"tcp://127.0.0.1:{free_ports(4)}"
    context = zmq.Context()
    dealers = []
    async with Receiver(
        address,
        stage.store,
        keyring=stage.ring,
        on_refused=lambda reason, *_: told.update([reason]),
    ) as receiver:
        for number in range(each):
            for keys in (make_keys(), stage.revoked, stage.expired, None):
                dealer = context.socket(zmq.DEALER)
                dealer.setsockopt(zmq.LINGER, 0)
                if keys is not None:
                    dealer.curve_publickey = keys.curve_public
                    dealer.curve_secretkey = keys.curve_secret
                    wrong = number % 4 == 3
                    server = make_keys() if wrong else stage.ring.keys
                    dealer.curve_serverkey = server.curve_public
                dealer.connect(address)
                name = stage.rng.choice(NAMES)
                dealer.send_multipart(encode(stage.hello(name)))
                record = stage.next_record(name, stage.keys[name])
                dealer.send_multipart(encode(record))
                dealers.append(dealer)  # one that is not held is closed at once
            await asyncio.sleep(0.02)
        await asyncio.sleep(2.0)
        counts = Counter({k: int(v) for k, v in receiver.counters().items()})
    context.destroy(linger=0)
    counts.update(told)
    return len(dealers), counts


def run(rounds: int = 50, seed: int = 0) -> Iterator[Metric | Skip]:
    """Every kind of forgery ``rounds`` times."""
    seed = seed or random.SystemRandom().randrange(1 << 31)
    print(f"seed {seed}", file=sys.stderr)
    logging.disable(logging.CRITICAL)
    tried, unnamed = 0, 0
    with tempfile.TemporaryDirectory(prefix="rfproctor-forge-") as folder:
        stage = Stage(Path(folder), random.Random(seed))
        honest = stage.events()
        alarms = len(stage.query("SELECT id FROM alarms"))
        for name, (attempt, names) in attempts(stage).items():
            for _ in range(rounds):
                reasons = attempt()
                tried += 1
                if not reasons or not set(reasons) <= names:
                    unnamed += 1
                    print(f"{name}: refused by {dict(reasons)}", file=sys.stderr)
        tried += replays(stage)
        count, told = asyncio.run(handshakes(stage, 10))
        tried += count
        accepted = len(stage.events()) - len(honest)
        raised = len(stage.query("SELECT id FROM alarms")) - alarms
        for name, (attempt, names) in final_attempts(stage).items():
            for _ in range(max(1, rounds // 5)):
                before = len(stage.events())
                reasons = attempt()
                tried += 1
                accepted += len(stage.events()) - before - 3
                if not set(reasons) & names:
                    unnamed += 1
                    print(f"{name}: refused by {dict(reasons)}", file=sys.stderr)
        for name, (change, expected) in relays(stage).items():
            for _ in range(max(1, rounds // 5)):
                told_of = set(relayed(stage, change))
                tried += 1
                if told_of != expected:
                    unnamed += 1
                    print(f"relay {name}: {told_of}", file=sys.stderr)
        unchanged = stage.events()[: len(honest)] == honest
        # The honest are still heard: a bench in which nobody gets in would prove nothing.
        heard = 0
        for name in NAMES:
            log = stage.logs[name]
            stored = log.append("still here", name, BASE_NS)
            before = len(stage.events())
            stage.send(stage.keys[name], stage.hello(name), stored.signed)
            heard += len(stage.events()) - before
            stage.send(stage.keys[name], early(stage, name, stage.keys[name]))
        honest_raised = len(stage.query("SELECT id FROM alarms")) - alarms
        stage.store.close()
        stage.ring.close()
    logging.disable(logging.NOTSET)
    yield Metric.of("attempts", tried, "attempts", at_least=500)
    yield Metric.of("accepted", accepted, "events", at_most=0)
    yield Metric.of("alarms raised", raised, "alarms", at_most=0)
    yield Metric.of("refused without the right name", unnamed, "attempts", at_most=0)
    yield Metric.of("stored events unchanged", float(unchanged), "", at_least=1)
    yield Metric.of("honest sites still heard", heard, "events", at_least=len(NAMES))
    yield Metric.of("alarms that honest sites raise", honest_raised, "alarms", at_least=len(NAMES))
    yield Metric.of("handshakes let in", told["handshakes_ok"], "connections", at_most=0)
    for reason in ("unknown", "revoked", "expired"):
        name = f"handshakes refused as {reason}"
        yield Metric.of(name, told[f"handshakes_{reason}"], "connections", at_least=1)
