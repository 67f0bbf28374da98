"""The centre: pictures of hours and months, lists of many alarms, a storm of them, thirty browsers.

CPU time is counted, not time on the clock: a busy machine slows everybody.
"""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

from dashboard import queries
from dashboard.actions import Wish
from dashboard.alarm_list import AlarmQuery, alarm_cards
from dashboard.alarms import Alarm
from dashboard.cards import card
from dashboard.inbox import Incoming
from dashboard.live import Live
from dashboard.picture import Frame, draw, level_for
from dashboard.pyramid import DAY_NS, SECOND, Codes, Tile, Value
from dashboard.references import Reference, joined, reduced
from dashboard.store import Store
from dashboard.tiles import TileFiles
from sensors.benches import Metric, Skip
from sensors.messages import EmitterEvent, SpectrumRow, Watch

MIDNIGHT = 20_000 * DAY_NS
MINUTE = 60 * SECOND
N_BINS = 4096
BROWSERS = 30
ROWS_PER_S = 10.0


def cpu_ms(call: Callable[[], object]) -> float:
    """Median CPU milliseconds of five calls."""
    spent = []
    for _ in range(5):
        start = time.process_time_ns()
        call()
        spent.append((time.process_time_ns() - start) / 1e6)
    return statistics.median(spent)


def run(alarms: int = 100_000, emitters: int = 1000, seconds: int = 15) -> Iterator[Metric | Skip]:
    """History, then alarms, then many at the same time, then browsers."""
    with tempfile.TemporaryDirectory(prefix="rfproctor-bench-") as folder:
        yield from history(Path(folder))
        yield from desk(Path(folder) / "monitor.db", alarms)
        yield from storm(Path(folder) / "storm.db", emitters)
    yield from browsers(seconds)


def history(folder: Path) -> Iterator[Metric]:
    """Noise of one sensor at one row a second: two hours in full, a month by the hour."""
    rng = np.random.default_rng(1)
    minutes = [noise_minute(rng) for _ in range(8)]
    files = TileFiles(folder / "history")
    start = time.process_time_ns()
    for minute in range(120):
        codes = minutes[minute % 8]
        files.write([Tile("s/a", 0, MIDNIGHT + minute * MINUTE, 100e6, 2e3, codes)])
    per_tile_s = (time.process_time_ns() - start) / 1e9 / 120
    size = sum(path.stat().st_size for path in (folder / "history").iterdir())
    yield Metric.of("500 sensors recorded", 500 * per_tile_s / 60 * 100, "% of a core", at_most=50)
    yield Metric.of("size of a sensor-day", size * 12 / 1e6, "MB", at_most=300)
    for hour in range(30 * 24):
        codes = minutes[hour % 8]
        files.write([Tile("s/b", 0, MIDNIGHT + hour * 60 * MINUTE, 100e6, 2e3, codes)])
    stop_hz = 100e6 + N_BINS * 2e3
    hour = Frame(MIDNIGHT + 30 * MINUTE, MIDNIGHT + 90 * MINUTE, 100e6, stop_hz, 1200, 600)
    month = Frame(MIDNIGHT, MIDNIGHT + 30 * DAY_NS, 100e6, stop_hz, 1200, 600)
    shown: tuple[tuple[str, str, Frame, Value, float], ...] = (
        ("an hour to 1200 x 600", "s/a", hour, "max", 50),
        ("the same, mean", "s/a", hour, "mean", 50),
        ("a month to 1200 x 600", "s/b", month, "max", 300),
        ("the same, mean", "s/b", month, "mean", 300),
    )
    for name, sensor, frame, value, most in shown:

        def picture(sensor: str = sensor, frame: Frame = frame, value: Value = value) -> Codes:
            window = (frame.start_ns, frame.stop_ns, frame.start_hz, frame.stop_hz)
            tiles = files.read(sensor, level_for(frame), *window, value)
            return draw(frame, tiles, value)

        yield Metric.of(name, cpu_ms(picture), "ms", at_most=most)
    yield from baselines(rng, files, hour, month)
    files.close()


