"""Site and monitor over real sockets: events, state, rows, reconnection, viewers."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq

from dashboard.receiver import Receiver
from dashboard.store import Store
from sdr.source import UserError
from sensors.dial import next_port
from sensors.keys import own_keys
from sensors.link import Link
from sensors.messages import (
    Answer,
    EmitterEvent,
    Heartbeat,
    Note,
    NoticeEvent,
    SensorHealth,
    SpectrumReference,
    SpectrumRow,
    Watch,
)
from sensors.outbox import Outbox

pytestmark = pytest.mark.system
SENSOR = "school-3/hall"


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.db", own_keys(tmp_path / "site.key"))
    yield box
    box.close()


def link(outbox: Outbox, tmp_path: Path, address: str | None, **more: Any) -> Link:
    keys = own_keys(tmp_path / "site.key")
    return Link(outbox, keys, "school-3", (SENSOR,), events=address, **more)


def emitter(number: int) -> EmitterEvent:
    now = time.time_ns()
    return EmitterEvent(
        "school-3", SENSOR, f"e{number}", "open", 169.5e6, 12e3, 20.0, 15.0, -60.0, now, now, 1
    )


def notice(text: str) -> NoticeEvent:
    return NoticeEvent("school-3", SENSOR, "info", Note(text), time.time_ns())


async def until(true: Callable[[], Any], within_s: float = 10.0) -> None:
    limit = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < limit, "did not happen in time"
        await asyncio.sleep(0.005)


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60.0))


def test_events_reach_the_store_and_are_acknowledged(
    outbox: Outbox, store: Store, tmp_path: Path, address: str
) -> None:
    async def story() -> None:
        got: list[Any] = []
        async with Receiver(address, store, on_event=got.append):
            with link(outbox, tmp_path, address) as site:
                seqs = [site.publish(emitter(i)) for i in range(20)]
                await until(lambda: outbox.depth == 0)
                assert seqs == list(range(1, 21))
                assert [item.seq for item in got] == seqs
                assert site.sender.state == "up"

    run(story)


def test_events_of_a_time_without_a_monitor_arrive_later(
    outbox: Outbox, store: Store, tmp_path: Path, address: str
) -> None:
    async def story() -> None:
        with link(outbox, tmp_path, address) as site:
            for i in range(100):
                site.publish(notice(f"n{i}"))
            for _ in range(2):  # and the monitor is restarted once
                got: list[Any] = []
                async with Receiver(address, store, on_event=got.append):
                    await until(lambda: outbox.depth == 0)
                site.publish(notice("late"))
            async with Receiver(address, store, on_event=got.append):
                await until(lambda: outbox.depth == 0)
            assert [item.seq for item in got] == [101, 102]

    run(story)


def test_a_site_that_restarts_goes_on(
    outbox: Outbox, store: Store, tmp_path: Path, address: str
) -> None:
    async def story() -> None:
        got: list[Any] = []
        async with Receiver(address, store, on_event=got.append):
            for i in range(3):
                with link(outbox, tmp_path, address) as site:
                    site.publish(emitter(i))
                    await until(lambda: outbox.depth == 0)
        assert [item.seq for item in got] == [1, 2, 3]

    run(story)


def test_heartbeats_carry_depth_round_trip_and_clock_offset(
    outbox: Outbox, store: Store, tmp_path: Path, address: str
) -> None:
    async def story() -> None:
        beats: list[Heartbeat] = []
        async with Receiver(address, store, on_heartbeat=beats.append):
            with link(outbox, tmp_path, address) as site:
                health = SensorHealth(SENSOR, "hall", "rtl:1", "go")
                for _ in range(40):
                    site.heartbeat(Heartbeat("school-3", "S", time.time_ns(), 1, [health]))
                    await asyncio.sleep(0.02)
                await until(lambda: beats and beats[-1].clock_offset_ns is not None)
                assert abs(beats[-1].clock_offset_ns or 0) < 50_000_000
                assert 0 < beats[-1].round_trip_s < 0.5
                assert beats[-1].sensors == [health]

    run(story)


def test_rows_flow_only_while_watched(
    outbox: Outbox, store: Store, tmp_path: Path, address: str
) -> None:
    async def story() -> None:
        rows: list[Any] = []
        async with Receiver(address, store, on_row=rows.append) as centre:
            with link(outbox, tmp_path, address) as site:
                number = centre.watch(Watch(SENSOR, 1e8, 2e8, 100, 0, reference=True))
                await until(lambda: site.watches)
                assert site.watches[0].reference
                watch = site.watches[0]
                site.offer(watch, SpectrumReference(SENSOR, 1e8, 1e6, bytes(100), bytes(100)))
                for seq in range(100):
                    site.offer(
                        watch, SpectrumRow(SENSOR, seq, seq, 0.1, 1e8, 1e6, bytes([seq]) * 100)
                    )
                    await asyncio.sleep(0.005)
                await until(lambda: rows and getattr(rows[-1], "seq", 0) == 99)
                assert isinstance(rows[0], SpectrumReference)
                assert all(row.watch == number for row in rows)
                kept = [row for row in rows if isinstance(row, SpectrumRow)]
                assert len(kept) + sum(row.skipped for row in kept) == 100
                centre.unwatch(number)
                await until(lambda: not site.watches)

    run(story)


def test_a_monitor_that_stops_renewing_gets_no_more_than_its_credit(
    outbox: Outbox, tmp_path: Path, address: str
) -> None:
    async def story() -> None:
        context = zmq.Context()
        router = context.socket(zmq.ROUTER)
        router.bind(next_port(address))
        with link(outbox, tmp_path, address) as site:
            route, *_ = await asyncio.to_thread(router.recv_multipart)
            from sensors.wire import LIVE_UP, encode

            router.send_multipart([route, *encode(Watch(SENSOR, 1e8, 2e8, 10, 5, watch=1))])
            await until(lambda: site.watches)
            for seq in range(50):
                site.offer(site.watches[0], SpectrumRow(SENSOR, seq, 1, 0.1, 1e8, 1e7, bytes(10)))
                await asyncio.sleep(0.005)
            got = 0
            while router.poll(100):
                _, *frames = router.recv_multipart()
                got += isinstance(LIVE_UP.decode(frames), SpectrumRow)
            assert got == 5
        context.destroy(linger=0)

    run(story)


def test_viewers_on_the_same_machine(outbox: Outbox, tmp_path: Path, address: str) -> None:
    async def story() -> None:
        with link(outbox, tmp_path, None, local=address) as site:
            assert not site.viewed(SENSOR)
            context = zmq.Context()
            viewer = context.socket(zmq.SUB)
            viewer.connect(address)
            viewer.subscribe("row/school-3")
            viewer.subscribe("event/")
            await until(lambda: site.viewed(SENSOR))
            assert not site.viewed("school-4/hall")
            site.show(SpectrumRow(SENSOR, 7, 1, 0.1, 1e8, 1e6, bytes(100)))
            site.publish(emitter(1))
            got = {}
            for _ in range(2):
                topic, _, body = await asyncio.to_thread(viewer.recv_multipart)
                got[topic] = msgspec.msgpack.decode(body)
            assert got[b"row/school-3/hall"]["seq"] == 7
            assert got[b"event/school-3"]["emitter"] == "e1"
            context.destroy(linger=0)

    run(story)


def test_a_site_alone_keeps_its_events(outbox: Outbox, tmp_path: Path) -> None:
    with link(outbox, tmp_path, None) as site:
        assert site.publish(emitter(1)) == 1
    assert outbox.depth == 1


@pytest.mark.parametrize("offset", [0, 1])
def test_a_port_in_use_is_one_clear_line(store: Store, address: str, offset: int) -> None:
    async def story() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", int(address.rpartition(":")[2]) + offset))
            taken.listen()
            with pytest.raises(UserError, match=r"monitor\.port_in_use"):
                await Receiver(address, store).__aenter__()

    run(story)


def test_without_keys_only_loopback(store: Store) -> None:
    for address in ("tcp://0.0.0.0:8471", "tcp://*:8471", "tcp://192.0.2.1:8471"):
        with pytest.raises(UserError, match=r"monitor\.insecure_address"):
            Receiver(address, store)


@pytest.mark.parametrize("address", ["ipc:///x", "tcp://host", "host:1", "tcp://h:99999"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(UserError, match=r"link\.bad_address"):
        next_port(address)


def test_garbage_on_the_socket_is_counted_and_nothing_else(
    outbox: Outbox, store: Store, tmp_path: Path, address: str
) -> None:
    async def story() -> None:
        async with Receiver(address, store) as centre:
            context = zmq.Context()
            vandal = context.socket(zmq.DEALER)
            vandal.connect(address)
            for frames in ([b"x"], [b"\1\2", b"\xc1"], [b"\1\2", b""], [b"a", b"b", b"c"], [b""]):
                vandal.send_multipart(frames)
            with link(outbox, tmp_path, address) as site:
                site.publish(emitter(1))
                await until(lambda: outbox.depth == 0)
            await until(lambda: sum(v for k, v in centre.counters().items() if "refused" in k) == 5)
            context.destroy(linger=0)

    run(story)


def test_a_command_is_carried_out_once_and_answered(
    outbox: Outbox, store: Store, tmp_path: Path, address: str
) -> None:
    async def story() -> None:
        async with Receiver(address, store) as centre:
            with pytest.raises(UserError, match=r"command\.unreachable"):
                await centre.command("school-3", "retask")
            with link(outbox, tmp_path, address) as site:
                await until(lambda: site.sender.state == "up")
                site.heartbeat(Heartbeat("school-3", "S", time.time_ns(), 1, []))
                await until(lambda: centre.intake.routes)
                asked = asyncio.create_task(
                    centre.command("school-3", "retask", {"center_freq_hz": 1e8}, lease_s=5.0)
                )
                await asyncio.sleep(1.3)  # the monitor repeats it meanwhile
                taken = []
                while (command := site.orders.take()) is not None:
                    taken.append(command)
                assert [(c.name, c.args, c.lease_s) for c in taken] == [
                    ("retask", {"center_freq_hz": 1e8}, 5.0)
                ]
                site.answer(Answer(taken[0].number, True, Note("command.done")))
                assert (await asked).accepted
                with pytest.raises(UserError, match=r"command\.no_answer"):
                    await centre.command("school-3", "retask", within_s=1.0)

    run(story)


def test_a_failed_outbox_is_told_in_the_heartbeat_and_recovers(
    outbox: Outbox,
    store: Store,
    tmp_path: Path,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sensors.recovery.REOPEN_EVERY_S", 0.5)

    async def story() -> None:
        beats: list[Heartbeat] = []
        async with Receiver(address, store, on_heartbeat=beats.append):
            with link(outbox, tmp_path, address) as site:
                site.publish(notice("before"))
                await until(lambda: outbox.depth == 0)
                outbox._broken = "disk I/O error"  # as a failed fsync leaves it
                with pytest.raises(UserError, match=r"outbox\.failed"):
                    site.publish(notice("lost"))
                site.heartbeat(Heartbeat("school-3", "S", time.time_ns(), 1, []))
                await until(lambda: beats)
                assert [note.id for note in beats[0].link_notes] == ["outbox.failed"]
                await until(lambda: site.counters().get("outbox_reopened"))
                site.publish(notice("after"))
                await until(lambda: outbox.depth == 0)
                assert site.notes() == []

    run(story)
