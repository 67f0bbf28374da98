"""Chance to hear one message of 0.2, 0.5, 2 and 4 s with 1, 2 and 4 dongles, against the plan.

Two independent answers: from the visits in the ledger, exactly; and from bursts sent at random
times and frequencies, by what the site said it heard.  Stays on new emitters are off: here they
come many a second.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).parent))

from emulated import EmulatedSite, build, calibrate, site_toml

from dsp.intercept import TOUCH_S, heard_share, slices
from dsp.plan import Band, Share, touched
from sensors.benches import Metric, Skip
from sensors.config import load_site
from sensors.team import Team, teams_of

BANDS = ("tv3-low", "tv3-high", "data-230", "vhf-pmr", "uhf-403", "srd-433", "uhf-440")
MESSAGES_S = (0.2, 0.5, 2.0, 4.0)
WARM_S = 12.0
APART_HZ = 40e3
PER_SECOND = 0.5
"""Bursts of each length: each costs a second look, which no plan counts."""

MOST_BURSTS = 62
"""Of each length: the emulator knows 256 transmitters."""

Rows = npt.NDArray[np.float64]
Burst = tuple[float, float, float]


def run(
    dongles: str = "1,2,4", seconds: float = 90.0, dwell_ms: float = 20.0
) -> Iterator[Metric | Skip]:
    """Watch for so long with each number of dongles."""
    with tempfile.TemporaryDirectory() as name:
        emurun = build(Path(name))
        if isinstance(emurun, Skip):
            yield emurun
            return
        for count in map(int, dongles.split(",")):
            folder = Path(name) / str(count)
            folder.mkdir()
            yield from watch(folder, emurun, count, seconds, dwell_ms / 1e3)


def watch(
    folder: Path, emurun: Path, dongles: int, seconds: float, dwell_s: float
) -> Iterator[Metric]:
    """Run one site."""
    serials = [f"{n + 1:08d}" for n in range(dongles)]
    calibrate(emurun, folder / "data", serials)
    text = site_toml(dongles, dwell_s, BANDS, "[evidence]\nkeep = false\n")
    text = text.replace("[scan]\n", "[scan]\nhunt_share = 0\n")
    (folder / "site.toml").write_text(text)
    [team] = teams_of(load_site(folder / "site.toml"))
    bursts = make_bursts(team.plan.bands, seconds)
    with EmulatedSite(folder, emurun, text, scene_of(bursts), dongles) as site:
        site.wait_for("sensor_started", dongles)
        time.sleep(max(0.0, site.epoch_s + WARM_S + seconds + 5.0 - time.time()))
    visits = site.visits()
    heard = [(e["center_freq_hz"], e["timestamp"]) for e in site.log("emitter")]
    heard_hz = np.array(sorted({freq for freq, _ in heard}))
    start_s = site.epoch_s + WARM_S
    hop_s = measured_hops(visits)
    _, now = Team(team.sensors, team.plan, dict(zip(team.sensors, hop_s, strict=True))).divide()
    _, before = team.divide()
    yield Metric(f"{dongles} dongles: hop time, planned", 1e3 * max(team.hop_s.values()), "ms")
    yield Metric(f"{dongles} dongles: hop time, mean", 1e3 * float(np.mean(hop_s)), "ms")
    sent = len(bursts) // len(MESSAGES_S)
    for place, message_s in enumerate(MESSAGES_S):
        window = start_s, start_s + seconds
        truth = chance(visits, team.plan.bands, message_s, *window, TOUCH_S)
        overlap = chance(visits, team.plan.bands, message_s, *window, 0.0)
        name = f"{dongles} dongles, {message_s:g} s"
        formula = weighted(before.shares, message_s, dwell_s, textbook)
        printed = weighted(before.shares, message_s, dwell_s)
        for what, seen, planned in (
            ("touched, against (T + dwell) / revisit", overlap, formula),
            ("heard for 5 ms, against the printed chance", truth, printed),
        ):
            yield Metric.of(
                f"{name}: {what}",
                seen,
                "",
                reference=planned,
                ratio=seen / planned,
                at_least=0.95,
                on="ratio",
            )
        with_time = weighted(now.shares, message_s, dwell_s)
        yield Metric(
            f"{name}: the same, plan with this machine's hop time",
            truth,
            "",
            with_time,
            truth / with_time,
        )
        mine = bursts[place * sent : (place + 1) * sent]
        found = sum(np.abs(heard_hz - freq).min(initial=1e9) < APART_HZ / 4 for freq, _, _ in mine)
        yield Metric(
            f"{name}: bursts that made an emitter, of {sent}",
            found / sent,
            "",
            truth,
            found / sent / truth,
        )
        if message_s == 2.0 and max(share.revisit_s for share in before.shares) <= 2.0:
            yield Metric.of(f"{name}: planned revisit at most 2 s", truth, "", at_least=0.99)


def make_bursts(bands: tuple[Band, ...], seconds: float) -> list[Burst]:
    """Frequency, start and length of bursts; frequencies far enough apart to be told apart."""
    rng = random.Random(4)
    places = [
        band.start_hz + (n + 0.5) * APART_HZ
        for band in bands
        for n in range(int((band.stop_hz - band.start_hz) / APART_HZ))
    ]
    rng.shuffle(places)
    count = min(int(PER_SECOND * seconds), MOST_BURSTS)
    return [
        (places.pop(), WARM_S + rng.random() * (seconds - message_s), message_s)
        for message_s in MESSAGES_S
        for _ in range(count)
    ]


def scene_of(bursts: list[Burst]) -> str:
    """The emulator's scene."""
    return "".join(
        f"tx id=b{n} freq_hz={freq:.0f} type=nfm dev_hz=2500 power_dbm=-80 "
        f"start_s={start:.4f} stop_s={start + length:.4f}\n"
        for n, (freq, start, length) in enumerate(bursts)
    )


