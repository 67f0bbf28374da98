"""Cut the power at every write of outbox and store: what was confirmed must be there.

The shipped `Outbox`, and the shipped `Intake` and `Store`, on SQLite over a disk in memory
(`wire_disk.py`).  A run is recorded; then for every operation several disk images are made that a
cut could leave, and each is opened and compared.  With synchronous=NORMAL, or on a disk that lies
about sync, the same must lose events: that is the control.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import apsw
import wire_dbapi
from wire_disk import Cutter, Disk, DiskVFS, Operation
from wire_farm import audit_intact
from wire_world import MemoryLog

import dashboard.database
import dashboard.migration
import dashboard.store
from dashboard.intake import Arrival, Intake
from dashboard.store import Store
from sensors.benches import Metric, Skip
from sensors.clock import Clock
from sensors.keys import make_keys
from sensors.messages import Hello, Note, NoticeEvent
from sensors.outbox import Outbox, OutboxFault
from sensors.wire import encode

FILE = Path("/disk/outbox.db")
KEYS = make_keys()


class Small(Outbox):
    """The shipped outbox with checkpoints so often that cuts hit them too."""

    level = "FULL"

    def _open(self) -> None:
        super()._open()
        self._db.execute("PRAGMA wal_autocheckpoint=40")
        self._db.execute(f"PRAGMA synchronous={self.level}")


class Normal(Small):
    """Broken on purpose: what many programs use."""

    level = "NORMAL"


def record(kind: type[Small], events: int, rng: random.Random) -> list[Operation]:
    """Run the outbox once; marks hold the hashes of what was confirmed by then."""
    disk = Disk(log=[])
    vfs = DiskVFS("recording", disk)
    wall = [1_800_000_000_000_000_000]
    outbox = kind(
        FILE, KEYS, keep_bytes=20_000, clock=Clock(lambda: wall[0], lambda: 1), vfs=vfs.name
    )
    assert disk.log is not None
    confirmed: list[bytes] = []
    disk.log.append(Operation("mark", mark=tuple(confirmed)))
    for number in range(events):
        text = "x" * rng.randrange(150) + str(number)
        outbox.append(NoticeEvent("s", "s/h", "info", Note(text), 1))
        confirmed.append(outbox.head)
        disk.log.append(Operation("mark", mark=tuple(confirmed)))
        if rng.random() < 0.3:
            outbox.ack(rng.randint(outbox.acked, outbox.last))
        wall[0] += 61_000_000_000
    outbox.close()
    vfs.unregister()
    return disk.log


def judge(kind: type[Small], vfs: DiskVFS, image: dict[str, bytearray], confirmed: object) -> str:
    """Open the outbox after a cut: "", "lost" or "corrupt"."""
    assert isinstance(confirmed, tuple)
    vfs.disk = Disk(files=image)
    try:
        outbox = kind(FILE, KEYS, vfs=vfs.name)
    except OutboxFault:
        return "corrupt"
    try:
        first = outbox.first
        held = {row.seq: row.hash for row in outbox.after(0, 1 << 20)}
        if outbox.last < len(confirmed) or outbox.acked > outbox.last:
            return "lost"
        if first > outbox.acked + 1:
            return "lost"
        for seq in range(first, len(confirmed) + 1):
            if held.get(seq) != confirmed[seq - 1]:
                return "lost"
        return ""
    finally:
        outbox.close()


def campaign(kind: type[Small], seed: int, events: int, cuts: int, lying: bool) -> Counter[str]:
    """Record a run and cut it ``cuts`` times."""
    rng = random.Random(seed)
    log = record(kind, events, rng)
    steps = sum(operation.kind != "mark" for operation in log)
    cutter = Cutter(log, rng, lying)
    vfs = DiskVFS("cutting", Disk())
    found: Counter[str] = Counter()
    for confirmed, image in cutter.cuts(max(1, -(-cuts // steps))):
        found["cuts"] += 1
        found[judge(kind, vfs, image, confirmed) or "fine"] += 1
        if found["cuts"] >= cuts:
            break
    vfs.unregister()
    return found


class Nothing:
    """The lock of a store that nobody else can open."""

    def close(self) -> None: ...


def open_store(vfs: DiskVFS, level: str) -> Store:
    """Make the shipped store on a disk in memory."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    def connect() -> wire_dbapi.Connection:
        connection = wire_dbapi.Connection("/disk/monitor.db", vfs.name)
        connection.execute("PRAGMA synchronous=EXTRA")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA wal_autocheckpoint=40")
        connection.execute(f"PRAGMA synchronous={level}")
        return connection

    def database(_: str) -> dashboard.database.Database:
        engine = create_engine(
            "sqlite://", module=wire_dbapi, creator=connect, poolclass=StaticPool
        )
        try:
            dashboard.migration.prepare(engine)
        except BaseException:
            engine.dispose()  # a connection that closes later would write over the next one's file
            raise
        return dashboard.database.Database(engine, engine, Nothing())

    dashboard.store.open_database = database
    return Store("sqlite:///monitor.db")


