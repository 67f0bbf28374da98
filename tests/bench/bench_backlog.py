"""A site is back after days, over a slow line: alarms of now must not wait for the old ones.

Site and monitor in two network namespaces at 512 kbit/s each way (`wire_net.py`); thousands of
events wait at the site, and while they drain an emitter of now is heard every second.  The control
speaks the protocol of yesterday, in which every record waits for its turn.  Skips where namespaces
cannot be made.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from ports import free_ports
from wire_farm import CONTEXT, sighting
from wire_net import Weather, enter, slow_line, why_not

from sensors.benches import Metric, Skip

SLOW = Weather(bits_per_s=512e3)


def monitor(address: str, folder: str, keys: Path, space: str, told: Any) -> None:
    """Child process: the receiver; tells when it first knew of each emitter."""
    from dashboard.alarms import Alarm
    from dashboard.keyring import Keyring
    from dashboard.receiver import Receiver
    from dashboard.store import Store

    enter(space)
    known: set[str] = set()

    def hear(alarms: Any) -> None:
        assert all(isinstance(alarm, Alarm) for alarm in alarms)
        for emitter in {part.emitter for alarm in alarms for part in alarm.parts} - known:
            known.add(emitter)
            told.send((emitter, time.monotonic()))

    async def serve() -> None:
        store = Store(f"sqlite:///{folder}/monitor.db")
        store.on_alarms = hear
        async with Receiver(address, store, keyring=Keyring(keys)):
            told.send(("ready", time.monotonic()))
            await asyncio.Event().wait()

    asyncio.run(serve())


def site(
    address: str, folder: str, server_key: bytes, space: str, backlog: int, fresh: int, told: Any
) -> None:
    """Child process: a backlog, then a new emitter every second; tells when each was confirmed."""
    from msgspec.structs import replace

    from sensors.keys import own_keys
    from sensors.link import Link
    from sensors.outbox import Outbox

    enter(space)
    home, rng = Path(folder), random.Random(2)
    keys = own_keys(home / "site.key")
    outbox = Outbox(home / "outbox.db", keys)
    for number in range(backlog):
        outbox.append(sighting("site-0", f"old-{number}", rng))
    with Link(
        outbox, keys, "site-0", ("site-0/hall",), events=address, server_key=server_key
    ) as link:
        while outbox.acked == 0:
            time.sleep(0.01)
        began, waiting = time.monotonic(), outbox.depth
        made = {}
        for number in range(fresh):
            time.sleep(max(0.0, began + number - time.monotonic()))
            event = sighting("site-0", "now", rng)
            event = replace(event, emitter=f"n{number}", center_freq_hz=430e6 + number * 1e5)
            link.publish(event)
            made[f"n{number}"] = time.monotonic()
        time.sleep(3.0)
        depth = outbox.depth
        while outbox.depth and time.monotonic() < began + 120.0:
            time.sleep(0.05)
        told.send((made, waiting, depth, time.monotonic() - began, outbox.last))
    outbox.close()


def trial(backlog: int, fresh: int, version: int) -> tuple[list[float], int, int, float, int]:
    """Delays of new alarms; records that waited first and last; drained after; not stored."""
    import sqlite3

    with slow_line(free_ports(4)) as slow:
        heard, theirs = CONTEXT.Pipe()
        args: tuple[Any, ...] = (slow.address, slow.folder, slow.keys, slow.line.near, theirs)
        centre = CONTEXT.Process(target=monitor, args=args, daemon=True)
        centre.start()
        if not heard.poll(20):
            raise RuntimeError("the monitor did not start")
        heard.recv()
        slow.line.set(SLOW)
        done, theirs = CONTEXT.Pipe()
        args = (slow.address, slow.home, slow.server_key, slow.line.far, backlog, fresh, theirs)
        target = site if version > 1 else yesterday
        sender = CONTEXT.Process(target=target, args=args, daemon=True)
        sender.start()
        if not done.poll(180):
            raise RuntimeError("the site did not finish")
        made, waiting, depth, seconds, last = done.recv()
        came = {}
        while heard.poll(0.5):
            emitter, at = heard.recv()
            came[emitter] = at
        for process in (sender, centre):
            process.kill()
            process.join(5)
        database = sqlite3.connect(f"file:{slow.folder}/monitor.db?mode=ro", uri=True)
        (stored,) = database.execute("SELECT count(*) FROM events").fetchone()
        database.close()
        delays = sorted(came.get(emitter, float("inf")) - at for emitter, at in made.items())
        return delays, waiting, depth, seconds, last - stored


def yesterday(*args: Any) -> None:
    """Child process: as `site`, with every record in its turn."""
    from sensors.early import Early

    Early.next = lambda *_: None  # type: ignore[method-assign]
    site(*args)


def run(backlog: int = 4000, fresh: int = 15) -> Iterator[Metric | Skip]:
    """Once as shipped, once with every record in its turn."""
    if why := why_not():
        yield Skip(why)
        return
    delays, waiting, depth, seconds, missing = trial(backlog, fresh, version=2)
    yield Metric.of("events that waited as the first was new", waiting, "events", at_least=1000)
    yield Metric.of("and as the last one was", depth, "events", at_least=100)
    yield Metric.of("new emitters", len(delays), "emitters", at_least=fresh)
    yield Metric.of("confirmed to alarm, median", delays[len(delays) // 2], "s")
    yield Metric.of("confirmed to alarm, longest", delays[-1], "s", at_most=3.0)
    yield Metric.of("backlog drained after", seconds, "s")
    yield Metric.of("not stored in the end, or twice", abs(missing), "events", at_most=0)
    delays, _, _, seconds, _ = trial(backlog, fresh, version=1)
    yield Metric.of("every record in its turn: drained after", seconds, "s")
    yield Metric.of("every record in its turn: longest", delays[-1], "s", at_least=10.0)