def measured_hops(visits: Rows) -> list[float]:
    """Mean hop time of each dongle."""
    times = []
    for sensor in range(int(visits[:, 4].max()) + 1):
        gaps_s = np.diff(np.sort(visits[visits[:, 4] == sensor, 0])[50:])
        times.append(float(gaps_s[gaps_s < 0.5].mean()))
    return times


def textbook(message_s: float, dwell_s: float, revisit_s: float) -> float:
    """The formula for visits at strictly equal times, where any overlap counts."""
    return min(1.0, (message_s + dwell_s) / revisit_s)


def weighted(
    shares: tuple[Share, ...],
    message_s: float,
    dwell_s: float,
    formula: Callable[[float, float, float], float] = touched,
) -> float:
    """The plan's chance for a message anywhere in the bands."""
    widths = np.array([share.band.stop_hz - share.band.start_hz for share in shares])
    chances = np.array([formula(message_s, dwell_s, share.revisit_s) for share in shares])
    return float((widths * chances).sum() / widths.sum())


def chance(
    visits: Rows,
    bands: tuple[Band, ...],
    message_s: float,
    low_s: float,
    high_s: float,
    touch_s: float,
) -> float:
    """What really took place: chance for a message anywhere in the bands and the time."""
    spans = sorted({(low, high) for low, high in visits[:, 2:4]})
    index = {span: n for n, span in enumerate(spans)}
    which = np.array([index[(low, high)] for low, high in visits[:, 2:4]])
    heard = width = 0.0
    for band in bands:
        for start_hz, stop_hz, hops in slices(band.start_hz, band.stop_hz, spans):
            mine = visits[np.isin(which, hops)]
            share = heard_share(mine[:, 0], mine[:, 1], message_s, low_s, high_s, touch_s)
            heard += share * (stop_hz - start_hz)
            width += stop_hz - start_hz
    return heard / width
