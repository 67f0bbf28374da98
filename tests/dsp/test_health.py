"""A receiver that no longer hears is told from one on a quiet day, within seconds."""

import itertools

import numpy as np
import pytest

from dsp.dwell import Resolution, look
from dsp.health import HealthWatch
from dsp.plan import Hop
from dsp.signs import HopReference, roughness, signs
from dsp.synth import noise, tone
from dsp.values import Grid, IQBlock

RATE = 2.4e6
WIDTH = RATE / 1024
N_BINS = 867
NUM = 48_000
T0 = 1_780_000_000_000_000_000
FLOOR_DBFS = -36.0  # 1.4 LSB rms; the quantisation keeps a deaf floor from falling freely


def hop(index):
    center = 100e6 + index * 2e6
    return Hop(index, center, Grid(center - (N_BINS // 2) * WIDTH, WIDTH, N_BINS), 0)


class Air:
    """A hall of ``num_hops`` hops, some with a broadcast carrier, swept at 60 ms a hop."""

    def __init__(self, num_hops=5, carriers=(0, 1, 4), seed=1):
        self.rng = np.random.default_rng(seed)
        self.num_hops, self.carriers = num_hops, carriers
        self.seconds = 0.0

    def samples(self, index, change):
        x = noise(self.rng, NUM, FLOOR_DBFS + change.get("floor_db", 0.0))
        if index in self.carriers and not change.get("antenna_off"):
            for step in (-0.2, -0.1, 0.11, 0.23):
                x += tone(NUM, step, -35.0)
        if index in change.get("jammed", ()):
            x += noise(self.rng, NUM, FLOOR_DBFS + change["jam_db"])
        return x

    def dwell(self, index, **change):
        x = self.samples(index, change) * np.float32(change.get("drive", 1.0))
        values = np.clip(np.rint(x.view(np.float32) * 127.5 + 127.5), 0, 255)
        raw = values.astype(np.uint8)
        if "raw" in change:
            raw = change["raw"](raw)
        where = hop(index)
        time_ns = T0 + round(self.seconds * 1e9)
        block = IQBlock(raw, "cu8", where.center_freq_hz, RATE, time_ns, 0)
        self.seconds += 0.06
        return look(block, where, Resolution())

    def run(self, watch, seconds, **change):
        """Sweep on; return seconds until each state was first said, and the last health."""
        start, first, health = self.seconds, {}, None
        for index in itertools.cycle(range(self.num_hops)):
            health = watch.see(self.dwell(index, **change))
            first.setdefault(health.state, self.seconds - start)
            if self.seconds - start > seconds:
                return first, health
        raise AssertionError


@pytest.fixture
def air():
    return Air()


@pytest.fixture
def watch(air):
    """A watch that learned from three seconds of a healthy receiver."""
    watch = HealthWatch()
    first, health = air.run(watch, 3.0)
    assert health.state == "go"
    assert list(first) == ["go"]
    return watch


def told(air, watch, **change):
    """Change the world; the watch must be blind within 10 s and say one thing first."""
    first, health = air.run(watch, 5.5, **change)
    assert first["blind"] <= 5.0
    assert health.state == "blind"
    return health.troubles[0]


def test_a_healthy_receiver_stays_go_for_minutes(air, watch):
    first, _ = air.run(watch, 20.0)
    assert list(first) == ["go"]


def test_deaf_the_floor_fell(air, watch):
    trouble = told(air, watch, floor_db=-6.0)
    assert trouble.ailment == "deaf"
    assert trouble.value == pytest.approx(-6.0, abs=0.7)
    assert trouble.everywhere


def test_lost_antenna_the_carriers_are_gone_though_the_floor_stands(air, watch):
    trouble = told(air, watch, antenna_off=True)
    assert trouble.ailment == "lost_carriers"
    assert trouble.value == 1.0
    assert trouble.hops == 3


def test_who_talks_now_and_then_while_it_learns_is_no_carrier():
    air = Air()
    watch = HealthWatch()
    for turn in range(12):
        air.carriers = (0, 1, 4) if turn % 3 else ()
        for index in range(5):
            watch.see(air.dwell(index))
    air.carriers = ()
    first, _ = air.run(watch, 4.0)
    assert list(first) == ["go"]


def test_a_long_conversation_that_ended_is_forgotten_but_the_antenna_is_not(air, watch):
    air.carriers = (1, 4)
    assert air.run(watch, 5.0)[1].state == "degraded"
    air.seconds += 60.0
    assert air.run(watch, 1.0)[1].state == "go"
    assert told(air, watch, antenna_off=True).ailment == "lost_carriers"
    air.seconds += 300.0
    assert air.run(watch, 1.0, antenna_off=True)[1].state == "blind"


def test_overload_by_clipping(air, watch):
    trouble = told(air, watch, drive=200.0)
    assert trouble.ailment == "overload"
    assert trouble.value > 0.01


def test_jammer_over_everything(air, watch):
    trouble = told(air, watch, jammed=range(5), jam_db=20.0)
    assert trouble.ailment == "drowned"
    assert trouble.value == pytest.approx(20.0, abs=0.5)


def test_jammer_over_a_part_degrades_and_names_the_part(air, watch):
    first, health = air.run(watch, 5.0, jammed=(2, 3), jam_db=20.0)
    assert "blind" not in first
    assert health.state == "degraded"
    (trouble,) = health.troubles
    assert (trouble.ailment, trouble.hops, trouble.everywhere) == ("drowned", 2, False)
    assert trouble.low_hz == hop(2).grid.low_hz
    assert trouble.high_hz == hop(3).grid.high_hz


def test_one_station_that_leaves_the_air_is_not_the_antenna(air, watch):
    air.carriers = (1, 4)
    first, health = air.run(watch, 5.0)
    assert "blind" not in first
    assert [t.ailment for t in health.troubles] == ["lost_carriers"]


@pytest.mark.parametrize(
    "raw",
    [
        lambda raw: np.full_like(raw, 127),
        lambda raw: np.zeros_like(raw),
        lambda raw: np.resize(np.array([127, 128], dtype=np.uint8), raw.shape),
    ],
    ids=["constant", "zeros", "alternating"],
)
def test_stuck_samples(air, watch, raw):
    assert told(air, watch, raw=raw).ailment in ("stuck", "overload")


def test_the_same_buffer_again_and_again(air, watch):
    kept = {}

    def stale(raw):
        return kept.setdefault("raw", raw)

    assert told(air, watch, raw=stale).ailment == "stuck"


def test_a_test_counter_is_garbage(air, watch):
    def counter(raw):
        return np.arange(raw.shape[0]).astype(np.uint8)

    health = air.run(watch, 6.0, raw=counter)[1]
    assert health.state == "blind"


def test_a_short_buffer_repeated_inside_the_dwell_is_garbage(air, watch):
    def repeated(raw):
        return np.resize(raw[:4096], raw.shape)

    assert told(air, watch, raw=repeated).ailment == "garbage"


def test_recovery_is_seen_too(air, watch):
    told(air, watch, floor_db=-6.0)
    _, health = air.run(watch, 6.0)
    assert health.state == "go"


def test_one_bad_dwell_is_not_an_illness(air, watch):
    for _ in range(20):
        for index in range(5):
            change = {"drive": 200.0} if index == 2 and air.rng.random() < 0.1 else {}
            assert watch.see(air.dwell(index, **change)).state != "blind"


def test_a_stare_on_one_hop_is_watched_as_well():
    air = Air(num_hops=1, carriers=())
    watch = HealthWatch()
    air.run(watch, 3.0)
    assert told(air, watch, floor_db=-6.0).ailment == "deaf"


def test_a_busy_hop_is_not_garbage():
    """Twenty modulated signals on a hop: no alarm about the noise between them."""
    air = Air(num_hops=2, carriers=())
    watch = HealthWatch()
    plain = air.samples

    def busy(index, change):
        x = plain(index, change)
        for n in range(20):
            keyed = np.repeat(air.rng.integers(0, 2, NUM // 200), 200).astype(np.float32)
            x += tone(NUM, -0.4 + n * 0.04, -30.0) * keyed
        return x

    air.samples = busy
    first, _ = air.run(watch, 4.0)
    assert list(first) == ["go"]


def test_signs_without_a_reference_claim_nothing_about_level(air):
    one = signs(air.dwell(0), None)
    assert np.isnan(one.floor_change_db)
    assert np.isnan(one.lost_share)
    assert one.ailments == frozenset()


def test_roughness_of_noise_is_one_for_any_number_of_averages(rng):
    for k in (8.0, 22.0, 176.0, 1000.0):
        power = rng.gamma(k, 1 / k, 20_000).astype(np.float32)
        assert roughness(power, k) == pytest.approx(1.0, abs=0.08)


def test_reference_knows_the_carriers_but_not_the_dc_spike(air):
    dwells = [air.dwell(1, drive=1.0) for _ in range(8)]
    known = HopReference.of_dwells(dwells)
    bins = {
        int(hop(1).grid.index(hop(1).center_freq_hz + f * RATE)) for f in (-0.2, -0.1, 0.11, 0.23)
    }
    assert bins <= set(known.carriers.tolist())
    assert len(known.carriers) < 40
