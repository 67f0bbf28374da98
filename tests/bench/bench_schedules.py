"""Seeded schedules of loss, crashes, clones and attacks over the protocol; mutants must fail.

Every seed drives the shipped `Sender`, `Chain` and `Intake` through a simulated world
(`wire_world.py`).  Each mutant breaks the code in one way that a careless change could; it must be
caught by at least one schedule, else the schedules prove nothing.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import contextlib

from wire_world import MemoryLog, Parts, World

import dashboard.chain
from dashboard.chain import Chain
from dashboard.inbox import Early, Standing
from dashboard.intake import Arrival, Intake, StoreFailed
from dashboard.keyring import Peer
from sensors.benches import Metric, Skip
from sensors.messages import Ack, Signed
from sensors.protocol import Sender
from sensors.wire import read_record, record_hash

KINDS = ("honest", "hostile", "clone", "revoke")
STEPS = 300


class AckEarly(Intake):
    """Answers before the store has committed."""

    def process(self, arrivals: Any) -> Any:
        store, self.leaked = self.store, []

        class Passing:
            batch: tuple[Any, ...] = ()

            def ingest(self, batch: Any) -> None:
                self.batch = tuple(batch)

            def last(self, peer: str, epoch: str) -> Any:
                return store.last(peer, epoch)

            def epochs(self, peer: str) -> Any:
                return store.epochs(peer)

        passing = Passing()
        self.store = passing
        outcome = super().process(arrivals)
        self.store, self.leaked = store, outcome.replies
        if passing.batch:
            try:
                store.ingest(passing.batch)
            except OSError as error:
                raise StoreFailed(error) from None
        return outcome


class FailureIgnored(Intake):
    """Treats a store that failed as one that stored."""

    def process(self, arrivals: Any) -> Any:
        store = self.store

        class Deaf:
            def ingest(self, batch: Any) -> None:
                with contextlib.suppress(OSError):
                    store.ingest(batch)

            last, epochs = store.last, store.epochs

        self.store = Deaf()
        try:
            return super().process(arrivals)
        finally:
            self.store = store


class KeyOnce(Intake):
    """Looks at the allow-list at the greeting only."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.known: dict[bytes, Peer] = {}

    def _allowed(self, arrival: Arrival) -> Peer | None:
        if arrival.user not in self.known:
            allowed = super()._allowed(arrival)
            assert allowed is not None
            self.known[arrival.user] = allowed
        return self.known[arrival.user]


class NoDedup(Chain):
    """Takes a record again."""

    def take(self, signed: Signed, now_ns: int) -> Any:
        record = read_record(signed.record)
        if 0 < record.seq <= self.taken.seq and self.hello and record.epoch == self.epoch:
            return [self.open(record, signed, record_hash(signed.record), now_ns)]
        return super().take(signed, now_ns)


class GapAccepted(Chain):
    """Takes a record although the one before it is missing."""

    def take(self, signed: Signed, now_ns: int) -> Any:
        record = read_record(signed.record)
        if self.hello and record.epoch == self.epoch and record.seq > self.taken.seq + 1:
            self.taken = Standing(record.seq - 1, record.previous)
        return super().take(signed, now_ns)


class SignatureIgnored(Chain):
    """Believes whoever speaks."""

    def take(self, signed: Signed, now_ns: int) -> Any:
        checked, dashboard.chain.signed_by = dashboard.chain.signed_by, lambda *_: True
        try:
            return super().take(signed, now_ns)
        finally:
            dashboard.chain.signed_by = checked


class ForkIgnored(Chain):
    """Does not look at what a record says it follows."""

    def take(self, signed: Signed, now_ns: int) -> Any:
        record = read_record(signed.record)
        if record.seq == self.taken.seq + 1:
            self.taken = Standing(self.taken.seq, record.previous)
        return super().take(signed, now_ns)

    def greet(self, hello: Any, past: Any, now_ns: int, *, fresh: bool) -> Any:
        try:
            return [b for b in super().greet(hello, past, now_ns, fresh=fresh) if not self._free()]
        except dashboard.chain.Doubtful:
            self.epoch, self.hello = hello.epoch, hello
            return []

    def _free(self) -> bool:
        self.held = ""
        return True


class OldGreetingBelieved(Chain):
    """Takes every greeting for a fresh one."""

    def greet(self, hello: Any, past: Any, now_ns: int, *, fresh: bool) -> Any:
        return super().greet(hello, past, now_ns, fresh=True)


class EarlyBelieved(Chain):
    """Shows a record before its turn whoever signed it."""

    def verify(self, signed: Signed) -> Any:
        record = read_record(signed.record)
        if record.seq <= self.taken.seq + 1:
            return super().verify(signed)
        checked, dashboard.chain.signed_by = dashboard.chain.signed_by, lambda *_: True
        try:
            return super().verify(signed)
        finally:
            dashboard.chain.signed_by = checked


class EarlyStored(Intake):
    """Takes what is shown before its turn for what is next."""

    def _store(self, batch: Any) -> Any:
        return super()._store([i.incoming if isinstance(i, Early) else i for i in batch])


