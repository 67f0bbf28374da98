"""A 2 MiB clip over a slow line, and how long alarms take meanwhile: it must not hold them up.

Site and monitor in two network namespaces at 1 Mbit/s each way with a cheap router's queue
(`wire_net.py`).  The control sends the same clip with large blocks and deep buffers, as one would
without thinking of alarms.  Skips where namespaces cannot be made.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from ports import free_ports
from wire_farm import CONTEXT, START_NS, sighting
from wire_net import Weather, enter, slow_line, why_not

from sensors.benches import Metric, Skip

SLOW = Weather(bits_per_s=1e6)


def monitor(address: str, folder: str, keys: Path, space: str, ready: Any) -> None:
    """Child process: receiver with an evidence folder."""
    from dashboard.keyring import Keyring
    from dashboard.receiver import Receiver
    from dashboard.store import Store

    enter(space)

    async def serve() -> None:
        store = Store(f"sqlite:///{folder}/monitor.db")
        async with Receiver(address, store, keyring=Keyring(keys), evidence=Path(folder) / "in"):
            ready.send("ready")
            await asyncio.Event().wait()

    asyncio.run(serve())


def site(
    address: str, folder: str, server_key: bytes, space: str, size: int, careless: bool, told: Any
) -> None:
    """Child process: upload a clip while an event goes out every 100 ms; tell the ack times."""
    import random

    from sensors.keys import own_keys
    from sensors.link import Link
    from sensors.outbox import Outbox

    enter(space)
    if careless:
        make_careless()
    home = Path(folder)
    clip = home / f"clip-{time.time_ns()}.sigmf-data"
    clip.write_bytes(random.Random(1).randbytes(size))
    keys = own_keys(home / "site.key")
    outbox = Outbox(home / "outbox.db", keys)
    rng = random.Random(2)
    with Link(
        outbox, keys, "site-0", ("site-0/hall",), events=address, server_key=server_key
    ) as link:
        link.publish(sighting("site-0", "first", rng))
        while outbox.depth:
            time.sleep(0.01)
        began = time.monotonic()
        link.clips.offer(clip)
        sent: dict[int, float] = {}
        delays: list[float] = []
        due = began
        while (link.clips.waiting or sent) and time.monotonic() < began + 60.0:
            now = time.monotonic()
            if now >= due and link.clips.waiting:
                due += 0.1
                sent[link.publish(sighting("site-0", f"n{now}", rng))] = now
            acked = outbox.acked
            for seq in [seq for seq in sent if seq <= acked]:
                delays.append(now - sent.pop(seq))
            time.sleep(0.002)
        told.send((time.monotonic() - began, link.clips.waiting == 0, sorted(delays)))
    outbox.close()


def make_careless() -> None:
    """Blocks of the clip on the events socket's own queue, as many as fit: the naive way."""
    from sensors.courier import Courier
    from sensors.messages import BLOCK_BYTES, Block

    take = Courier._pump

    def pump(self: Courier, events: Any) -> bool:
        waiting = getattr(self, "careless", None)
        if waiting is None:
            files = list(self._bag.clips._files.values())
            self.careless = waiting = []  # type: ignore[attr-defined]
            if not files:
                self.careless = None  # type: ignore[attr-defined]
            for file in files:
                body = file.path.read_bytes()
                name, sha = file.offer.name, file.offer.sha256
                step = BLOCK_BYTES - 600
                waiting += [
                    Block(name, sha, at, body[at : at + step]) for at in range(0, len(body), step)
                ]
        while waiting and self._send(events, waiting[0]):
            waiting.pop(0)
        return take(self, events)

    Courier._pump = pump  # type: ignore[method-assign]


def trial(size: int, careless: bool) -> tuple[float, bool, list[float]]:
    """Upload once; seconds, whether it arrived whole, and the sorted ack times."""
    with slow_line(free_ports(4)) as slow:
        ready, theirs = CONTEXT.Pipe()
        args: tuple[Any, ...] = (slow.address, slow.folder, slow.keys, slow.line.near, theirs)
        centre = CONTEXT.Process(target=monitor, args=args, daemon=True)
        centre.start()
        if not ready.poll(20):
            raise RuntimeError("the monitor did not start")
        slow.line.set(SLOW)
        ours, theirs = CONTEXT.Pipe()
        args = (slow.address, slow.home, slow.server_key, slow.line.far, size, careless, theirs)
        sender = CONTEXT.Process(target=site, args=args, daemon=True)
        sender.start()
        if not ours.poll(90):
            raise RuntimeError("the site did not finish")
        seconds, whole, delays = ours.recv()
        files = list((Path(slow.folder) / "in" / "site-0").glob("*.sigmf-data"))
        whole = whole and len(files) == 1 and files[0].stat().st_size == size
        for process in (sender, centre):
            process.kill()
            process.join(5)
        return seconds, whole, delays


def run(size: int = 2 << 20, rounds: int = 2) -> Iterator[Metric | Skip]:
    """Upload ``size`` bytes ``rounds`` times."""
    assert START_NS
    if why := why_not():
        yield Skip(why)
        return
    worst, all_whole, median, seconds, count = 0.0, True, 0.0, 0.0, 0
    for _ in range(rounds):
        seconds, whole, delays = trial(size, careless=False)
        worst = max(worst, delays[-1])
        median = delays[len(delays) // 2]
        all_whole = all_whole and whole
        count += len(delays)
    yield Metric.of("clip arrived whole", float(all_whole), "", at_least=1)
    yield Metric.of(
        "upload time", seconds, "s", reference=size * 8 / 1e6, ratio=seconds / (size * 8e-6)
    )
    yield Metric.of("events meanwhile", count, "events", at_least=50)
    yield Metric.of("event ack, median", median, "s")
    yield Metric.of("event ack, worst", worst, "s", at_most=1.0)
    _, _, delays = trial(size, careless=True)
    slow = delays[-1] if delays else 60.0
    yield Metric.of("event ack, worst, clip on the events socket", slow, "s", at_least=1.0)
