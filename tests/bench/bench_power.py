"""Cut the power at every write of the outbox: what was confirmed must be there, NORMAL must fail.

The shipped `Outbox` on SQLite over a disk in memory (`wire_disk.py`).  A run of appends,
acknowledgements and checkpoints is recorded; then for every operation several disk images are made
that a cut could leave, and the outbox is opened on each.
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

from wire_disk import Cutter, Disk, DiskVFS, Operation

from sensors.benches import Metric, Skip
from sensors.keys import make_keys
from sensors.messages import Note, NoticeEvent
from sensors.outbox import Clock, Outbox, OutboxFault

FILE = Path("/disk/outbox.db")
KEYS = make_keys()


class Small(Outbox):
    """The shipped outbox with checkpoints so often that cuts hit them too."""

    level = "FULL"

    def _prepare(self) -> None:
        super()._prepare()
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


def run(cuts: int = 24_000, seed: int = 1) -> Iterator[Metric | Skip]:
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
        normal = pool.submit(campaign, Normal, seed, 60, 1500, False).result()
        yield Metric.of("synchronous=NORMAL: cuts that lose", normal["lost"], "cuts", at_least=1)
        lying = pool.submit(campaign, Small, seed, 60, 1500, True).result()
        lost = lying["lost"] + lying["corrupt"]
        yield Metric.of("disk that lies about sync: cuts that lose", lost, "cuts", at_least=1)
