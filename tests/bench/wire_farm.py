"""Real processes: a monitor with its store and sites with their outboxes, to be killed and checked.

The harness keeps its own ledger of what each site said was confirmed, read from pipes, and compares
it at the end with the monitor's database and the sites' outboxes, opened independently.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import sys
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

sys.path.insert(0, str(Path(__file__).parent))

from ports import free_ports
from wire_net import NEAR, enter

SILENT_S = 5.0
"""A site that was not heard for so long is shown as silent."""
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    ["dashboard.receiver", "dashboard.store", "sensors.link", "wire_farm", "bench_schedules"]
)
START_NS = time.time_ns()


def run_monitor(
    address: str, database: str, mutant: str, keys: str = "", space: str = "", told: Any = None
) -> None:
    """Child process: the shipped receiver and store."""
    import logging

    from dashboard.keyring import Keyring
    from dashboard.receiver import Receiver
    from dashboard.store import Store

    enter(space)
    logging.disable(logging.CRITICAL)
    store = Store(f"sqlite:///{database}")
    ring = Keyring(Path(keys)) if keys else None
    heard: dict[str, float] = {}

    def beat(message: Any) -> None:
        heard[message.site] = time.monotonic()

    async def watch_silence() -> None:
        """Tell when a site begins and ends to be silent, as the page would show it."""
        silent: set[str] = set()
        while told is not None:
            await asyncio.sleep(0.05)
            now = time.monotonic()
            for site, seen in heard.items():
                if (now - seen > SILENT_S) != (site in silent):
                    silent ^= {site}
                    told.send((site, site in silent, now))

    async def serve() -> None:
        async with Receiver(
            address, store, monitor="city", keyring=ring, on_heartbeat=beat
        ) as receiver:
            watching = asyncio.create_task(watch_silence())
            if mutant == "ack_early":
                receiver.intake.store = LateStore(store)
            await asyncio.Event().wait()
            watching.cancel()

    asyncio.run(serve())


class LateStore:
    """A store that says "stored" four batches before it is."""

    def __init__(self, store: Any) -> None:
        self.store, self.pending = store, []
        self.last, self.epochs = store.last, store.epochs

    def ingest(self, batch: Any) -> None:
        self.pending.append(list(batch))
        if len(self.pending) > 4:
            self.store.ingest(self.pending.pop(0))


def deletes_on_send() -> type[Any]:
    """A sender that takes sent for delivered, and takes it out of the outbox's file too."""
    from bench_schedules import DeleteOnSend

    class DeletesOnSend(DeleteOnSend):
        def sent(self, now_s: float) -> None:
            super().sent(now_s)
            with self.log._lock:
                sent = (self.flight.cursor,)
                self.log._db.execute("DELETE FROM record WHERE seq <= ?", sent)

    return DeletesOnSend


def run_site(
    name: str,
    folder: str,
    address: str,
    rate: float,
    stop: Any,
    ledger: Connection,
    mutant: str,
    server_key: bytes | None = None,
    space: str = "",
) -> None:
    """Child process: publish at a rate, say what was confirmed, until told to stop; then drain."""
    import logging

    import sensors.link as link_module
    from sensors.keys import own_keys
    from sensors.link import Link
    from sensors.outbox import Outbox

    enter(space)
    logging.disable(logging.CRITICAL)
    home = Path(folder)
    keys = own_keys(home / "site.key")
    file = f"ram-{os.getpid()}.db" if mutant == "ram_queue" else "outbox.db"
    outbox = Outbox(home / file, keys)
    rng = random.Random()
    sensors = (f"{name}/hall",)
    if mutant == "delete_on_send":
        link_module.Sender = deletes_on_send()  # before the link is made: it hands its sender on
    with Link(outbox, keys, name, sensors, events=address, server_key=server_key) as link:
        due = beat = time.monotonic()
        status = ("", -1)
        while not stop.is_set():
            now = time.monotonic()
            if space and status != (link.sender.state, outbox.acked):
                status = (link.sender.state, outbox.acked)
                ledger.send_bytes(f"status {now} {status[0]} {status[1]} {outbox.last}".encode())
            if now >= beat:
                beat = now + 1.0
                link.heartbeat(heartbeat(name))
            if now < due:
                time.sleep(min(0.01, due - now))
                continue
            due = max(due + 1.0 / rate, now - 0.5)
            label = f"{name}-{rng.randrange(1 << 60):x}"
            seq = link.publish(sighting(name, label, rng))
            ledger.send_bytes(f"{outbox.epoch.hex()} {seq} {label}".encode())
        while not link.drained(0.5):
            link.heartbeat(heartbeat(name))
        ledger.send_bytes(b"drained")
    outbox.close()


def heartbeat(name: str) -> Any:
    from sensors.messages import Heartbeat

    return Heartbeat(name, name, time.time_ns(), START_NS, [])


