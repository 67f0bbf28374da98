"""Kill monitor and sites for real, hundreds of times: no confirmed event may be lost or doubled.

The shipped outbox, link, receiver and store in processes of their own, SIGKILL and SIGSTOP at
random moments, then the comparison of `wire_farm.Farm.check`.  The same harness with a broken part
must go red, else its zeros mean nothing.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from wire_farm import Farm, Verdict

from sensors.benches import Metric, Skip

BROKEN = ("ack_early", "ram_queue", "delete_on_send")


def trial(
    mutant: str, sites: int, rate: float, kills: int, stops: int, seed: int, most_s: float
) -> tuple[Verdict, Farm, float]:
    """One farm from start to comparison."""
    with tempfile.TemporaryDirectory(prefix="rfproctor-farm-") as folder:
        farm = Farm(Path(folder), sites, rate, mutant)
        farm.start()
        farm.listen(1.0)
        farm.rage(random.Random(seed), kills, stops, most_s)
        drained_s = farm.drain(60.0 if not mutant else 5.0)
        return farm.check(), farm, drained_s


def run(
    kills: int = 400,
    stops: int = 40,
    sites: int = 4,
    rate: float = 170.0,
    seed: int = 0,
    seconds: float = 140.0,
) -> Iterator[Metric | Skip]:
    """Kill ``kills`` times in ``seconds`` at most; ``seed`` 0 takes a fresh one and prints it."""
    seed = seed or random.SystemRandom().randrange(1 << 31)
    print(f"seed {seed}", file=sys.stderr)
    began = time.monotonic()
    verdict, farm, drained_s = trial("", sites, rate, kills, stops, seed, seconds)
    killed = farm.kills["monitor"] + farm.kills["site"]
    print(f"{farm.kills}, {verdict}", file=sys.stderr)
    yield Metric.of("kills", killed, "kills", at_least=kills)
    yield Metric.of("suspensions", farm.kills["stop"], "stops", at_least=stops)
    yield Metric.of("confirmed", verdict.confirmed, "events")
    yield Metric.of("lost", verdict.lost, "events", at_most=0)
    yield Metric.of("doubled", verdict.doubled, "events", at_most=0)
    yield Metric.of("altered", verdict.altered, "events", at_most=0)
    yield Metric.of("out of order", verdict.disordered, "events", at_most=0)
    yield Metric.of("alarms without a reason", verdict.breaches, "alarms", at_most=0)
    yield Metric.of("audit chain intact", float(verdict.audit_intact), "", at_least=1)
    yield Metric.of("drained after", drained_s, "s", at_most=30)
    yield Metric.of("run time", time.monotonic() - began, "s")
    for mutant in BROKEN:
        broken, _, _ = trial(mutant, 2, rate, 12, 0, seed, 6.0)
        print(f"broken on purpose, {mutant}: {broken}", file=sys.stderr)
        yield Metric.of(f"red when {mutant}", float(not broken.clean), "", at_least=1)
