"""The shipped monitor under hundreds of sites with keys: both ends of such a bench.

The monitor is the command ``rfproctor monitor`` on a core of its own.  The sites live in one
process on another core: the shipped `Sender` and `Rows` per site behind real CURVE sockets; only
their disks are in memory.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Self

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import zmq
from wire_world import MemoryLog

from sensors.keys import Keys, make_keys
from sensors.messages import (
    RECORD_VERSION,
    Announce,
    BandWatch,
    EmitterEvent,
    Heartbeat,
    Record,
    SensorHealth,
    Signed,
    SpectrumRow,
)
from sensors.outbox_record import Stored
from sensors.protocol import Card, Sender
from sensors.rows import Rows
from sensors.wire import EVENTS_DOWN, LIVE_DOWN, encode, pack, record_hash

QUEUE = 256
"""Messages of two frames after which a queue of libzmq has touched all the memory that it ever
uses: two blocks for 256 frames each (``message_pipe_granularity``), of 16 kB."""
PROGRAM = Path(__file__).parents[2] / "rfproctor.py"
BAND = BandWatch("tv3-low", 167e6, 183e6, 0.5, 1.0)


class City:
    """The monitor's command.

    Parameters
    ----------
    folder : Path
    port, http : int
        Of events and page.
    core : int
    bins : int
        Of a recorded row.

    Attributes
    ----------
    process : subprocess.Popen
    token : str
        Of an administrator, for the page of this run.
    """

    process: subprocess.Popen[str]

    def __init__(self, folder: Path, port: int, http: int, core: int, bins: int) -> None:
        self.token = ""
        self._core = core
        self._file = folder / "monitor.toml"
        self._file.write_text(
            f'[monitor]\nid = "city"\nhttp = "127.0.0.1:{http}"\n'
            f'events = "tcp://127.0.0.1:{port}"\nstore = "sqlite:///monitor.db"\n'
            f'keys = "keys"\n[history]\nn_bins = {bins}\n',
            encoding="utf-8",
        )

    def start(self) -> float:
        """Start it; returns the seconds until it listens."""
        import resource

        began = time.monotonic()
        command = [sys.executable, str(PROGRAM), "--lang", "en", "monitor", str(self._file)]
        quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, text=True, **quiet)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        limits = (1024, most)  # as a login gives them
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, limits)
        os.sched_setaffinity(self.process.pid, {self._core})
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if (found := re.search(r"token=(\S+)", line)) is not None:
                self.token = found[1]
                return time.monotonic() - began
        raise RuntimeError(f"the monitor did not start: {self.process.wait()}")

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


class Mote:
    """One site: the shipped sender and row slots, its outbox in memory."""

    def __init__(self, number: int, keys: Keys, rng: random.Random) -> None:
        self.number = number
        self.name = f"s{number}"
        self.sensor = f"{self.name}/hall"
        self.keys = keys
        self.rng = rng
        self.log = MemoryLog(keys, rng)
        self.sender = Sender(self.log, Card(self.name, keys.verify_key, bytes(16)))
        self.rows = Rows((self.sensor,))
        self.born: dict[int, float] = {}
        self.delays: list[float] = []
        noise = np.random.default_rng(number).normal(60, 3, 32_768)
        self.levels = np.rint(noise).astype(np.uint8).tobytes()
        self.sockets: list[Any] = []
        self.row_seq = 0
        self.pace = 1.0
        self.frames: Counter[str] = Counter()
        self.beat_s = rng.random() * 2
        self.row_s = rng.random()
        self.announce_s = 0.0

    def dial(self, context: zmq.Context[Any], port: int, server_key: bytes) -> None:
        for step in (0, 1):
            dealer = context.socket(zmq.DEALER)
            dealer.setsockopt(zmq.LINGER, 0)
            dealer.setsockopt(zmq.IMMEDIATE, 1)
            dealer.setsockopt(zmq.SNDHWM, 200)
            dealer.setsockopt(zmq.RECONNECT_IVL, 300)
            dealer.curve_serverkey = server_key
            dealer.curve_publickey = self.keys.curve_public
            dealer.curve_secretkey = self.keys.curve_secret
            dealer.connect(f"tcp://127.0.0.1:{port + step}")
            self.sockets.append(dealer)
        self.sender.opened(time.monotonic())

    def publish(self) -> None:
        now = time.time_ns()
        which = self.rng.randrange(4)
        event = EmitterEvent(
            site=self.name,
            sensor=self.sensor,
            emitter=f"e{which}",
            phase="update",
            center_freq_hz=137e6 + (4 * self.number + which) * 30_011.0,
            bandwidth_hz=12e3,
            snr_db=20.0,
            excess_db=15.0,
            peak_dbfs=-60.0,
            first_seen_ns=now - 1_000_000_000,
            last_seen_ns=now,
            sightings=1,
        )
        log = self.log
        record = pack(
            Record(
                RECORD_VERSION,
                log.epoch,
                log.last + 1,
                now,
                now,
                bytes(16),
                None,
                pack(event),
                log.head,
            )
        )
        digest = record_hash(record)
        signed = Signed(record, self.keys.sign(digest))
        log.records.append(Stored(log.last + 1, now, digest, signed))
        self.born[log.last] = time.monotonic()

    def work(self, now: float) -> None:
        """Everything that is due, without waiting."""
        events, live = self.sockets
        for dealer, plane in ((events, EVENTS_DOWN), (live, LIVE_DOWN)):
            while dealer.getsockopt(zmq.EVENTS) & zmq.POLLIN:
                message = plane.decode(dealer.recv_multipart())
                self.frames["answers"] += plane is EVENTS_DOWN
                if plane is LIVE_DOWN:
                    self.rows.grant(message, now)
                else:
                    self.sender.receive(message, now, time.time_ns())
        acked = self.log.acked
        for seq in [seq for seq in self.born if seq <= acked]:
            self.delays.append(now - self.born.pop(seq))
        while (out := self.sender.outgoing(now)) is not None:
            if not self._send("events", out):
                break
            self.sender.sent(now)
        if now >= self.beat_s and self.sender.state == "up":
            self.beat_s = now + 2.0 / self.pace
            health = SensorHealth(self.sensor, "hall", "scene:", "go", [], [BAND])
            self._send("events", Heartbeat(self.name, self.name, time.time_ns(), 1, [health]))
        if now >= self.announce_s:
            self.announce_s = now + 2.0 / self.pace
            self._send("rows", Announce(self.name, [self.sensor]))
        if now >= self.row_s:
            self.row_s = now + 1.0 / self.pace
            for watch in self.rows.watches(now):
                self.row_seq += 1
                width = (watch.stop_hz - watch.start_hz) / watch.n_bins
                first = self.rng.randrange(len(self.levels) - watch.n_bins)
                levels = self.levels[first : first + watch.n_bins]
                row = SpectrumRow(
                    self.sensor, self.row_seq, time.time_ns(), 1.0, watch.start_hz, width, levels
                )
                self.rows.offer(watch, row)
        while (row_out := self.rows.take()) is not None:
            self._send("rows", row_out)

    def aged(self) -> bool:
        """Whether the queues of events both ways, and of rows upward, have all their memory."""
        return len(self.frames) >= 3 and min(self.frames.values()) > QUEUE

    def _send(self, plane: str, message: Any) -> bool:
        try:
            self.sockets[plane == "rows"].send_multipart(encode(message), flags=zmq.NOBLOCK)
        except zmq.Again:
            return False
        self.frames[plane] += 1
        return True


def ask(orders: Any, source: Any, order: object = None, most_s: float = 120.0) -> Any:
    """Give the sites' process an order and wait for what it says."""
    if order is not None:
        orders.send(order)
    until = time.monotonic() + most_s
    while not orders.poll(0.2):
        if not source.is_alive() or time.monotonic() > until:
            raise RuntimeError("the sites' process ended or hangs")
    return orders.recv()