def baselines(
    rng: np.random.Generator, files: TileFiles, hour: Frame, month: Frame
) -> Iterator[Metric]:
    """A baseline that knows the hours of the day: 24 changes a day, the same ones every day."""
    before = written(files)
    levels = rng.normal(70, 3, N_BINS) + 15 * (rng.random(N_BINS) > 0.97)
    for at in range(30 * 24):
        traffic = levels + 20 * (np.random.default_rng(at % 24).random(N_BINS) > 0.99)
        codes = np.stack([traffic, traffic + 18]).clip(1, 255).astype(np.uint8)
        first_ns = MIDNIGHT + at * 60 * MINUTE
        one = Reference("s/b", 100e6, 2e3, "a" * 12, first_ns, first_ns + 60 * MINUTE, codes)
        files.write([], [one])
    size = (written(files) - before) / 30
    yield Metric.of("baselines of a sensor-day", size / 1e6, "MB", at_most=1)
    for name, frame, most in (("an hour", hour, 50.0), ("a month", month, 300.0)):

        def past(frame: Frame = frame) -> list[Codes]:
            window = (frame.start_ns, frame.stop_ns, frame.start_hz, frame.stop_hz)
            return [reduced(one, frame) for one in joined(files.references("s/b", *window))]

        yield Metric.of(f"baselines of {name}", cpu_ms(past), "ms", at_most=most)


def written(files: TileFiles) -> int:
    """Bytes of the history on disk."""
    return sum(path.stat().st_size for path in files.folder.iterdir())


def noise_minute(rng: np.random.Generator) -> Codes:
    """Codes of a minute of averaged noise on an uneven floor."""
    power = rng.gamma(178, 1 / 178, size=(60, N_BINS))
    return np.clip(np.rint(60 + 20 * np.log10(power) + rng.normal(0, 2, N_BINS)), 1, 255).astype(
        np.uint8
    )


def desk(file: Path, alarms: int) -> Iterator[Metric]:
    """Alarms at 50 sites, then the lists that a page asks for."""
    now_ns = [MIDNIGHT]
    store = Store(f"sqlite:///{file}", clock_ns=lambda: now_ns[0])
    start = time.process_time_ns()
    for first in range(0, alarms, 200):
        now_ns[0] = MIDNIGHT + first * SECOND
        store.ingest([record(number) for number in range(first, min(first + 200, alarms))])
        store.settle()
    yield Metric.of("a new alarm", (time.process_time_ns() - start) / 1e3 / alarms, "us")
    for name, query in (
        ("list of the newest 200", AlarmQuery()),
        ("list of one site", AlarmQuery(site="s7")),
        ("list of one state", AlarmQuery(state="new", limit=1000)),
        ("list by suspicion", AlarmQuery(sort="suspicion")),
        ("last page", AlarmQuery(offset=max(0, alarms - 200))),
        ("search for a name", AlarmQuery(text="nobody")),
        ("list of one state of one site", AlarmQuery(state="new", site="s7")),
        ("list of a state that none has", AlarmQuery(state="closed", site="s7")),
        ("list by suspicion", AlarmQuery(sort="suspicion")),
        ("list of one frequency", AlarmQuery(text="169.012")),
        ("list of what nobody wrote", AlarmQuery(text="nobody")),
    ):
        spent = cpu_ms(lambda query=query: alarm_cards(store.reader, query))  # type: ignore[misc]
        yield Metric.of(f"{name} among {alarms} alarms", spent, "ms", at_most=50)
    spent = cpu_ms(lambda: queries.current_cards(store.reader, now_ns[0]))
    yield Metric.of("what a page begins with", spent, "ms", at_most=50)
    store.close()


def storm(file: Path, emitters: int) -> Iterator[Metric]:
    """One hall where all of them are on the air at the same time, each heard once a second."""
    now_ns = [MIDNIGHT]
    store = Store(f"sqlite:///{file}", clock_ns=lambda: now_ns[0])
    told: list[Alarm] = []
    store.on_alarms = told.extend
    seq = 0
    for second in range(11):
        now_ns[0] = MIDNIGHT + second * SECOND
        if second == 1:
            start = time.process_time()
        for first in range(0, emitters, 200):
            heard = []
            for number in range(first, min(first + 200, emitters)):
                seq += 1
                heard.append(sighting(number, seq, now_ns[0]))
            store.ingest(heard)
    spent = time.process_time() - start
    yield Metric.of(f"{emitters} emitters, a sighting of each a second", 10 * spent, "% of a core")
    yield Metric.of("alarms of them", len(store.desk.alarms), "alarms", at_least=emitters)
    cards = cpu_ms(lambda: [msgspec.json.encode(card(alarm)) for alarm in told[-emitters:]])
    yield Metric.of("one message to the pages about all", cards, "ms", at_most=100)
    everything = AlarmQuery(limit=10_000)
    listed = cpu_ms(lambda: alarm_cards(store.reader, everything))
    yield Metric.of("list of all", listed, "ms", at_most=50)
    action = cpu_ms(lambda: store.act(told[0].id, Wish(action="note", note="seen"), "bench"))
    yield Metric.of("a note about one of them", action, "ms", at_most=50)
    store.close()


