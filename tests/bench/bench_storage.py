"""A disk that fails at every operation, fills up or refuses, at site and centre: nothing is lost.

The shipped `Outbox`, and the shipped `Intake` and `Store`, on SQLite over a disk in memory
(`wire_disk.py`) that fails at the n-th operation, once or from then on, or holds no more than so
many bytes.  What was confirmed or acknowledged must be on the disk afterwards; when the disk is
well again everything must go on by itself.  The control acknowledges what the store refused.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import apsw
from bench_power import FILE, KEYS, Small, judge_store, open_store
from wire_disk import Disk, DiskVFS, Operation
from wire_world import BASE_NS, MemoryLog

from dashboard.inbox import Breach, Incoming
from dashboard.intake import Arrival, Intake, StoreFailed
from sensors.benches import Metric, Skip
from sensors.keys import key_id, make_keys
from sensors.messages import Ack, Down, Hello, Note, NoticeEvent, Welcome, Who
from sensors.outbox import OutboxFault
from sensors.wire import encode

FAULTS = {"I/O error": apsw.IOError, "full": apsw.FullError, "read-only": apsw.ReadOnlyError}
ROUNDS = 30
STEP = 8192
"""Between the sizes of a full disk, bytes."""
SITES = 3

Fail = Callable[[Operation], None]


def at(number: int, error: type[Exception], for_ever: bool) -> Fail:
    """Fail at the ``number``-th operation, and after it if ``for_ever``."""
    count = 0

    def fail(operation: Operation) -> None:
        nonlocal count
        count += 1
        if count == number or (for_ever and count > number):
            # A file layer says of a write alone that the disk is full or read-only.
            raise (error if operation.kind == "write" else apsw.IOError)("planned")

    return fail


def beyond(disk: Disk, size: int) -> Fail:
    """No file system grows over ``size`` bytes."""

    def fail(operation: Operation) -> None:
        held = sum(map(len, disk.files.values()))
        grows = operation.offset + len(operation.data) - len(disk.files.get(operation.file, b""))
        if operation.kind == "write" and grows > 0 and held + grows > size:
            raise apsw.FullError("planned")

    return fail


def outbox_story(vfs: DiskVFS, heal_after: int) -> str:
    """Append until the disk is well again and further; "" when every promise was kept."""
    confirmed: list[bytes] = []
    outbox: Small | None = None
    for number in range(60):
        if number == heal_after:
            vfs.disk.fail = None
        try:
            if outbox is None:
                outbox = Small(FILE, KEYS, vfs=vfs.name)
            outbox.append(NoticeEvent("s", "s/h", "info", Note(f"{number}" * 40), 1))
            confirmed.append(outbox.head)
            if number % 5 == 4:
                outbox.ack(outbox.last - 1)
        except OutboxFault:
            with contextlib.suppress(OutboxFault):
                if outbox is not None:
                    outbox.reopen()
    if outbox is None:
        return "did not recover"
    with contextlib.suppress(apsw.Error):
        outbox.close()
    again = Small(FILE, KEYS, vfs=vfs.name)
    try:
        held = [stored.hash for stored in again.after(0, 1000)]
    finally:
        again.close()
    if [digest for digest in held if digest in set(confirmed)] != confirmed:
        return "lost"
    return "" if len(confirmed) >= 60 - heal_after else "did not recover"


@dataclass
class Sites:
    """A few sites that send until everything is acknowledged."""

    rng: random.Random
    logs: list[MemoryLog] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=lambda: [0] * SITES)
    greeted: list[bool] = field(default_factory=lambda: [False] * SITES)

    def __post_init__(self) -> None:
        self.logs = [MemoryLog(make_keys(), self.rng) for _ in range(SITES)]

    def arrivals(self, now_ns: int) -> list[Arrival]:
        """What they send next: a greeting, else what is not acknowledged."""
        out = []
        for number, log in enumerate(self.logs):
            route = b"%d" % number
            if self.greeted[number]:
                for stored in log.after(self.acknowledged[number], 4):
                    out.append(Arrival(route, b"", encode(stored.signed), now_ns))
                continue
            hello = Hello(
                1, 1, f"s{number}", log.keys.verify_key, log.epoch, 1, log.last, log.head, bytes(16)
            )
            out.append(Arrival(route, b"", encode(hello), now_ns))
        return out

    def answered(self, replies: Sequence[tuple[bytes, Down]]) -> None:
        """Take in what the centre says."""
        for route, message in replies:
            number = int(route)
            if isinstance(message, Who):
                self.greeted[number] = False
            elif isinstance(message, Welcome | Ack):
                self.greeted[number] = True
                self.acknowledged[number] = message.seq

    def claims(self) -> list[tuple[str, int, bytes]]:
        """Everything that they need not keep any more."""
        return [
            (key_id(log.keys.verify_key), stored.seq, stored.hash)
            for number, log in enumerate(self.logs)
            for stored in log.records[: self.acknowledged[number]]
        ]


class Careless:
    """The control: it says that a batch is stored whatever the store says."""

    def __init__(self, store: object) -> None:
        self.store = store

    def ingest(self, batch: Sequence[Incoming | Breach]) -> None:
        with contextlib.suppress(Exception):
            self.store.ingest(batch)  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)


def store_story(vfs: DiskVFS, heal_after: int, seed: int, careless: bool = False) -> str:
    """Rounds of events to the centre; the disk is well again after some; "" when all is kept."""
    sites = Sites(random.Random(seed))
    store = intake = None
    for number in range(ROUNDS):
        if number == heal_after:
            vfs.disk.fail = None
        now_ns = BASE_NS + number * 1_000_000_000
        if number < ROUNDS - 4:
            for index, log in enumerate(sites.logs):
                log.append("x" * (number * 7 % 90), f"s{index}", now_ns)
        try:
            if store is None or intake is None:
                store = open_store(vfs, "FULL")
                intake = Intake(Careless(store) if careless else store, "city")  # type: ignore[arg-type]
                sites.greeted = [False] * SITES
            sites.answered(intake.process(sites.arrivals(now_ns)).replies)
        except StoreFailed:
            pass  # the receiver says so and asks the store again with the next batch
        except Exception:
            if store is not None:
                raise
            # The monitor does not start on a disk that fails; whoever runs it starts it again.
    if store is None:
        return "did not recover"
    acknowledged = sites.claims()
    with contextlib.suppress(Exception):
        store.close()
    vfs.disk.fail = None
    verdict = judge_store(vfs, vfs.disk.files, tuple(acknowledged))
    if verdict:
        return verdict
    return (
        ""
        if all(map(int.__eq__, sites.acknowledged, (log.last for log in sites.logs)))
        else "stuck"
    )


def operations(story: Callable[[DiskVFS, int], str]) -> int:
    """How many operations a story has on a disk that is well."""
    log: list[Operation] = []
    vfs = DiskVFS("counting", Disk(log=log))
    verdict = story(vfs, 0)
    vfs.unregister()
    assert verdict == "", verdict
    return len(log)


def campaign(what: str, error: str, numbers: range, for_ever: bool) -> Counter[str]:
    """A story for each number of the operation that fails."""
    found: Counter[str] = Counter()
    vfs = DiskVFS("failing", Disk())
    for number in numbers:
        vfs.disk = Disk(fail=at(number, FAULTS[error], for_ever))
        found["faults"] += 1
        found[play(what, vfs, number) or "kept"] += 1
    vfs.unregister()
    return found


def full(what: str, sizes: range) -> Counter[str]:
    """A story for each size of the disk; there is room again half way."""
    found: Counter[str] = Counter()
    vfs = DiskVFS("small", Disk())
    for size in sizes:
        disk = vfs.disk = Disk()
        disk.fail = beyond(disk, size)
        found["faults"] += 1
        found[play(what, vfs, size) or "kept"] += 1
    vfs.unregister()
    return found


def play(what: str, vfs: DiskVFS, seed: int) -> str:
    """The story of the outbox, of the store, or of the control."""
    if what == "outbox":
        return outbox_story(vfs, 40)
    return store_story(vfs, 20, seed, careless=what == "control")


def run(sizes: int = 60) -> Iterator[Metric | Skip]:
    """Every operation fails with an I/O error, every sixth otherwise; ``sizes`` sizes of disk."""
    lengths = {
        "outbox": operations(outbox_story),
        "store": operations(lambda vfs, heal_after: store_story(vfs, heal_after, 1)),
    }
    with ProcessPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for what, length in lengths.items():
            parts = [
                pool.submit(campaign, what, error, range(first, length + 1, step), stays)
                for error, step in (("I/O error", 2), ("full", 6), ("read-only", 6))
                for stays in (False, True)
                for first in range(1, step + 1, 1 if error == "I/O error" else step)
            ]
            parts.append(pool.submit(full, what, range(STEP, STEP * (sizes + 1), STEP)))
            found = sum((part.result() for part in parts), Counter[str]())
            yield Metric.of(f"{what}: operations that failed", length, "", at_least=300)
            yield Metric.of(f"{what}: faults", found["faults"], "", at_least=2 * length + sizes)
            for wrong in ("lost", "torn", "corrupt", "did not recover", "stuck"):
                yield Metric.of(f"{what}: {wrong}", found[wrong], "", at_most=0)
        late = range(lengths["store"] * 2 // 3, lengths["store"], 4)
        control = pool.submit(campaign, "control", "I/O error", late, True).result()
        wrong = control["faults"] - control["kept"]
        yield Metric.of("control, acknowledged whatever the store says", wrong, "", at_least=1)
