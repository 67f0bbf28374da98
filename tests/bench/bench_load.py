"""Hundreds of sites with keys, spectra recorded, browsers watching: one core, nothing lost.

The command ``rfproctor monitor`` pinned to one core; on the other core all sites (`wire_motes`) and
real WebSocket browsers, some of which stop reading.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from bench_fuzz import memory_kib
from ports import free_ports
from wire_farm import CONTEXT, audit_intact
from wire_motes import City, ask, cpu_s, sites, waited_s

from sensors.benches import Metric, Skip


def browse(
    http: int, token: str, browsers: int, stalled: int, count: int, core: int, stop: Any, told: Any
) -> None:
    """Child process: pages that watch one sensor each; tells how old alarms were on arrival."""
    import websockets.asyncio.client as client

    os.sched_setaffinity(0, {core})
    ages: list[tuple[float, float]] = []  # when it came, and how old it was
    rows = [0]

    async def page(number: int, stalls: bool) -> None:
        url = f"ws://127.0.0.1:{http}/api/v1/live?lines=1"
        headers = {"Authorization": f"Bearer {token}"}
        newest: dict[str, int] = {}
        async with client.connect(url, additional_headers=headers, max_size=None) as socket:
            watch = {"op": "watch", "id": "a", "sensor": f"s{number % count}/hall"}
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
                            alarm, now = json.loads(line)["alarm"], time.time()
                            seen_ns = alarm["last_seen_ns"]
                            if seen_ns != newest.get(alarm["id"]):  # heard again, not only overdue
                                newest[alarm["id"]] = seen_ns
                                ages.append((now, now - seen_ns / 1e9))

    async def all_pages() -> None:
        tasks = [asyncio.create_task(page(n, n < stalled)) for n in range(browsers + stalled)]
        while not stop.is_set():
            await asyncio.sleep(0.2)
        dead = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        why = repr(dead[0].exception())[:200] if dead else ""
        told.send((ages, rows[0], len(dead), why))

    asyncio.run(all_pages())


def percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def run(
    count: int = 500,
    bins: int = 2048,
    browsers: int = 50,
    stalled: int = 5,
    steady_s: float = 40.0,
    rate: float = 100.0,
    calm_s: float = 70.0,
) -> Iterator[Metric | Skip]:
    """Steady for ``steady_s`` at ``rate`` events/s, 10 s at twenty times as many, then calm again.

    The last minute, in which memory must be flat, has nothing of the storm.  Connections are first
    made a few minutes old: until then libzmq's queues still take memory (`wire_motes.QUEUE`).
    """
    if (os.cpu_count() or 1) < 2 or not hasattr(os, "sched_setaffinity"):
        yield Skip("needs two cores on Linux")
        return
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (16_384, 16_384))
    with tempfile.TemporaryDirectory(prefix="rfproctor-load-") as folder:
        port, http = free_ports(4), free_ports(1)
        plan = [(steady_s, rate), (10.0, 20 * rate), (calm_s, rate)]
        orders, theirs = CONTEXT.Pipe()
        source = CONTEXT.Process(target=sites, args=(folder, port, count, 1, theirs), daemon=True)
        source.start()
        assert ask(orders, source) == "keys"
        stop = CONTEXT.Event()
        pages, far = CONTEXT.Pipe()
        with City(Path(folder), port, http, core=0, bins=bins) as city:
            centre = city.process.pid
            up_s, up = ask(orders, source, "connect")
            yield Metric.of("sites connected", up, "sites", at_least=count)
            yield Metric.of("all connected after", up_s, "s", at_most=5.0)
            seats = (browsers, stalled, count, 1, stop, far)
            viewer = CONTEXT.Process(target=browse, args=(http, city.token, *seats), daemon=True)
            viewer.start()
            aged_s, aged = ask(orders, source, ("age", 60.0))
            yield Metric.of("connections aged", aged, "sites", at_least=count)
            yield Metric.of("aged within", aged_s, "s")
            memory: list[tuple[float, int]] = []
            results, shares, ends = [], [], []
            began, waited = time.monotonic(), waited_s(centre)
            for phase in plan:
                cpu, clock = cpu_s(centre), time.monotonic()
                orders.send(("publish", *phase))
                while not orders.poll(1.0):
                    assert source.is_alive(), "the sites' process ended"
                    memory.append((time.monotonic(), memory_kib(centre)))
                results.append(orders.recv())
                shares.append((cpu_s(centre) - cpu) / (time.monotonic() - clock))
                ends.append(time.time())
            waiting = (waited_s(centre) - waited) / (time.monotonic() - began)
            ledger, rows, left = ask(orders, source, "ledger")
            stop.set()
            ages, page_rows, dead, why = pages.recv()
            print(f"browsers gone: {dead} {why}", file=sys.stderr)
            orders.send("end")
            time.sleep(0.5)
            for process in (source, viewer):
                process.kill()
                process.join(5)
        lost, altered, doubled, intact = compare(Path(folder) / "monitor.db", ledger)
    steady, burst = results[0][1], results[1][1]
    slope, more = growth(memory[-60:]), max(1.0, count / 500)
    yield Metric.of("events", sum(made for made, _, _ in results), "events")
    yield Metric.of("not acknowledged 90 s after the end", left, "events")
    yield Metric.of("lost", lost, "events", at_most=0)
    yield Metric.of("doubled", doubled, "events", at_most=0)
    yield Metric.of("altered", altered, "events", at_most=0)
    yield Metric.of("audit chain intact", float(intact), "", at_least=1)
    yield Metric.of("ack median, steady", percentile(steady, 0.5), "s")
    yield Metric.of("ack p99, steady", percentile(steady, 0.99), "s", at_most=0.25)
    yield Metric.of("ack p99, burst", percentile(burst, 0.99), "s", at_most=2.0)
    calm = sorted(age for at, age in ages if not ends[0] <= at < ends[1])
    stormy = sorted(age for at, age in ages if ends[0] <= at < ends[1])
    yield Metric.of("confirmed to browser, median, steady", percentile(calm, 0.5), "s")
    yield Metric.of("confirmed to browser, p99, steady", percentile(calm, 0.99), "s", at_most=0.3)
    yield Metric.of("confirmed to browser, p99, burst", percentile(stormy, 0.99), "s", at_most=1.0)
    yield Metric.of("alarms seen by browsers", len(ages), "messages", at_least=browsers)
    yield Metric.of("browsers gone", dead, "browsers", at_most=stalled)
    yield Metric.of("rows sent by the sites", rows, "rows")
    yield Metric.of("rows seen by browsers", page_rows, "rows", at_least=browsers)
    yield Metric.of("monitor's processor, steady", shares[0], "cores", at_most=1.0)
    yield Metric.of("monitor's processor, burst", shares[1], "cores")
    # Above about 0.1 somebody else used the core, and the times above are theirs too.
    yield Metric.of("monitor ready but not running", waiting, "cores")
    most = max(kib for _, kib in memory) / 1024
    yield Metric.of("monitor's memory", most, "MiB", at_most=300 * more)
    yield Metric.of("memory slope, last minute", slope, "MiB/min", at_most=5.0 * more)


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