def sighting(number: int, seq: int, now_ns: int) -> Incoming:
    """An emitter of a raster of 100 kHz, still on the air."""
    heard = record(number)
    event = msgspec.structs.replace(
        heard.event,
        site="s0",
        sensor="s0/hall",
        phase="update",
        center_freq_hz=100e6 + number * 100e3,
        last_seen_ns=now_ns,
        sightings=seq,
    )
    return replace(heard, event=event, seq=seq)


def record(number: int) -> Incoming:
    """A sighting at a frequency and site of its own."""
    time_ns = MIDNIGHT + number * SECOND
    event = EmitterEvent(
        site=f"s{number % 50}",
        sensor=f"s{number % 50}/hall",
        emitter=f"e{number}",
        phase="close",
        center_freq_hz=100e6 + number * 37 % 400_000 * 1e3,
        bandwidth_hz=12e3,
        snr_db=20.0,
        excess_db=18.0,
        peak_dbfs=-50.0,
        first_seen_ns=time_ns,
        last_seen_ns=time_ns + SECOND,
        sightings=1,
        on_s=1.0,
    )
    place = ("peer", "e" * 32, number + 1, event, time_ns, time_ns, 0)
    return Incoming(*place, record=b"r" * 300, signature=b"s" * 64, hash=b"h" * 32)


class Sites:
    """Counts watches."""

    def __init__(self) -> None:
        self.watches: dict[int, Watch] = {}

    def watch(self, watch: Watch) -> int:
        """Begin."""
        number = len(self.watches) + 1
        self.watches[number] = watch
        return number

    def unwatch(self, number: int) -> None:
        """End."""
        self.watches.pop(number, None)


def browsers(seconds: int) -> Iterator[Metric]:
    """Thirty connections from another process, each with a window of 1200 bins."""
    spent, received_per_s, skipped = asyncio.run(serve(seconds))
    name = f"{BROWSERS} browsers at {ROWS_PER_S:g} rows/s"
    yield Metric.of(name, 100 * spent, "% of a core", at_most=15)
    yield Metric.of("rows sent", received_per_s, "rows/s", at_least=0.9 * BROWSERS * ROWS_PER_S)
    yield Metric.of("rows skipped", skipped, "rows")


async def serve(seconds: int) -> tuple[float, float, int]:
    """CPU share, rows sent per second and rows skipped."""
    sites = Sites()
    live = Live(lambda: b'{"kind":"snapshot"}', time.time_ns)
    live.watcher = sites

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await live.serve(websocket)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = uvicorn.Config(
            Starlette(routes=[WebSocketRoute("/live", endpoint)]),
            log_config=None,
            lifespan="off",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
        )
        server = uvicorn.Server(settings)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        address = f"ws://127.0.0.1:{listener.getsockname()[1]}/live"
        clients = subprocess.Popen([sys.executable, __file__, address], stderr=subprocess.DEVNULL)
        while len(live.browsers) < BROWSERS or not sites.watches:
            assert clients.poll() is None, "the browsers' process ended"
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.0)
        started, cpu, sent = time.monotonic(), time.process_time(), live.rows_sent
        sequence = 0
        while (elapsed_s := time.monotonic() - started) < seconds:
            await asyncio.sleep(max(0.0, sequence / ROWS_PER_S - elapsed_s))
            sequence += 1
            for number, watch in sites.watches.items():
                live.row(row(number, watch, sequence))
        share = (time.process_time() - cpu) / elapsed_s
        rate = (live.rows_sent - sent - live.rows_skipped) / elapsed_s
        clients.terminate()
        clients.wait()
        server.should_exit = True
        await serving
    return share, rate, live.rows_skipped


def row(number: int, watch: Watch, sequence: int) -> SpectrumRow:
    """One row of a watched window."""
    return SpectrumRow(
        sensor=watch.sensor,
        seq=sequence,
        time_ns=time.time_ns(),
        duration_s=1 / ROWS_PER_S,
        start_hz=watch.start_hz,
        bin_width_hz=1e3,
        levels=bytes(watch.n_bins),
        watch=number,
    )


def look(address: str) -> None:
    """Child process: all browsers."""

    async def one(index: int) -> None:
        async with connect(address, max_size=None, compression=None) as websocket:
            window = {"sensor": f"s/{index % 8}", "start_hz": 1e6, "stop_hz": 2e6, "bins": 1200}
            await websocket.send(json.dumps({"op": "watch", "id": "a", **window}))
            async for _ in websocket:
                pass

    async def all_of_them() -> None:
        await asyncio.gather(*(one(index) for index in range(BROWSERS)))

    asyncio.run(all_of_them())


if __name__ == "__main__":
    look(sys.argv[1])
