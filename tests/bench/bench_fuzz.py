"""Millions of broken frames and thousands of broken connections: nothing but a counted refusal.

Mutations of valid messages go into the shipped decoders; records with any bit changed go into the
shipped chain; inputs led by the branches that they reach go into decoders and protocol; raw TCP
connections with broken ZMTP go to the shipped receiver in a process of its own.  Valid ones must
all be accepted: a decoder that refuses everything would look perfect.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import contextlib

import msgspec
from bench_forge import Stage, attempts, final_attempts
from wire_farm import CONTEXT, Farm
from wire_world import BASE_NS, MemoryLog

from dashboard.chain import Chain, Missing
from dashboard.inbox import Past
from sensors import wire
from sensors.benches import Metric, Skip
from sensors.keys import make_keys
from sensors.messages import (
    Ack,
    Ahead,
    Announce,
    BandWatch,
    Heartbeat,
    Hello,
    Note,
    Pulse,
    Refuse,
    SensorHealth,
    Signed,
    SpectrumReference,
    SpectrumRow,
    Watch,
    Welcome,
    Who,
)

GUIDED_MIB = 512
"""More memory than this is a crash."""
PLANES = (wire.EVENTS_UP, wire.EVENTS_DOWN, wire.LIVE_UP, wire.LIVE_DOWN)


def valid(rng: random.Random) -> list[tuple[wire.Plane, msgspec.Struct]]:
    """One random message of every type, all within the schema's bounds."""
    k16, k32 = rng.randbytes(16), rng.randbytes(32)
    count, stamp = rng.randrange(1 << 60), rng.randrange(1, 1 << 62)
    name = f"s-{rng.randrange(1 << 30)}/hall"
    note = Note("a" * rng.randrange(200), {"x": rng.random(), "y": "文" * rng.randrange(50)})
    band = BandWatch("b", 1e8, 2e8, rng.random(), rng.random())
    health = SensorHealth(name, "hall", "rtl:1", rng.choice(("go", "blind")), [note], [band])
    levels = rng.randbytes(rng.randrange(8193))
    return [
        (wire.EVENTS_UP, Hello(1, 1, "s", k32, k16, 1 + count, count, k32, k16, "v", "c")),
        (wire.EVENTS_UP, Signed(rng.randbytes(rng.randrange(15_500)), rng.randbytes(64))),
        (wire.EVENTS_UP, Ahead(rng.randbytes(rng.randrange(15_500)), rng.randbytes(64))),
        (wire.EVENTS_UP, Ahead(rng.randbytes(99), rng.randbytes(64), rng.randbytes(32))),
        (wire.EVENTS_UP, Heartbeat("s", "S", stamp, stamp, [health] * rng.randrange(4))),
        (wire.EVENTS_DOWN, Welcome(1, "m", k16, count, k32, stamp)),
        (wire.EVENTS_DOWN, Refuse("wire.fork", k16, count)),
        (wire.EVENTS_DOWN, Ack(k16, count, k32, rng.random() < 0.5)),
        (wire.EVENTS_DOWN, Who(k16)),
        (wire.EVENTS_DOWN, Pulse(stamp, stamp, stamp)),
        (wire.LIVE_UP, Announce("s", [name] * rng.randrange(64))),
        (wire.LIVE_UP, SpectrumRow(name, count, stamp, 0.1, 1e8, 1e3, levels)),
        (wire.LIVE_UP, SpectrumReference(name, 1e8, 1e3, levels, levels)),
        (wire.LIVE_DOWN, Watch(name, 1e8, 2e8, 1 + rng.randrange(8192), rng.randrange(65))),
    ]


def accept(seed: int, rounds: int) -> tuple[int, int]:
    """Valid messages, and how many of them came back equal."""
    rng = random.Random(seed)
    tried = equal = 0
    for _ in range(rounds):
        for plane, message in valid(rng):
            tried += 1
            equal += plane.decode(wire.encode(message)) == message
    return tried, equal


def mutate(frames: list[bytes], rng: random.Random) -> list[bytes]:
    """One to three changes of two frames."""
    header, body = frames[0], bytearray(frames[1])
    for _ in range(rng.choice((1, 1, 2, 3))):
        draw = rng.randrange(9)
        at = rng.randrange(len(body)) if body else 0
        if draw <= 2 and body:
            body[at] ^= 1 << rng.randrange(8)
        elif draw == 3:
            del body[at:]
        elif draw == 4 and body:
            body[at] = rng.choice((0xC1, 0x91, 0xDF, 0xFF, 0xC0, 0xCB, 0x00, 0xD9))
        elif draw == 5:
            body[at:at] = rng.randbytes(rng.choice((1, 4, 30)))
        elif draw == 6:
            header = rng.choice((header, rng.randbytes(2), rng.randbytes(rng.randrange(4))))
        elif draw == 7:
            header = bytes((rng.choice((1, 1, 1, 2, 0)), rng.choice(tuple(wire.CODES.values()))))
        elif rng.random() < 0.05:
            return [header, bytes(body), *[b""] * rng.randrange(3)][rng.randrange(2) :]
        elif rng.random() < 0.02:
            body.extend(bytes(rng.choice((2000, 30_000))))
    return [header, bytes(body)]


