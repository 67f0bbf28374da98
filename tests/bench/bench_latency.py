"""From the first sample of a burst to its alarm at the monitor, against the plan's revisit time.

A site with an emulated dongle at real-time pace, its own process; the monitor, another one.  When
a burst begins is what the emulator was told; when its alarm is there, what the monitor's interface
answers, asked every 50 ms.  When the dongle stays with it, what the site's ledger says.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parent))

from emulated import EmulatedSite, build, calibrate, site_toml
from ports import free_ports

from dsp.plan import Share
from sensors.benches import Metric, Skip
from sensors.config import load_site
from sensors.team import teams_of

BANDS = ("tv3-low", "uhf-403", "srd-433")
WARM_S = 12.0
EVERY_S = 6.0
"""Rarer than the longest stay: what comes during a stay on another emitter waits for its end."""

LENGTH_S = 3.0
ASK_S = 0.05
NEAR_HZ = 8e3
SURE_S = 0.01
"""Of a burst in a dwell: half of it, so that it was detected in it for certain."""
TOKEN = "a token for this bench only"

Rows = npt.NDArray[np.float64]


def run(bursts: int = 30, dongles: int = 1, dwell_ms: float = 20.0) -> Iterator[Metric | Skip]:
    """Send so many bursts, each on a frequency of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        emurun = build(folder)
        if isinstance(emurun, Skip):
            yield emurun
            return
        calibrate(emurun, folder / "data", [f"{n + 1:08d}" for n in range(dongles)])
        port = free_ports(4)
        more = f'[monitor]\nevents = "tcp://127.0.0.1:{port + 1}"\ninsecure = true\n'
        text = site_toml(dongles, dwell_ms / 1e3, BANDS, more)
        (folder / "site.toml").write_text(text)
        [team] = teams_of(load_site(folder / "site.toml"))
        shares = team.divide()[1].shares
        sent = make_bursts(shares, bursts)
        scene = "".join(
            f"tx id=b{n} freq_hz={freq:.0f} type=nfm power_dbm=-80 start_s={start:.4f} "
            f"stop_s={start + LENGTH_S:.4f}\n"
            for n, (freq, start, _) in enumerate(sent)
        )
        with monitor(folder, port) as ask, EmulatedSite(folder, emurun, text, scene, dongles) as s:
            seen: dict[float, float] = {}
            while time.time() < s.epoch_s + WARM_S + bursts * EVERY_S + LENGTH_S:
                now_s = time.time() - s.epoch_s
                for freq in ask():
                    seen.setdefault(freq, now_s)
                time.sleep(ASK_S)
            epoch_s = s.epoch_s
        visits = s.visits()
    visits[:, :2] -= epoch_s
    yield from judge(sent, seen)
    yield from judge_stays(sent, visits[np.argsort(visits[:, 0])])


def make_bursts(shares: tuple[Share, ...], count: int) -> list[tuple[float, float, float]]:
    """Frequency, start and the revisit time that the plan promises there; bands in turn."""
    rng = random.Random(8)
    found = []
    for place, share in enumerate(shares):
        # Channels 100 kHz apart, each used once: every burst is an emitter and an alarm of its own.
        rooms = range(int((share.band.stop_hz - share.band.start_hz) / 100e3))
        for turn, room in enumerate(rng.sample(rooms, -(-count // len(shares)))):
            number = turn * len(shares) + place
            start_s = WARM_S + number * EVERY_S + rng.random()
            found.append((share.band.start_hz + 100e3 * (room + 0.5), start_s, share.revisit_s))
    return sorted(found, key=lambda burst: burst[1])[:count]


def judge(sent: list[tuple[float, float, float]], seen: dict[float, float]) -> Iterator[Metric]:
    """Delay of each burst's first alarm."""
    delays, over = [], []
    for freq, start_s, revisit_s in sent:
        at_s = [t for heard, t in seen.items() if abs(heard - freq) < NEAR_HZ and t > start_s]
        if at_s:
            delays.append(min(at_s) - start_s)
            over.append(delays[-1] - revisit_s)
    yield Metric.of(
        "bursts that became alarms",
        len(delays),
        "",
        reference=len(sent),
        ratio=len(delays) / len(sent),
        at_least=0.99,
        on="ratio",
    )
    if not delays:
        return
    yield Metric("planned revisit, longest", max(r for _, _, r in sent), "s")
    yield Metric("first sample to alarm, median", float(np.median(delays)), "s")
    yield Metric.of("first sample to alarm, longest", max(delays), "s", at_most=3.0)
    yield Metric.of("beyond the planned revisit, longest", max(over), "s", at_most=0.5)
    yield Metric("beyond the planned revisit, 90 %", float(np.quantile(over, 0.9)), "s")


def judge_stays(sent: list[tuple[float, float, float]], visits: Rows) -> Iterator[Metric | Skip]:
    """From the end of the dwell that first heard a burst to the first sample of the stay.

    Between the two lies the second look, from beside, that tells a signal from a ghost.
    """
    waits = []
    for freq, start_s, _ in sent:
        here = visits[(visits[:, 2] <= freq) & (visits[:, 3] > freq)]
        heard = (here[:, 1] > start_s + SURE_S) & (here[:, 0] < start_s + LENGTH_S - SURE_S)
        if heard.any() and not heard[-1]:
            hit = int(heard.argmax())
            waits.append(float(here[hit + 1, 0] - here[hit, 1]))
    if not waits:
        yield Skip("no burst was heard: nothing to stay with")
        return
    yield Metric("hit to stay, median", float(np.median(waits)), "s")
    yield Metric("hit to stay, 90 %", float(np.quantile(waits, 0.9)), "s")
    yield Metric.of("hit to stay, longest", max(waits), "s", at_most=0.1)


@contextmanager
def monitor(folder: Path, port: int) -> Iterator[Callable[[], list[float]]]:
    """Run a monitor; give a function that asks for the frequencies of its alarms."""
    config = folder / "monitor.toml"
    config.write_text(
        f'[monitor]\nid = "bench"\nhttp = "127.0.0.1:{port}"\n'
        f'events = "tcp://127.0.0.1:{port + 1}"\nstore = "sqlite:///monitor.db"\ninsecure = true\n'
    )
    environment = os.environ | {"RFPROCTOR_TOKEN": TOKEN, "RFPROCTOR_LOG": "json"}
    with (folder / "monitor.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "rfproctor", "monitor", str(config)],
            env=environment,
            stderr=log,
            stdout=log,
        )
    try:
        with httpx2.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            url = f"http://127.0.0.1:{port}"
            for _ in range(300):
                try:
                    client.get(f"{url}/healthz").raise_for_status()
                    break
                except httpx2.HTTPError:
                    time.sleep(0.1)

            def ask() -> list[float]:
                answer = client.get(f"{url}/api/v1/alarms?limit=500").json()
                rows = answer["alarms"] if isinstance(answer, dict) else answer
                return [round(row["center_freq_hz"], -3) for row in rows]

            yield ask
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)