def sites(folder: str, port: int, count: int, core: int, orders: Any) -> None:
    """Child process: all sites, as the pipe says.

    ``connect``; ``("age", seconds)`` until every connection has carried what otherwise takes ten
    minutes; ``("publish", seconds, rate)`` spread over them; ``("each", seconds)`` an event of
    every site now, and how long until all were acknowledged; ``ledger``, when all are; ``end``.
    """
    from dashboard.keyring import Keyring

    os.sched_setaffinity(0, {core})
    rng = random.Random(5)
    ring = Keyring(Path(folder) / "keys")
    motes = []
    for number in range(count):
        keys = make_keys()
        ring.allow(f"s{number}", keys.curve_public, keys.verify_key, "bench")
        motes.append(Mote(number, keys, rng))
    server_key = ring.keys.curve_public
    ring.close()
    orders.send("keys")
    context = zmq.Context(io_threads=1)
    context.max_sockets = 2 * count + 100

    def turn() -> None:
        now = time.monotonic()
        for mote in motes:
            if mote.sockets:
                mote.work(now)

    def drain(most_s: float) -> tuple[float, int]:
        """Wait until everything was acknowledged; returns how long, and what was not."""
        began = time.monotonic()
        while (left := sum(len(mote.born) for mote in motes)) and time.monotonic() < began + most_s:
            turn()
            time.sleep(0.004)
        return time.monotonic() - began, left

    while True:
        while not orders.poll():
            turn()
            time.sleep(0.004)
        match orders.recv():
            case "connect":
                began = time.monotonic()
                for mote in motes:
                    mote.dial(context, port, server_key)
                while (
                    not all(m.sender.state == "up" for m in motes) and time.monotonic() < began + 60
                ):
                    turn()
                    time.sleep(0.005)
                up = sum(mote.sender.state == "up" for mote in motes)
                orders.send((time.monotonic() - began, up))
            case ("age", seconds):
                began = time.monotonic()
                for mote in motes:
                    mote.pace = 20.0
                while not all(mote.aged() for mote in motes) and time.monotonic() < began + seconds:
                    turn()
                    time.sleep(0.004)
                for mote in motes:
                    mote.pace = 1.0
                orders.send((time.monotonic() - began, sum(mote.aged() for mote in motes)))
            case ("publish", seconds, rate):
                began, made = time.monotonic(), 0
                while (now := time.monotonic()) < began + seconds:
                    while made < int((now - began) * rate):
                        rng.choice(motes).publish()
                        made += 1
                    turn()
                    time.sleep(0.004)
                _, left = drain(20)
                delays = sorted(delay for mote in motes for delay in mote.delays)
                for mote in motes:
                    mote.delays.clear()
                orders.send((made, delays, left))
            case ("each", seconds):
                for mote in motes:
                    mote.publish()
                orders.send(drain(seconds))
            case "ledger":
                _, left = drain(90)
                ledger = {
                    f"{mote.keys.key_id} {mote.log.epoch.hex()} {stored.seq}": stored.hash
                    for mote in motes
                    for stored in mote.log.records
                }
                orders.send((ledger, sum(mote.rows.counts["sent"] for mote in motes), left))
            case "end":
                context.destroy(linger=0)
                return


def cpu_s(pid: int) -> float:
    """Processor time that a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waited_s(pid: int) -> float:
    """Time that a process was ready and the processor was busy with others (Linux)."""
    waits = [
        int(task.read_text().split()[1]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")
    ]
    return sum(waits) / 1e9
