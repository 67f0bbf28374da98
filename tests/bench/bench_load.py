"""Hundreds of sites with keys, spectra recorded, browsers watching: one core, nothing lost.

The shipped monitor (receiver, store, history, page) in a process pinned to one core; on the other
core a generator with the shipped `Sender` per site behind real CURVE sockets, and real WebSocket
browsers, some of which stop reading.  Only disks of the sites are in memory.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import zmq
from bench_fuzz import memory_kib
from wire_farm import CONTEXT, audit_intact, free_ports
from wire_world import MemoryLog

from sensors.benches import Metric, Skip
from sensors.keys import Keys, make_keys
from sensors.messages import (
    RECORD_VERSION,
    Announce,
    BandWatch,
    EmitterEvent,
    Heartbeat,
    Record,
    SensorHealth,
    Signed,
    SpectrumRow,
)
from sensors.outbox_record import Stored
from sensors.protocol import Card, Sender
from sensors.rows import Rows
from sensors.wire import EVENTS_DOWN, LIVE_DOWN, encode, pack, record_hash

TOKEN = "load"
BINS = 2048
BAND = BandWatch("tv3-low", 167e6, 175e6, 0.5, 1.0)
NO_ROWS = 0.0


def monitor(folder: str, port: int, http: int, core: int, ready: Any) -> None:
    """Child process: the whole monitor, its sites with keys."""
    import logging

    import dashboard.app
    from dashboard.config import load_config
    from dashboard.keyring import Keyring
    from dashboard.receiver import Receiver

    os.sched_setaffinity(0, {core})
    logging.disable(logging.CRITICAL)
    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    ring = Keyring(Path(folder) / "keys")
    file = Path(folder) / "monitor.toml"
    file.write_text(
        f'[monitor]\nid = "city"\nhttp = "127.0.0.1:{http}"\nevents = "tcp://127.0.0.1:{port}"\n'
        f'store = "sqlite:///monitor.db"\ninsecure = true\n[history]\nn_bins = {BINS}\n',
        encoding="utf-8",
    )
    # The page takes the scripts' token, as on an insecure monitor; the sites need their keys.
    dashboard.app.Receiver = lambda *a, **k: Receiver(*a, **(k | {"keyring": ring}))
    asyncio.run(dashboard.app.run(load_config(file), TOKEN, lambda *_: ready.send("ready")))


class Mote:
    """One site: the shipped sender and row slots, its outbox in memory."""

    def __init__(self, number: int, keys: Keys, rng: random.Random) -> None:
        self.number = number
        self.name = f"s{number}"
        self.sensor = f"{self.name}/hall"
        self.keys = keys
        self.rng = rng
        self.log = MemoryLog(keys, rng)
        self.sender = Sender(self.log, Card(self.name, keys.verify_key, bytes(16)))
        self.rows = Rows((self.sensor,))
        self.born: dict[int, float] = {}
        self.delays: list[float] = []
        self.levels = rng.randbytes(8192)
        self.row_seq = 0
        self.beat_s = rng.random() * 2
        self.row_s = rng.random()
        self.announce_s = 0.0

    def dial(self, context: zmq.Context[Any], port: int, server_key: bytes) -> None:
        self.sockets = []
        for step in (0, 1):
            dealer = context.socket(zmq.DEALER)
            dealer.setsockopt(zmq.LINGER, 0)
            dealer.setsockopt(zmq.IMMEDIATE, 1)
            dealer.setsockopt(zmq.SNDHWM, 200)
            dealer.setsockopt(zmq.RECONNECT_IVL, 300)
            dealer.curve_serverkey = server_key
            dealer.curve_publickey = self.keys.curve_public
            dealer.curve_secretkey = self.keys.curve_secret
            dealer.connect(f"tcp://127.0.0.1:{port + step}")
            self.sockets.append(dealer)
        self.sender.opened(time.monotonic())

    def publish(self) -> None:
        now = time.time_ns()
        which = self.rng.randrange(4)
        event = EmitterEvent(
            site=self.name,
            sensor=self.sensor,
            emitter=f"e{which}",
            phase="update",
            center_freq_hz=137e6 + (4 * self.number + which) * 30_011.0,
            bandwidth_hz=12e3,
            snr_db=20.0,
            excess_db=15.0,
            peak_dbfs=-60.0,
            first_seen_ns=now - 1_000_000_000,
            last_seen_ns=now,
            sightings=1,
        )
        log = self.log
        record = pack(
            Record(
                RECORD_VERSION,
                log.epoch,
                log.last + 1,
                now,
                now,
                bytes(16),
                None,
                pack(event),
                log.head,
            )
        )
        digest = record_hash(record)
        signed = Signed(record, self.keys.sign(digest))
        log.records.append(Stored(log.last + 1, now, digest, signed))
        self.born[log.last] = time.monotonic()

    def work(self, now: float, rows: bool) -> None:
        """Everything that is due, without waiting."""
        events, live = self.sockets
        for dealer, plane in ((events, EVENTS_DOWN), (live, LIVE_DOWN)):
            while dealer.getsockopt(zmq.EVENTS) & zmq.POLLIN:
                message = plane.decode(dealer.recv_multipart())
                if plane is LIVE_DOWN:
                    self.rows.grant(message, now)
                else:
                    self.sender.receive(message, now, time.time_ns())
        acked = self.log.acked
        for seq in [seq for seq in self.born if seq <= acked]:
            self.delays.append(now - self.born.pop(seq))
        while (out := self.sender.outgoing(now)) is not None:
            if not self._send(events, out):
                break
            self.sender.sent(now)
        if now >= self.beat_s and self.sender.state == "up":
            self.beat_s = now + 2.0
            health = SensorHealth(self.sensor, "hall", "scene:", "go", [], [BAND])
            self._send(events, Heartbeat(self.name, self.name, time.time_ns(), 1, [health]))
        if now >= self.announce_s:
            self.announce_s = now + 2.0
            self._send(live, Announce(self.name, [self.sensor]))
        if rows and now >= self.row_s:
            self.row_s = now + 1.0
            for watch in self.rows.watches(now):
                self.row_seq += 1
                width = (watch.stop_hz - watch.start_hz) / watch.n_bins
                levels = self.levels[: watch.n_bins]
                row = SpectrumRow(
                    self.sensor, self.row_seq, time.time_ns(), 1.0, watch.start_hz, width, levels
                )
                self.rows.offer(watch, row)
        while (row_out := self.rows.take()) is not None:
            self._send(live, row_out)

    @staticmethod
    def _send(dealer: Any, message: Any) -> bool:
        try:
            dealer.send_multipart(encode(message), flags=zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True


def generate(folder: str, port: int, sites: int, core: int, plan: Any, told: Any) -> None:
    """Child process: all sites; ``plan`` is a list of (seconds, events per second)."""
    from dashboard.keyring import Keyring

    os.sched_setaffinity(0, {core})
    rng = random.Random(5)
    ring = Keyring(Path(folder) / "keys")
    motes = []
    for number in range(sites):
        keys = make_keys()
        ring.allow(f"s{number}", keys.curve_public, keys.verify_key, "bench")
        motes.append(Mote(number, keys, rng))
    server_key = ring.keys.curve_public
    ring.close()
    told.send("keys")
    if told.recv() != "go":
        return
    context = zmq.Context(io_threads=1)
    context.max_sockets = 2 * sites + 100
    began = time.monotonic()
    for mote in motes:
        mote.dial(context, port, server_key)
    up_s = 0.0

    def turn() -> None:
        now = time.monotonic()
        for mote in motes:
            mote.work(now, rows=True)

    while any(mote.sender.state != "up" for mote in motes) and time.monotonic() < began + 60:
        turn()
        time.sleep(0.005)
    up_s = time.monotonic() - began
    told.send(("up", up_s, sum(mote.sender.state == "up" for mote in motes)))
    for phase, (seconds, rate) in enumerate(plan):
        start = time.monotonic()
        made = 0
        while (now := time.monotonic()) < start + seconds:
            wanted = int((now - start) * rate)
            while made < wanted:
                rng.choice(motes).publish()
                made += 1
            turn()
            time.sleep(0.004)
        until = time.monotonic() + 20
        while any(mote.born for mote in motes) and time.monotonic() < until:
            turn()
            time.sleep(0.004)
        delays = sorted(delay for mote in motes for delay in mote.delays)
        for mote in motes:
            mote.delays.clear()
        told.send(("phase", phase, made, delays, sum(len(mote.born) for mote in motes)))
    ledger = {
        f"{mote.keys.key_id} {mote.log.epoch.hex()} {stored.seq}": stored.hash
        for mote in motes
        for stored in mote.log.records
    }
    rows = sum(mote.rows.counts["sent"] for mote in motes)
    told.send(("ledger", ledger, rows))
    told.recv()
    context.destroy(linger=0)


def browse(
    http: int, browsers: int, stalled: int, sites: int, core: int, stop: Any, told: Any
) -> None:
    """Child process: pages that watch one sensor each; tells how old alarms were on arrival."""
    import websockets.asyncio.client as client

    os.sched_setaffinity(0, {core})
    ages: list[float] = []
    rows = [0]

    async def page(number: int, stalls: bool) -> None:
        url = f"ws://127.0.0.1:{http}/api/v1/live?lines=1"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with client.connect(url, additional_headers=headers, max_size=None) as socket:
            watch = {"op": "watch", "id": "a", "sensor": f"s{number % sites}/hall"}
            watch |= {"start_hz": 167e6, "stop_hz": 175e6, "bins": 1200}
            await socket.send(json.dumps(watch))
            if stalls:
                socket.transport.pause_reading()
                await asyncio.sleep(1e6)
            async for message in socket:
                if isinstance(message, bytes):
                    rows[0] += 1
                elif number % 5 == 0:  # a sample is enough
                    for line in message.split("\n"):
                        if line.startswith('{"kind":"alarm"'):
                            last = json.loads(line)["alarm"]["last_seen_ns"]
                            ages.append((time.time_ns() - last) / 1e9)

    async def all_pages() -> None:
        tasks = [asyncio.create_task(page(n, n < stalled)) for n in range(browsers + stalled)]
        while not stop.is_set():
            await asyncio.sleep(0.2)
        dead = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        why = repr(dead[0].exception())[:200] if dead else ""
        told.send((sorted(ages), rows[0], len(dead), why))

    asyncio.run(all_pages())


def cpu_s(pid: int) -> float:
    """Processor time that a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waited_s(pid: int) -> float:
    """Time that a process was ready and the processor was busy with others (Linux)."""
    waits = [
        int(task.read_text().split()[1]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")
    ]
    return sum(waits) / 1e9


def percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def run(
    sites: int = 500,
    browsers: int = 50,
    stalled: int = 5,
    steady_s: float = 50.0,
    rate: float = 100.0,
) -> Iterator[Metric | Skip]:
    """Steady for ``steady_s`` at ``rate`` events/s, then 10 s at 2000/s, then steady again."""
    if (os.cpu_count() or 1) < 2 or not hasattr(os, "sched_setaffinity"):
        yield Skip("needs two cores on Linux")
        return
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (16_384, 16_384))
    with tempfile.TemporaryDirectory(prefix="rfproctor-load-") as folder:
        port, http = free_ports(4), free_ports(1)
        plan = [(steady_s, rate), (10.0, 20 * rate), (20.0, rate)]
        ours, theirs = CONTEXT.Pipe()
        source = CONTEXT.Process(
            target=generate, args=(folder, port, sites, 1, plan, theirs), daemon=True
        )
        source.start()
        assert ours.recv() == "keys"
        ready, there = CONTEXT.Pipe()
        centre = CONTEXT.Process(target=monitor, args=(folder, port, http, 0, there), daemon=True)
        centre.start()
        if not ready.poll(30):
            raise RuntimeError("the monitor did not start")
        ours.send("go")
        _, up_s, up = ours.recv()
        yield Metric.of("sites connected", up, "sites", at_least=sites)
        yield Metric.of("all connected after", up_s, "s", at_most=5.0)
        stop = CONTEXT.Event()
        pages, far = CONTEXT.Pipe()
        viewer = CONTEXT.Process(
            target=browse, args=(http, browsers, stalled, sites, 1, stop, far), daemon=True
        )
        viewer.start()
        cpu, clock = cpu_s(centre.pid), time.monotonic()
        began, waited = clock, waited_s(centre.pid)
        memory: list[tuple[float, int]] = []
        results: dict[int, tuple[int, list[float], int]] = {}
        shares = {}
        while len(results) < len(plan):
            if ours.poll(1.0):
                _, phase, made, delays, left = ours.recv()
                results[phase] = (made, delays, left)
                now = time.monotonic()
                shares[phase] = (cpu_s(centre.pid) - cpu) / (now - clock)
                cpu, clock = cpu_s(centre.pid), now
            memory.append((time.monotonic(), memory_kib(centre.pid)))
        waiting = (waited_s(centre.pid) - waited) / (time.monotonic() - began)
        _, ledger, rows = ours.recv()
        stop.set()
        ages, page_rows, dead, why = pages.recv()
        print(f"browsers gone: {dead} {why}", file=sys.stderr)
        ours.send("done")
        time.sleep(0.5)
        for process in (source, viewer, centre):
            process.kill()
            process.join(5)
        lost, altered, doubled, intact = compare(Path(folder) / "monitor.db", ledger)
    steady, burst = results[0][1], results[1][1]
    slope = growth(memory[-60:])
    yield Metric.of("events", sum(made for made, _, _ in results.values()), "events")
    yield Metric.of("lost", lost, "events", at_most=0)
    yield Metric.of("doubled", doubled, "events", at_most=0)
    yield Metric.of("altered", altered, "events", at_most=0)
    yield Metric.of("audit chain intact", float(intact), "", at_least=1)
    yield Metric.of("ack median, steady", percentile(steady, 0.5), "s")
    yield Metric.of("ack p99, steady", percentile(steady, 0.99), "s", at_most=0.25)
    yield Metric.of("ack p99, burst", percentile(burst, 0.99), "s", at_most=2.0)
    yield Metric.of("confirmed to browser, median", percentile(ages, 0.5), "s")
    yield Metric.of("confirmed to browser, p99", percentile(ages, 0.99), "s", at_most=1.0)
    yield Metric.of("alarms seen by browsers", len(ages), "messages", at_least=browsers)
    yield Metric.of("browsers gone", dead, "browsers", at_most=stalled)
    yield Metric.of("rows sent by the sites", rows, "rows")
    yield Metric.of("rows seen by browsers", page_rows, "rows", at_least=browsers)
    yield Metric.of("monitor's processor, steady", shares[0], "cores", at_most=1.0)
    yield Metric.of("monitor's processor, burst", shares[1], "cores")
    # Above about 0.1 somebody else used the core, and the times above are theirs too.
    yield Metric.of("monitor ready but not running", waiting, "cores")
    yield Metric.of("monitor's memory", max(kib for _, kib in memory) / 1024, "MiB", at_most=300)
    yield Metric.of("memory slope, last minute", slope, "MiB/min", at_most=10.0)


def growth(samples: list[tuple[float, int]]) -> float:
    """Least-squares slope of memory in MiB per minute."""
    import numpy as np

    at = np.array([sample[0] for sample in samples])
    kib = np.array([sample[1] for sample in samples], dtype=float)
    return float(np.polyfit(at - at[0], kib, 1)[0] * 60 / 1024)


def compare(database: Path, ledger: dict[str, bytes]) -> tuple[int, int, int, bool]:
    """Events lost, altered and doubled, and whether the audit chain holds."""
    import sqlite3

    db = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    stored: dict[str, bytes] = {}
    doubled = 0
    for peer, epoch, seq, digest in db.execute("SELECT peer, epoch, seq, hash FROM events"):
        key = f"{peer} {epoch} {seq}"
        doubled += key in stored
        stored[key] = digest
    lost = len(ledger.keys() - stored.keys())
    altered = sum(stored[key] != digest for key, digest in ledger.items() if key in stored)
    intact = audit_intact(db)
    db.close()
    return lost, altered, doubled, intact
