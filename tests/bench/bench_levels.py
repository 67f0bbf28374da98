"""Two levels under kills: sites below a county, the county below a city, all killed for real.

As `bench_outbox`, with the shipped relay between: what a site was told is confirmed must be in the
city's store once, unaltered and in order, inside the county's records.  The same harness with a
relay that goes on at the end of its store after a restart must go red.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import msgspec
from ports import free_ports
from wire_farm import CONTEXT, Farm, Verdict, audit_intact, run_monitor, verified

from sensors.benches import Metric, Skip


def run_county(folder: str, address: str, above: str, mutant: str) -> None:
    """Child process: the shipped receiver, store and relay."""
    import logging

    from dashboard.receiver import Receiver
    from dashboard.store import Store
    from dashboard.upstream import Upstream
    from sensors.keys import own_keys

    logging.disable(logging.CRITICAL)
    home = Path(folder)
    store = Store(f"sqlite:///{home}/monitor.db")
    if mutant == "forgetful":

        def newest(self: Any) -> int:
            with self._reader.connect() as connection:
                return connection.exec_driver_sql("SELECT max(id) FROM events").scalar() or 0

        Upstream._newest = newest  # type: ignore[method-assign]

    async def serve() -> None:
        async with Receiver(address, store, monitor="county") as receiver:
            keys = own_keys(home / "upstream.key")
            relay = Upstream(home, keys, "county", above, None, store.reader, receiver.signers_of)
            receiver.relay = relay
            await relay.run(receiver.watch, receiver.unwatch)

    asyncio.run(serve())


class Tower(Farm):
    """A city above the county that the sites know; each is killed as a farm kills its monitor."""

    def __init__(self, folder: Path, sites: int, rate: float, mutant: str, seed: int) -> None:
        super().__init__(folder, sites, rate)
        self.mutant = ""  # of the sites: theirs are whole
        self.broken = mutant
        self.folder = folder
        self.above = f"tcp://127.0.0.1:{free_ports(2)}"
        self.top = folder / "city.db"
        self.city: Any = None
        self.draw = random.Random(seed)
        self.kills["city"] = 0

    def start_monitor(self) -> None:
        if self.city is None or not self.city.is_alive():
            args = (self.above, str(self.top), "")
            self.city = CONTEXT.Process(target=run_monitor, args=args, daemon=True)
            self.city.start()
        if self.monitor is None or not self.monitor.is_alive():
            args = (str(self.folder), self.address, self.above, self.broken)
            self.monitor = CONTEXT.Process(target=run_county, args=args, daemon=True)
            self.monitor.start()

    def kill_monitor(self) -> None:
        which = self.draw.randrange(3)
        if which != 0:
            super().kill_monitor()
        if which != 1:
            self.kills["city"] += 1
            self.kill(self.city)

    def climbed(self, most_s: float) -> float:
        """Wait until the city has what the county has; returns how long."""
        began = time.monotonic()
        while time.monotonic() < began + most_s:
            counts = [self._count(file) for file in (self.database, self.top)]
            if counts[0] == counts[1]:
                break
            time.sleep(0.2)
        return time.monotonic() - began

    @staticmethod
    def _count(file: Path) -> int:
        db = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)
        own = "SELECT count(*) FROM events WHERE kind != 'repeated' AND site != 'county'"
        count = int(db.execute(own).fetchone()[0])
        db.close()
        return count

    def check_city(self) -> tuple[Verdict, int]:
        """Compare ledger and the city's database, with nothing of the shipped code."""
        verdict, repeated = Verdict(), 0
        db = sqlite3.connect(f"file:{self.top}?mode=ro", uri=True)
        keys = dict(self._verify_keys().values())
        stored: dict[str, dict[tuple[str, int], bytes]] = {}
        heads: dict[tuple[str, str], tuple[int, bytes]] = {}
        for kind, record in db.execute("SELECT kind, record FROM events ORDER BY id"):
            event = msgspec.msgpack.decode(msgspec.msgpack.decode(record)[7])
            if event["type"] != "relayed":
                continue
            inner = event["record"]
            opened = msgspec.msgpack.decode(inner)
            digest = hashlib.sha256(b"rfproctor.record.v1\0" + inner).digest()
            name = keys.get(event["verify_key"], "")
            sound = verified((event["verify_key"], name), event["signature"], digest)
            verdict.altered += not name or not sound
            if kind == "repeated":
                repeated += 1
                continue
            epoch, seq = opened[1].hex(), opened[2]
            last, before = heads.get((name, epoch), (0, bytes(32)))
            verdict.disordered += (seq, opened[8]) != (last + 1, before)
            heads[name, epoch] = (seq, digest)
            events = stored.setdefault(name, {})
            verdict.doubled += (epoch, seq) in events
            events[epoch, seq] = opened[7]
        for site in self.sites:
            verdict.confirmed += len(site.confirmed)
            for key, label in site.confirmed.items():
                payload = stored.get(site.name, {}).get(key)
                verdict.lost += payload is None
                if payload is not None:
                    verdict.altered += msgspec.msgpack.decode(payload)["label"] != label
        breaches = "SELECT count(*) FROM audit WHERE act LIKE 'breach.%'"
        verdict.breaches = db.execute(breaches).fetchone()[0]
        verdict.audit_intact = audit_intact(db)
        db.close()
        return verdict, repeated


