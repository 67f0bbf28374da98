"""Two levels: a site's event arrives above with the site's own signature, once, across restarts."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from dashboard import schema
from dashboard.config import load_config
from dashboard.inbox import Incoming
from dashboard.receiver import Receiver
from dashboard.relaying import open_upstream
from dashboard.store import Store
from dashboard.upstream import Upstream
from sensors.keys import own_keys, signed_by
from sensors.link import Link
from sensors.messages import (
    EmitterEvent,
    Heartbeat,
    Record,
    RelayedEvent,
    SensorHealth,
    SpectrumRow,
    Watch,
)
from sensors.outbox import Outbox
from sensors.wire import read_event, record_hash

pytestmark = pytest.mark.system
SENSOR = "school-3/hall"


@pytest.fixture
def addresses() -> tuple[str, str]:
    while True:
        port = random.randrange(20_000, 32_000)
        try:
            for offset in range(8):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
        except OSError:
            continue
        return f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.1:{port + 4}"


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    pair = (Store(f"sqlite:///{tmp_path}/low.db"), Store(f"sqlite:///{tmp_path}/high.db"))
    yield pair
    for store in pair:
        store.close()


def emitter(number: int) -> EmitterEvent:
    now = time.time_ns()
    return EmitterEvent(
        "school-3", SENSOR, f"e{number}", "open", 169.5e6, 12e3, 20.0, 15.0, -60.0, now, now, 1
    )


async def until(true: Callable[[], Any], within_s: float = 15.0) -> None:
    limit = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < limit, "did not happen in time"
        await asyncio.sleep(0.01)


def test_two_levels(
    tmp_path: Path, addresses: tuple[str, str], stores: tuple[Store, Store]
) -> None:
    low_address, high_address = addresses
    low_store, high_store = stores
    site_keys = own_keys(tmp_path / "site.key")
    got: list[Incoming] = []
    beats: list[Heartbeat] = []
    rows: list[Any] = []

    def relay(low: Receiver) -> Upstream:
        text = (
            f'[monitor]\nid = "county-1"\ninsecure = true\n[upstream]\nevents = "{high_address}"\n'
        )
        file = tmp_path / "county.toml"
        file.write_text(text, encoding="utf-8")
        return open_upstream(load_config(file), None, low, low_store.reader)

    async def story() -> None:
        outbox = Outbox(tmp_path / "site.db", site_keys)
        async with Receiver(
            high_address,
            high_store,
            monitor="city",
            on_event=got.append,
            on_heartbeat=beats.append,
            on_row=rows.append,
        ) as high:
            for lap in range(3):  # the county's monitor is restarted, once without its outbox
                for file in tmp_path.rglob("upstream.db*") if lap == 2 else ():
                    file.unlink()
                async with Receiver(
                    low_address,
                    low_store,
                    monitor="county-1",
                ) as low:
                    task = asyncio.create_task(relay(low).run(low.watch, low.unwatch))
                    with Link(outbox, site_keys, "school-3", (SENSOR,), events=low_address) as site:
                        for number in range(5):
                            site.publish(emitter(5 * lap + number))
                        health = SensorHealth(SENSOR, "hall", "rtl:1", "go")
                        site.heartbeat(Heartbeat("school-3", "S", time.time_ns(), 1, [health]))
                        await until(
                            lambda lap=lap: sum(not item.repeated for item in got) == 5 * (lap + 1)
                        )
                        await until(lambda: any(beat.site == "school-3" for beat in beats))
                        if lap == 0:
                            number = high.watch(Watch(SENSOR, 1e8, 2e8, 100, 0))
                            await until(lambda: site.watches, 20.0)
                            row = SpectrumRow(SENSOR, 1, 1, 0.1, 1e8, 1e6, bytes(100))
                            site.offer(site.watches[0], row)
                            await until(lambda: rows)
                            assert (rows[0].watch, rows[0].sensor) == (number, SENSOR)
                            high.unwatch(number)
                            await until(lambda: not site.watches)
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
        outbox.close()

    asyncio.run(asyncio.wait_for(story(), 90.0))
    # What the new outbox brought again was taken, and counts once.
    assert [item.event.emitter for item in got if isinstance(item.event, EmitterEvent)] == [
        f"e{number}" for number in (*range(10), *range(15))
    ]
    assert [item.repeated for item in got] == 10 * [False] + 10 * [True] + 5 * [False]
    with high_store.reader.connect() as connection:
        notes = list(connection.scalars(select(schema.notices.c.note_id)))
    assert sorted(notes) == ["notice.epoch", "notice.relay_repeated"]
    assert {item.event.site for item in got} == {"school-3"}
    assert {beat.site for beat in beats} == {"school-3", "county-1"}
    for number, item in enumerate([item for item in got if not item.repeated], 1):
        envelope = read_event(msgspec.msgpack.decode(item.record, type=Record).payload)
        assert isinstance(envelope, RelayedEvent)
        digest = record_hash(envelope.record)
        assert envelope.verify_key == site_keys.verify_key
        assert signed_by(site_keys.verify_key, digest, envelope.signature)
        assert msgspec.msgpack.decode(envelope.record, type=Record).seq == number