class RangeUnchecked(Sender):
    """Believes every acknowledgement."""

    def _ack(self, message: Ack, now_s: float) -> None:
        if self.state == "up" and message.seq > self.log.acked:
            self.log.ack(message.seq)
        super()._ack(message, now_s)


class HashUnchecked(Sender):
    """Goes on from any welcome and acknowledgement, whatever record the centre holds there."""

    def _forked(self, seq: int, now_s: float) -> None:
        self.log.ack(min(seq, self.log.last))
        self.state = "up"
        self._rewind(self.log.acked, now_s)


class DeleteOnSend(Sender):
    """Takes sent for delivered."""

    def sent(self, now_s: float) -> None:
        before = self.flight.cursor
        super().sent(now_s)
        if self.flight.cursor > before:
            self.log.ack(max(self.flight.cursor, self.log.acked))


class NoTimer(Sender):
    """Waits for ever for an acknowledgement."""

    def _timers(self, now_s: float) -> None:
        return


class RamQueue(MemoryLog):
    """Keeps new records in memory only: a killed process takes them along."""

    def power_cut(self, rng: random.Random) -> None:
        self.lag = 5
        super().power_cut(rng)


MUTANTS: dict[str, Parts] = {
    "ack_early": Parts(intake=AckEarly),
    "store_failure_ignored": Parts(intake=FailureIgnored),
    "key_checked_once": Parts(intake=KeyOnce),
    "no_dedup": Parts(chain=NoDedup),
    "gap_accepted": Parts(chain=GapAccepted),
    "signature_ignored": Parts(chain=SignatureIgnored),
    "fork_ignored": Parts(chain=ForkIgnored),
    "old_greeting_believed": Parts(chain=OldGreetingBelieved),
    "early_believed": Parts(chain=EarlyBelieved),
    "early_stored": Parts(intake=EarlyStored),
    "range_unchecked": Parts(sender=RangeUnchecked),
    "hash_unchecked": Parts(sender=HashUnchecked),
    "delete_on_send": Parts(sender=DeleteOnSend),
    "no_timer": Parts(sender=NoTimer),
    "ram_queue": Parts(log=RamQueue),
    "durability_normal": Parts(lag=3),
}


def schedule(seed: int, parts: Parts) -> tuple[str, int]:
    """Run one schedule; what was violated (empty when nothing), and how many events it had."""
    world = World(seed, parts, KINDS[seed % len(KINDS)])
    try:
        world.run(STEPS)
    except Exception as broken:  # whatever it is, this schedule is red
        return f"{type(broken).__name__}: {broken}", 0
    return "", sum(len(site.confirmed) for site in world.sites)


def _chunk(seeds: list[int]) -> tuple[list[tuple[int, str]], int]:
    results = [(seed, *schedule(seed, Parts())) for seed in seeds]
    return [(seed, why) for seed, why, _ in results if why], sum(n for _, _, n in results)


def _hunt(name: str, first: int, limit: int) -> tuple[str, int, str]:
    """First seed that catches a mutant."""
    for seed in range(first, first + limit):
        why, _ = schedule(seed, MUTANTS[name])
        if why:
            return name, seed, why
    return name, -1, ""


def run(seeds: int = 4000, seed: int = 1, replay: int = -1) -> Iterator[Metric | Skip]:
    """Half of the seeds are fixed (from ``seed``), half are fresh; ``replay`` runs a single one."""
    if replay >= 0:
        why, events = schedule(replay, Parts())
        print(f"seed {replay}: {why or 'no violation'}, {events} events", file=sys.stderr)
        yield Metric.of("violations", float(bool(why)), "schedules", at_most=0)
        return
    fresh = random.SystemRandom().randrange(1 << 40)
    print(f"fixed seeds from {seed}, fresh seeds from {fresh}", file=sys.stderr)
    half = seeds // 2
    every = [*range(seed, seed + half), *range(fresh, fresh + seeds - half)]
    chunks = [every[i : i + 50] for i in range(0, len(every), 50)]
    began = time.monotonic()
    broken: list[tuple[int, str]] = []
    events = 0
    with ProcessPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for failures, count in pool.map(_chunk, chunks):
            broken += failures
            events += count
        for number, why in broken[:5]:
            print(f"seed {number}: {why}  (--replay {number})", file=sys.stderr)
        yield Metric.of("schedules", len(every), f"x {STEPS} steps", at_least=seeds)
        yield Metric.of("violations", len(broken), "schedules", at_most=0)
        yield Metric.of("confirmed events", events, "events")
        yield Metric.of("schedules per second", len(every) / (time.monotonic() - began), "1/s")
        found = 0
        hunts = [pool.submit(_hunt, name, seed, 600) for name in MUTANTS]
        for hunt in hunts:
            name, at, why = hunt.result()
            found += at >= 0
            print(f"mutant {name}: seed {at}: {why[:90]}", file=sys.stderr)
        yield Metric.of("mutants caught", found, "mutants", at_least=len(MUTANTS))