def trial(
    mutant: str, sites: int, rate: float, kills: int, stops: int, seed: int, most_s: float
) -> tuple[Verdict, int, Tower, float]:
    """One tower from start to comparison."""
    with tempfile.TemporaryDirectory(prefix="rfproctor-levels-") as folder:
        tower = Tower(Path(folder), sites, rate, mutant, seed)
        tower.start()
        tower.listen(1.0)
        tower.rage(random.Random(seed), kills, stops, most_s)
        tower.stop.set()
        until = time.monotonic() + 60.0
        while not all(site.drained for site in tower.sites) and time.monotonic() < until:
            tower.listen(0.2)
        climbed_s = tower.climbed(60.0 if not mutant else 5.0)
        tower.drain(1.0)
        tower.kill(tower.city)
        return *tower.check_city(), tower, climbed_s


def run(
    kills: int = 150,
    stops: int = 15,
    sites: int = 3,
    rate: float = 60.0,
    seed: int = 0,
    seconds: float = 90.0,
) -> Iterator[Metric | Skip]:
    """Kill ``kills`` times in ``seconds`` at most; ``seed`` 0 takes a fresh one and prints it."""
    seed = seed or random.SystemRandom().randrange(1 << 31)
    print(f"seed {seed}", file=sys.stderr)
    verdict, repeated, tower, climbed_s = trial("", sites, rate, kills, stops, seed, seconds)
    print(f"{tower.kills}, {verdict}", file=sys.stderr)
    killed = tower.kills["monitor"] + tower.kills["site"]
    yield Metric.of("kills of county and sites", killed, "kills", at_least=kills)
    yield Metric.of("kills of the city", tower.kills["city"], "kills", at_least=kills // 10)
    yield Metric.of("confirmed at the sites", verdict.confirmed, "events")
    yield Metric.of("lost at the city", verdict.lost, "events", at_most=0)
    yield Metric.of("doubled", verdict.doubled, "events", at_most=0)
    yield Metric.of("altered", verdict.altered, "events", at_most=0)
    yield Metric.of("out of order", verdict.disordered, "events", at_most=0)
    yield Metric.of("brought again", repeated, "events")
    yield Metric.of("alarms without a reason", verdict.breaches, "alarms", at_most=0)
    yield Metric.of("audit chain intact", float(verdict.audit_intact), "", at_least=1)
    yield Metric.of("at the city after the last was confirmed", climbed_s, "s", at_most=30)
    broken, _, _, _ = trial("forgetful", 2, rate, 12, 0, seed, 8.0)
    print(f"broken on purpose: {broken}", file=sys.stderr)
    yield Metric.of("red when the relay forgets", float(not broken.clean), "", at_least=1)
