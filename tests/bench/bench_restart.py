"""The monitor is killed under 500 sites, with a million events in its store, and is back at once.

The command ``rfproctor monitor`` on a core of its own, killed as by a power cut while the sites
publish.  Measured: how long it starts, and how long until every site has an answer again for an
event that it made while nobody listened.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from bench_load import compare, percentile
from bench_monitor import record
from ports import free_ports
from wire_farm import CONTEXT
from wire_motes import City, ask, cpu_s, sites

from dashboard.store import Store
from sensors.benches import Metric, Skip

ALARMS = 2000
"""Of which each has the same share of the events."""


def run(count: int = 500, events: int = 1_000_000, kills: int = 5) -> Iterator[Metric | Skip]:
    """Fill a store, then start and kill."""
    if (os.cpu_count() or 1) < 2 or not hasattr(os, "sched_setaffinity"):
        yield Skip("needs two cores on Linux")
        return
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (16_384, 16_384))
    with tempfile.TemporaryDirectory(prefix="rfproctor-restart-") as folder:
        fill(Path(folder) / "monitor.db", events)
        port, http = free_ports(4), free_ports(1)
        orders, theirs = CONTEXT.Pipe()
        source = CONTEXT.Process(target=sites, args=(folder, port, count, 1, theirs), daemon=True)
        source.start()
        assert ask(orders, source) == "keys"
        city = City(Path(folder), port, http, core=0, bins=2048)
        starts, spent, answers = [], [], []
        with city:
            _, up = ask(orders, source, "connect")
            yield Metric.of("sites connected", up, "sites", at_least=count)
            ask(orders, source, ("publish", 3.0, 100.0))
            for _ in range(kills):
                city.kill()
                killed = time.monotonic()
                orders.send(("each", 60.0))
                starts.append(city.start())
                spent.append(cpu_s(city.process.pid))
                _, left = ask(orders, source)
                assert not left, f"{left} events are still not acknowledged"
                answers.append(time.monotonic() - killed)
                ask(orders, source, ("publish", 2.0, 100.0))
            ledger, _, left = ask(orders, source, "ledger")
            assert not left, f"{left} events are still not acknowledged"
        orders.send("end")
        source.join(10)
        lost, altered, doubled, intact = compare(Path(folder) / "monitor.db", ledger)
    yield Metric.of("events in the store", events, "events")
    yield Metric.of("start, longest of all", max(starts), "s", at_most=3.0)
    yield Metric.of("start, processor time", max(spent), "s")
    yield Metric.of("kill to every site answered, median", percentile(sorted(answers), 0.5), "s")
    yield Metric.of("kill to every site answered, longest", max(answers), "s", at_most=5.0)
    yield Metric.of("lost, doubled, altered", lost + doubled + altered, "events", at_most=0)
    yield Metric.of("audit chain intact", float(intact), "", at_least=1)


def fill(database: Path, events: int) -> None:
    """Real alarms of today, and copies of their events under numbers of their own."""
    began_ns = time.time_ns()
    store = Store(f"sqlite:///{database}", clock_ns=lambda: began_ns)
    for first in range(0, ALARMS, 200):
        store.ingest([record(number) for number in range(first, first + 200)])
    store.close()
    db = sqlite3.connect(database)
    names = [
        row[1] for row in db.execute("PRAGMA table_info(events)") if row[1] not in ("id", "seq")
    ]
    columns = ", ".join(names)
    db.execute("PRAGMA synchronous=OFF")
    copy = f"INSERT INTO events (seq, {columns}) SELECT seq + ?, {columns} FROM events"
    for part in range(1, events // ALARMS):
        db.execute(f"{copy} WHERE seq <= ?", (part * ALARMS, ALARMS))
    db.commit()
    db.close()
