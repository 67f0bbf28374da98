"""Loss, one-way cuts, resets, slow and moving lines, with kills: nothing lost, back in seconds.

Monitor and sites run in two network namespaces with CURVE; a relay between them (`wire_net.py`)
makes the weather.  Skips where namespaces cannot be made.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from wire_farm import Farm
from wire_net import CUT, FINE, PHASES, Line, why_not

from sensors.benches import Metric, Skip


def storm(
    farm: Farm, line: Line, phases: int, kills: int, rng: random.Random, most_s: float
) -> int:
    """Change the weather every second or so, killing meanwhile; returns the number of phases."""
    began = time.monotonic()
    done = 0
    while done < phases and time.monotonic() - began < most_s:
        name = rng.choice((*PHASES, "address"))
        if name == "address":
            line.move_far()
        else:
            line.set(PHASES[name])
        done += 1
        until = time.monotonic() + rng.uniform(0.6, 1.4)
        while time.monotonic() < until:
            killed = farm.kills["monitor"] + farm.kills["site"]
            if killed < kills * done / phases:
                if rng.random() < 0.3:
                    farm.kill_monitor()
                    farm.start_monitor()
                else:
                    site = rng.choice(farm.sites)
                    farm.kill_site(site)
                    farm.start_site(site)
            farm.listen(0.1)
    line.set(FINE)
    return done


def cut(farm: Farm, line: Line, seconds: float) -> tuple[float, float, float]:
    """Cut the line; when did site and monitor see it, and how long after healing do alarms flow."""
    line.set(FINE)
    farm.listen(4.0)
    for site in farm.sites:
        site.status.clear()
    farm.silences.clear()
    began = time.monotonic()
    line.set(CUT)
    farm.listen(seconds)
    healed = time.monotonic()
    line.set(FINE)
    farm.listen(4.5)  # what takes longer than 3 s has missed its target
    never = float("inf")
    seen_by_site = max(
        next((at - began for at, state, _, _ in site.status if state != "up"), never)
        for site in farm.sites
    )
    silent = {name: at - began for name, silent, at in reversed(farm.silences) if silent}
    seen_by_monitor = max((silent.get(site.name, never) for site in farm.sites), default=never)
    flowing = 0.0
    for site in farm.sites:
        last = max((last for at, _, _, last in site.status if at < healed), default=0)
        # The first moment after healing when something published after it was acknowledged.
        fresh = next((at for at, _, acked, _ in site.status if at > healed and acked > last), never)
        flowing = max(flowing, fresh - healed)
    return seen_by_site, seen_by_monitor, flowing


def run(
    phases: int = 90, kills: int = 150, sites: int = 4, rate: float = 60.0, seed: int = 0
) -> Iterator[Metric | Skip]:
    """At least ``phases`` kinds of weather with ``kills`` kills; ``seed`` 0 takes a fresh one."""
    if why := why_not():
        yield Skip(why)
        return
    seed = seed or random.SystemRandom().randrange(1 << 31)
    print(f"seed {seed}", file=sys.stderr)
    rng = random.Random(seed)
    line = Line()
    try:
        with tempfile.TemporaryDirectory(prefix="rfproctor-net-") as folder:
            farm = Farm(Path(folder), sites, rate, line=line)
            farm.start()
            farm.listen(2.0)
            cuts = [cut(farm, line, seconds) for seconds in (6.5, 14.0)]
            done = storm(farm, line, phases, kills, rng, 105.0)
            drained_s = farm.drain(45.0)
            verdict = farm.check()
        with tempfile.TemporaryDirectory(prefix="rfproctor-net-") as folder:
            broken = Farm(Path(folder), 2, rate, "delete_on_send", line=line)
            broken.start()
            broken.listen(2.0)
            storm(broken, line, 10, 5, rng, 12.0)
            broken.drain(3.0)
            red = not broken.check().clean
    finally:
        line.close()
    print(f"{farm.kills}, {verdict}, cuts {cuts}", file=sys.stderr)
    yield Metric.of("phases", done, "phases", at_least=phases)
    yield Metric.of("kills", farm.kills["monitor"] + farm.kills["site"], "kills", at_least=kills)
    yield Metric.of("confirmed", verdict.confirmed, "events")
    yield Metric.of("lost", verdict.lost, "events", at_most=0)
    yield Metric.of("doubled", verdict.doubled, "events", at_most=0)
    yield Metric.of("altered", verdict.altered, "events", at_most=0)
    yield Metric.of("out of order", verdict.disordered, "events", at_most=0)
    yield Metric.of("alarms without a reason", verdict.breaches, "alarms", at_most=0)
    yield Metric.of("audit chain intact", float(verdict.audit_intact), "", at_least=1)
    yield Metric.of("cut seen by the site", max(c[0] for c in cuts), "s", at_most=15)
    yield Metric.of("cut seen by the monitor", max(c[1] for c in cuts), "s", at_most=15)
    yield Metric.of("fresh alarms after healing", max(c[2] for c in cuts), "s", at_most=3)
    yield Metric.of("all drained after the storm", drained_s, "s", at_most=30)
    yield Metric.of("red when delete_on_send", float(red), "", at_least=1)