def record_store(level: str, batches: int, rng: random.Random) -> list[Operation]:
    """Let the store take batches of a few sites; marks hold what was acknowledged by then."""
    disk = Disk(log=[])
    vfs = DiskVFS("recording", disk)
    store = open_store(vfs, level)
    assert disk.log is not None
    intake = Intake(store, "city")
    logs = [MemoryLog(make_keys(), rng) for _ in range(3)]
    for number, log in enumerate(logs):
        hello = Hello(
            1, 1, f"s{number}", log.keys.verify_key, log.epoch, 1, 0, bytes(32), bytes(16)
        )
        intake.process([Arrival(b"%d" % number, b"", encode(hello), 1)])
    acknowledged: list[tuple[str, int, bytes]] = []
    for batch in range(batches):
        arrivals = []
        for number, log in enumerate(logs):
            for _ in range(rng.randrange(4)):
                now = 1_800_000_000_000_000_000 + batch * 1_000_000_000
                stored = log.append("x" * rng.randrange(100), f"s{number}", now)
                route = b"%d" % number
                arrivals.append(Arrival(route, b"", encode(stored.signed), now))
        outcome = intake.process(arrivals)
        acknowledged += [(event.peer, event.seq, event.hash) for event in outcome.events]
        disk.log.append(Operation("mark", mark=tuple(acknowledged)))
    store.close()
    vfs.unregister()
    return disk.log


def judge_store(vfs: DiskVFS, image: dict[str, bytearray], acknowledged: object) -> str:
    """Read the database after a cut, with none of the store's code."""
    assert isinstance(acknowledged, tuple)
    vfs.disk = Disk(files=image)
    db = apsw.Connection("/disk/monitor.db", vfs=vfs.name)
    try:
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        if db.pragma("quick_check") != "ok":
            return "corrupt"
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_schema")}
        if not tables >= {"events", "standings", "audit"}:
            return "lost" if acknowledged else ""  # cut while it was being made
        rows = db.execute("SELECT peer, seq, hash FROM events").fetchall()
        if set(acknowledged) - set(rows) or len(rows) != len(set(rows)):
            return "lost"
        last: dict[str, int] = {}
        for peer, seq, _ in rows:
            last[peer] = max(last.get(peer, 0), seq)
        standings = dict(db.execute("SELECT peer, seq FROM standings").fetchall())
        if last != standings or sum(last.values()) != len(rows):
            return "torn"  # a part of a transaction
        if not audit_intact(db):
            return "torn"
        return ""
    except apsw.Error:
        return "corrupt"
    finally:
        db.close(True)


def store_campaign(level: str, seed: int, batches: int, cuts: int, lying: bool) -> Counter[str]:
    """Record a run of the store and cut it ``cuts`` times."""
    rng = random.Random(seed)
    log = record_store(level, batches, rng)
    steps = sum(operation.kind != "mark" for operation in log)
    cutter = Cutter(log, rng, lying)
    vfs = DiskVFS("cutting", Disk())
    found: Counter[str] = Counter()
    for acknowledged, image in cutter.cuts(max(1, -(-cuts // steps))):
        found["cuts"] += 1
        found[judge_store(vfs, image, acknowledged) or "fine"] += 1
        if found["cuts"] >= cuts:
            break
    vfs.unregister()
    return found


def run(cuts: int = 16_000, store_cuts: int = 8000, seed: int = 1) -> Iterator[Metric | Skip]:
    """Half of the cuts with the fixed ``seed``, half with a fresh one."""
    fresh = random.SystemRandom().randrange(1 << 31)
    print(f"fixed seed {seed}, fresh seed {fresh}", file=sys.stderr)
    workers = os.cpu_count() or 1
    began = time.monotonic()
    with ProcessPoolExecutor(max_workers=workers) as pool:
        parts = [
            pool.submit(campaign, Small, start + index, 60, cuts // 8, False)
            for start in (seed, fresh)
            for index in range(4)
        ]
        total = sum((part.result() for part in parts), Counter[str]())
        took = time.monotonic() - began
        yield Metric.of("outbox: cuts", total["cuts"], "cuts", at_least=cuts // 8 * 8)
        yield Metric.of(
            "outbox: cuts that lose a confirmed event", total["lost"], "cuts", at_most=0
        )
        yield Metric.of("outbox: cuts that corrupt", total["corrupt"], "cuts", at_most=0)
        yield Metric.of("cuts per second", total["cuts"] / took, "1/s")
        halves = [
            pool.submit(store_campaign, "FULL", start, 40, store_cuts // 2, False)
            for start in (seed, fresh)
        ]
        central = sum((half.result() for half in halves), Counter[str]())
        yield Metric.of("store: cuts", central["cuts"], "cuts", at_least=store_cuts // 2 * 2)
        yield Metric.of("store: cuts that lose a stored event", central["lost"], "cuts", at_most=0)
        yield Metric.of("store: cuts that tear a batch", central["torn"], "cuts", at_most=0)
        yield Metric.of("store: cuts that corrupt", central["corrupt"], "cuts", at_most=0)
        normal = pool.submit(campaign, Normal, seed, 60, 1500, False).result()
        yield Metric.of("synchronous=NORMAL: cuts that lose", normal["lost"], "cuts", at_least=1)
        lying = pool.submit(campaign, Small, seed, 60, 1500, True).result()
        lost = lying["lost"] + lying["corrupt"]
        yield Metric.of("disk that lies about sync: cuts that lose", lost, "cuts", at_least=1)
        normal = pool.submit(store_campaign, "NORMAL", seed, 40, 1500, False).result()
        yield Metric.of("store, NORMAL: cuts that lose", normal["lost"], "cuts", at_least=1)