def frames_of(seed: int, count: int) -> tuple[Counter[str], int]:
    """Mutate and decode ``count`` times; outcomes by name, and peak memory growth in KiB."""
    rng = random.Random(seed)
    corpus = [wire.encode(message) for _ in range(20) for _, message in valid(rng)]
    corpus = [frames for frames in corpus if len(frames[1]) < 2000]
    found: Counter[str] = Counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(count):
        plane = PLANES[number & 3]
        try:
            plane.decode(mutate(rng.choice(corpus), rng))
            answer = "accepted"
        except wire.Refused as refused:
            answer = refused.reason
        except Exception as broken:
            answer = f"CRASH {type(broken).__name__}: {broken}"
        found[answer] += 1
    return found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def start(folder: str, program: list[str]) -> subprocess.Popen[str]:
    """A process whose artefacts go into ``folder``."""
    return subprocess.Popen(
        program, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def guided(count: int, seeds: list[int]) -> Iterator[Metric | Skip]:
    """Inputs led by the branches that they reach, one process a seed: ``fuzz_guided.py``."""
    if importlib.util.find_spec("atheris") is None:
        yield Skip("coverage-guided frames: atheris is not installed (Linux on x86-64 only)")
        return
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="rfproctor-fuzz-") as folder:
        program = [sys.executable, str(Path(__file__).parent / "fuzz_guided.py")]
        program += [str(count // len(seeds)), f"-rss_limit_mb={GUIDED_MIB}", "-max_len=2048"]
        running = [start(folder, [*program, f"-seed={seed}", f"{folder}/{seed}"]) for seed in seeds]
        crashed = 0
        for process in running:
            _, said = process.communicate()
            if process.returncode:
                crashed += 1
                print(said[-3000:], file=sys.stderr)
        for said_by in Path(folder).glob("*.json"):
            found.update(json.loads(said_by.read_text()))
        control = start(folder, [*program, "-seed=1", "broken", f"{folder}/control"])
        control.communicate()
    yield Metric.of("coverage-guided inputs", found["inputs"], "inputs", at_least=count)
    yield Metric.of("their crashes and broken promises", crashed, "", at_most=0)
    yield Metric.of("control, any ack taken: found", float(control.returncode != 0), "", at_least=1)
    taken = found["decoded"] + found["taken by the site"] + found["taken by the centre"]
    yield Metric.of("messages of theirs that were good", taken, "messages", at_least=1)


def unsigned(seed: int, count: int) -> Counter[str]:
    """Records with something changed, in a session that expects just this record."""
    rng = random.Random(seed)
    keys = make_keys()
    log = MemoryLog(keys, rng)
    stored = log.append("true", "s", BASE_NS)
    chain = Chain(keys.verify_key, "s", "m")
    hello = Hello(1, 1, "s", keys.verify_key, log.epoch, 1, 1, log.head, bytes(16))
    chain.greet(hello, lambda: Past(None, []), 1, fresh=True)
    true = wire.encode(stored.signed)
    found: Counter[str] = Counter()
    for _ in range(count):
        frames = mutate(true, rng)
        try:
            signed = wire.EVENTS_UP.decode(frames)
            if not isinstance(signed, Signed) or signed == stored.signed:
                continue
            chain.take(signed, 1)
            found["ACCEPTED"] += 1
        except wire.Refused as refused:
            found[refused.reason] += 1
        except Missing:
            found["missing"] += 1
    taken = chain.take(stored.signed, 1)
    found["the true one"] = len(taken)
    return found


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + b"\x00" + bytes(31)
READY = b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"


def vandalise(port: int, count: int, rng: random.Random) -> int:
    """Open raw connections that break ZMTP in many ways; returns how many were opened."""
    opened = 0
    held: list[socket.socket] = []
    for _ in range(count):
        try:
            raw = socket.create_connection(("127.0.0.1", port), timeout=2.0)
        except OSError:
            time.sleep(0.05)
            continue
        opened += 1
        draw = rng.randrange(7)
        body = bytearray(GREETING + READY)
        if draw == 0:
            body = bytearray(rng.randbytes(rng.randrange(300)))
        elif draw == 1:
            del body[rng.randrange(len(body)) :]
        elif draw == 2:
            body[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
        elif draw == 3:  # a part that never ends, and one that is far too long
            body += b"\x01\x02\x01\x02" + b"\x02" + (1 << 62).to_bytes(8, "big") + b"x" * 100
        elif draw == 4:  # parts without end
            body += b"\x01\x02\x01\x02" * 200
        elif draw == 5:  # two frames, as they should be, and nonsense inside
            part = rng.randbytes(rng.randrange(200))
            body += b"\x01\x02" + bytes((1, rng.randrange(70)))
            body += b"\x00" + bytes((len(part),)) + part
        with contextlib.suppress(OSError):
            raw.sendall(body)
        held.append(raw)
        if len(held) > 100:
            held.pop(rng.randrange(len(held))).close()
    for raw in held:
        raw.close()
    return opened


def memory_kib(pid: int) -> int:
    """Resident memory of a process (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def connections(count: int, rng: random.Random) -> tuple[int, int, bool, bool]:
    """Raw connections; memory growth in KiB; whether the process lives and serves."""
    with tempfile.TemporaryDirectory(prefix="rfproctor-fuzz-") as folder:
        farm = Farm(Path(folder), 1, 50.0)
        farm.start()
        farm.listen(2.0)
        port = int(farm.address.rpartition(":")[2])
        vandalise(port, 300, rng)
        before = memory_kib(farm.monitor.pid)
        opened = 300 + vandalise(port, count - 300, rng)
        farm.listen(0.5)
        grown = memory_kib(farm.monitor.pid) - before
        alive = farm.monitor.is_alive()
        farm.drain(20.0)
        return opened, grown, alive, farm.check().clean


def reasons_at_the_door(rng: random.Random) -> Counter[str]:
    """Every reason that needs a session, a key or an enrolment."""
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="rfproctor-fuzz-") as folder:
        stage = Stage(Path(folder), rng)
        for attempt, _ in (*attempts(stage).values(), *final_attempts(stage).values()):
            found += attempt()
        name = next(iter(stage.keys))
        keys = stage.keys[name]
        strange = stage.next_record(name, keys, payload=b"\xc0")
        found += stage.send(keys, stage.hello(name), strange, strange)
        found += stage.send(keys, *[stage.hello(name)] * 5100)
        try:
            stage.ring.redeem(bytes(16), keys.curve_public, keys.verify_key, bytes(64))
        except wire.Refused as refused:
            found[refused.reason] += 1
        from sensors.enrol import enrol_digest

        proof = keys.sign(enrol_digest(bytes(16), keys.curve_public))
        try:
            stage.ring.redeem(bytes(16), keys.curve_public, keys.verify_key, proof)
        except wire.Refused as refused:
            found[refused.reason] += 1
        stage.store.close()
        stage.ring.close()
    return found


def run(
    frames: int = 10_000_000, led: int = 2_000_000, raw: int = 6000, seed: int = 1
) -> Iterator[Metric | Skip]:
    """Half of the frames with the fixed ``seed``, half with a fresh one."""
    fresh = random.SystemRandom().randrange(1 << 31)
    print(f"fixed seed {seed}, fresh seed {fresh}", file=sys.stderr)
    workers = os.cpu_count() or 1
    seeds = [seed + i for i in range(4)] + [fresh + i for i in range(4)]
    found: Counter[str] = Counter()
    grown = 0
    with ProcessPoolExecutor(max_workers=workers, mp_context=CONTEXT) as pool:
        tried, equal = pool.submit(accept, fresh, 4000).result()
        yield Metric.of("valid frames accepted", equal / tried, "of all", at_least=1.0)
        jobs = [pool.submit(frames_of, s, frames // 8) for s in seeds]
        signed = [pool.submit(unsigned, s, 40_000) for s in seeds]
        for job in jobs:
            counts, growth = job.result()
            found += counts
            grown = max(grown, growth)
        total = sum(found.values())
        crashes = {k: v for k, v in found.items() if k.startswith("CRASH")}
        for what in list(crashes)[:5]:
            print(what, file=sys.stderr)
        yield Metric.of("mutated frames", total, "frames", at_least=frames)
        yield Metric.of("unhandled exceptions", sum(crashes.values()), "", at_most=0)
        yield Metric.of("memory growth", grown / 1024, "MiB", at_most=64)
        altered = sum((job.result() for job in signed), Counter[str]())
        yield Metric.of("changed records tried", sum(altered.values()), "records", at_least=50_000)
        yield Metric.of("changed records accepted", altered["ACCEPTED"], "records", at_most=0)
        yield Metric.of("true records accepted", altered["the true one"], "records", at_least=8)
    yield from guided(led, [seed, fresh])
    rng = random.Random(fresh)
    opened, growth, alive, clean = connections(raw, rng)
    yield Metric.of("raw connections", opened, "connections", at_least=raw)
    yield Metric.of("monitor's memory growth", growth / 1024, "MiB", at_most=64)
    yield Metric.of("monitor alive, honest site served", float(alive and clean), "", at_least=1)
    hit = set(found) | set(altered) | set(reasons_at_the_door(rng))
    missed = [reason for reason in wire.REASONS if reason not in hit]
    print(f"reasons not hit: {missed}", file=sys.stderr)
    yield Metric.of(
        "reasons hit", len(wire.REASONS) - len(missed), "reasons", at_least=len(wire.REASONS)
    )