def sighting(name: str, label: str, rng: random.Random) -> Any:
    """One of twenty emitters of a site, seen again."""
    from sensors.messages import EmitterEvent

    number = rng.randrange(20)
    now = time.time_ns()
    return EmitterEvent(
        site=name,
        sensor=f"{name}/hall",
        emitter=f"e{number}",
        phase="update",
        center_freq_hz=169e6 + number * 25e3,
        bandwidth_hz=12e3,
        snr_db=20.0,
        excess_db=15.0,
        peak_dbfs=-60.0,
        first_seen_ns=START_NS,
        last_seen_ns=now,
        sightings=1,
        label=label,
    )


@dataclass
class Site:
    name: str
    folder: Path
    process: Any = None
    confirmed: dict[tuple[str, int], str] = field(default_factory=dict)
    status: list[tuple[float, str, int, int]] = field(default_factory=list)
    drained: bool = False


@dataclass
class Verdict:
    """What the comparison at the end found; all of it must be 0 or True."""

    confirmed: int = 0
    lost: int = 0
    doubled: int = 0
    altered: int = 0
    disordered: int = 0
    breaches: int = 0
    audit_intact: bool = True
    undrained: int = 0

    @property
    def clean(self) -> bool:
        bad = self.lost + self.doubled + self.altered + self.disordered + self.breaches
        return bad == 0 and self.audit_intact and self.undrained == 0


class Farm:
    """A monitor and some sites on loopback.

    Parameters
    ----------
    folder : Path
    sites : int
    rate : float
        Events per second and site.
    mutant : str
        Empty, or which part is broken on purpose.
    line : Line, optional
        Monitor and sites in namespaces of their own, with CURVE keys.
    """

    def __init__(
        self, folder: Path, sites: int, rate: float, mutant: str = "", line: Any = None
    ) -> None:
        self.database = folder / "monitor.db"
        self.address = f"tcp://{NEAR if line else '127.0.0.1'}:{free_ports(2)}"
        self.line = line
        self.keys = ""
        self.server_key: bytes | None = None
        self.silences: list[tuple[str, bool, float]] = []
        self.told: Connection | None = None
        self.rate = rate
        self.mutant = mutant
        self.stop = CONTEXT.Event()
        self.monitor: Any = None
        self.sites = [Site(f"site-{i}", folder / f"site-{i}") for i in range(sites)]
        self.pipes: dict[Connection, Site] = {}
        self.kills = {"monitor": 0, "site": 0, "stop": 0}
        if line is not None:
            self._enrol(folder / "keys")

    def _enrol(self, folder: Path) -> None:
        from dashboard.keyring import Keyring
        from sensors.keys import own_keys

        self.keys = str(folder)
        ring = Keyring(folder)
        for site in self.sites:
            own = own_keys(site.folder / "site.key")
            ring.allow(site.name, own.curve_public, own.verify_key, "bench")
        self.server_key = ring.keys.curve_public
        ring.close()

    def start_monitor(self) -> None:
        ours = theirs = None
        space = self.line.near if self.line else ""
        if self.line is not None:
            ours, theirs = CONTEXT.Pipe(duplex=False)
        args = (self.address, str(self.database), self.mutant, self.keys, space, theirs)
        self.monitor = CONTEXT.Process(target=run_monitor, args=args, daemon=True)
        self.monitor.start()
        if theirs is not None:
            theirs.close()
            self.told = ours

    def start_site(self, site: Site) -> None:
        ours, theirs = CONTEXT.Pipe(duplex=False)
        args = (
            site.name,
            str(site.folder),
            self.address,
            self.rate,
            self.stop,
            theirs,
            self.mutant,
            self.server_key,
            self.line.far if self.line else "",
        )
        site.process = CONTEXT.Process(target=run_site, args=args, daemon=True)
        site.process.start()
        theirs.close()
        self.pipes[ours] = site

    def start(self) -> None:
        self.start_monitor()
        for site in self.sites:
            self.start_site(site)

    def listen(self, seconds: float) -> None:
        """Write down what the sites say for a while."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            ready = wait(list(self.pipes), timeout=left)
            if not ready and not self.pipes:
                time.sleep(left)
            for pipe in ready:
                self._read(pipe)  # type: ignore[arg-type]
            self._hear()

    def _hear(self) -> None:
        if self.monitor.exitcode not in (None, -signal.SIGKILL):
            raise RuntimeError(f"the monitor ended by itself: {self.monitor.exitcode}")
        if self.line is not None and not self.line.alive:
            raise RuntimeError("the relay ended by itself")
        try:
            while self.told is not None and self.told.poll():
                self.silences.append(self.told.recv())
        except (EOFError, OSError):
            self.told = None

    def _read(self, pipe: Connection) -> None:
        site = self.pipes[pipe]
        try:
            for _ in range(500):
                line = pipe.recv_bytes().decode()
                if line == "drained":
                    site.drained = True
                elif line.startswith("status"):
                    _, at, state, acked, last = line.split()
                    site.status.append((float(at), state, int(acked), int(last)))
                else:
                    epoch, seq, label = line.split()
                    site.confirmed[(epoch, int(seq))] = label
                if not pipe.poll():
                    return
        except (EOFError, OSError):
            pipe.close()
            del self.pipes[pipe]

    def kill(self, process: Any) -> None:
        if process.pid and process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join(10)

    def kill_monitor(self) -> None:
        self.kills["monitor"] += 1
        self.kill(self.monitor)

    def kill_site(self, site: Site) -> None:
        self.kills["site"] += 1
        self.kill(site.process)

    def rage(self, rng: random.Random, kills: int, stops: int, most_s: float) -> None:
        """Kill and restart until the numbers are reached."""
        until = time.monotonic() + most_s
        while time.monotonic() < until:
            done = self.kills["monitor"] + self.kills["site"]
            if done >= kills and self.kills["stop"] >= stops:
                return
            draw = rng.random()
            site = rng.choice(self.sites)
            if draw < 0.10 and self.kills["stop"] < stops:
                self._suspend(rng.choice([self.monitor, site.process]), rng.uniform(0.1, 0.6))
            elif draw < 0.40:
                self.kill_monitor()
                self.listen(rng.choice((0.0, 0.05, 0.3)))
                self.start_monitor()
            elif draw < 0.9:
                self.kill_site(site)
                self.listen(rng.choice((0.0, 0.05)))
                self.start_site(site)
            else:
                self.kill_monitor()
                self.kill_site(site)
                self.start_site(site)
                self.start_monitor()
            self.listen(rng.choice((0.01, 0.05, 0.15, 0.4)))

    def _suspend(self, process: Any, seconds: float) -> None:
        self.kills["stop"] += 1
        if process.pid and process.is_alive():
            os.kill(process.pid, signal.SIGSTOP)
            self.listen(seconds)
            os.kill(process.pid, signal.SIGCONT)

    def drain(self, most_s: float) -> float:
        """Tell the sites to finish; returns how long that took."""
        began = time.monotonic()
        self.stop.set()
        while time.monotonic() < began + most_s:
            self.listen(0.2)
            if all(site.drained for site in self.sites):
                break
        took = time.monotonic() - began
        for site in self.sites:
            site.process.join(5)
            self.kill(site.process)
        self.listen(0.3)
        self.kill(self.monitor)
        return took

    def check(self) -> Verdict:
        """Compare ledger, outboxes and the monitor's database, with nothing of the shipped code."""
        verdict = Verdict()
        db = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        rows = db.execute(
            "SELECT peer, epoch, seq, record, signature, hash FROM events ORDER BY id"
        ).fetchall()
        stored: dict[str, dict[tuple[str, int], bytes]] = {}
        heads: dict[tuple[str, str], tuple[int, bytes]] = {}
        keys = self._verify_keys()
        for peer, epoch, seq, record, signature, digest in rows:
            opened = msgspec.msgpack.decode(record)
            tagged = hashlib.sha256(b"rfproctor.record.v1\0" + record).digest()
            last, before = heads.get((peer, epoch), (0, bytes(32)))
            verdict.disordered += (seq, opened[2], opened[8]) != (last + 1, seq, before)
            verdict.altered += digest != tagged or not verified(keys[peer], signature, tagged)
            heads[(peer, epoch)] = (seq, digest)
            events = stored.setdefault(peer, {})
            verdict.doubled += (epoch, seq) in events
            events[(epoch, seq)] = opened[7]
        for site in self.sites:
            peer = next(p for p, (_, name) in keys.items() if name == site.name)
            events = stored.get(peer, {})
            verdict.confirmed += len(site.confirmed)
            verdict.undrained += not site.drained
            for key, label in site.confirmed.items():
                payload = events.get(key)
                if payload is None:
                    verdict.lost += 1
                elif msgspec.msgpack.decode(payload)["label"] != label:
                    verdict.altered += 1
        verdict.breaches = db.execute(
            "SELECT count(*) FROM audit WHERE act LIKE 'breach.%'"
        ).fetchone()[0]
        verdict.audit_intact = audit_intact(db)
        db.close()
        return verdict

    def _verify_keys(self) -> dict[str, tuple[bytes, str]]:
        from sensors.keys import read_keys

        keys = {}
        for site in self.sites:
            own = read_keys(site.folder / "site.key")
            keys[own.key_id] = (own.verify_key, site.name)
        return keys


def verified(key: tuple[bytes, str], signature: bytes, digest: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key[0]).verify(signature, digest)
    except Exception:
        return False
    return True


def audit_intact(db: sqlite3.Connection) -> bool:
    """The audit chain, computed anew from its description in `dashboard/audit.py`."""
    before, number = "0" * 64, 0
    for seq, stamp, actor, act, subject, detail, prev, digest in db.execute(
        "SELECT seq, time_ns, actor, act, subject, detail, prev_hash, hash FROM audit ORDER BY seq"
    ):
        fields = ["rfproctor-audit-1", before, seq, stamp, actor, act, subject, detail]
        text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
        if seq != number + 1 or prev != before or hashlib.sha256(text).hexdigest() != digest:
            return False
        before, number = digest, seq
    return True
