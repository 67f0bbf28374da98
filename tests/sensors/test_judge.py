"""Ghosts of an overloaded or unbalanced receiver are refused; the signals behind them are not."""

import numpy as np
import pytest

from dsp.detect import detect
from dsp.dwell import Resolution
from dsp.plan import Band, make_plan
from dsp.rule import Rule
from dsp.signals import Detection
from dsp.synth import noise, quantise_cu8, seeded
from dsp.values import IQBlock
from sdr.source import Settings, Source, SourceInfo
from sensors.ear import GAIN_FALLS_DB, Ear
from sensors.judge import UNSEEN_TRIES, Judge

RATE_HZ = 2.4e6
GAINS_DB = (10.0, 20.0, 30.0, 40.0)
PLAN = make_plan([Band("tv3-low", 167e6, 169e6, 1.0)])
(HOP,) = PLAN.hops


class Dongle:
    """A receiver with gain, an image, a line of its own, and 8 bits that clip."""

    begin = Source.begin

    def __init__(self, signals=(), image_db=None, own_line_hz=None, stops_after=None):
        self.info = SourceInfo("x:", "x", "0", "x", "cu8", True, 24e6, 1.7e9, GAINS_DB)
        self.settings = Settings(RATE_HZ, 40.0, 0.0, 0.0)
        self.signals, self.image_db, self.own_line_hz = signals, image_db, own_line_hz
        self.stops_after = stops_after
        self.center_hz, self.reads = 0.0, 0

    def configure(self, *, sample_rate_hz=None, gain_db=None, ppm=None):
        self.settings = Settings(RATE_HZ, gain_db, 0.0, 0.0)
        return self.settings

    def tune(self, center_freq_hz):
        self.center_hz = center_freq_hz
        return center_freq_hz

    def read(self, count):
        self.reads += 1
        seconds = (self.reads * count + np.arange(count)) / RATE_HZ
        samples = np.zeros(count, dtype=np.complex128)
        if self.stops_after is None or self.reads <= self.stops_after:
            for freq_hz, dbfs in self.signals:
                offset_hz = freq_hz - self.center_hz
                samples += 10 ** (dbfs / 20) * np.exp(2j * np.pi * offset_hz * seconds)
        if self.image_db is not None:
            samples += 10 ** (self.image_db / 20) * samples.conj()
        if self.own_line_hz is not None:
            samples += 10**-2.5 * np.exp(2j * np.pi * self.own_line_hz * seconds)
        samples *= 10 ** ((self.settings.gain_db - 40.0) / 20)
        samples += noise(seeded(self.reads), count, -36.0)
        raw = quantise_cu8(samples.astype(np.complex64), 0.0)
        return IQBlock(raw, "cu8", self.center_hz, RATE_HZ, self.reads * 40_000_000, 0)


def believed(dongle, visits=1):
    """Frequencies that stand after each visit, kHz from the tuned centre."""
    ear = Ear(dongle, PLAN, Resolution(), 0.04)
    judge = Judge(ear, Rule())
    found = []
    for _ in range(visits):
        dwell = ear.visit(HOP)
        standing = judge.sift(dwell, detect(dwell, None, Rule()))
        found.append([round((one.center_freq_hz - HOP.center_freq_hz) / 1e3) for one in standing])
    return found, judge


def rf(offset_khz):
    return HOP.center_freq_hz + 1e3 * offset_khz


def test_an_image_is_refused_its_cause_is_not():
    found, judge = believed(Dongle([(rf(300), -20.0)], image_db=-25.0), visits=3)
    assert found == [[300]] * 3
    assert judge.ghosts == 3


def test_a_line_that_moves_with_the_oscillator_is_refused():
    found, _ = believed(Dongle([(rf(-400), -40.0)], own_line_hz=150e3), visits=2)
    assert found == [[-400]] * 2


@pytest.mark.parametrize("offset_khz", [-990, -960, 940, 990])
def test_a_signal_near_the_kept_edge_is_confirmed_by_one_second_look(offset_khz):
    dongle = Dongle([(rf(offset_khz), -40.0)])
    found, _ = believed(dongle, visits=3)
    assert found == [[offset_khz]] * 3
    assert dongle.reads == 3 + 1


def test_what_is_over_at_every_second_look_stands_and_costs_only_so_many(monkeypatch):
    dongle = Dongle([(rf(300), -40.0)])
    read = dongle.read
    visits = iter([True, False] * UNSEEN_TRIES + [True] * 9)

    def keyed(count):
        dongle.signals = [(rf(300), -40.0)] if next(visits) else []
        return read(count)

    monkeypatch.setattr(dongle, "read", keyed)
    monkeypatch.setattr(dongle, "begin", lambda count, _enough: lambda: keyed(count))
    found, judge = believed(dongle, visits=UNSEEN_TRIES + 4)
    assert found == [[300]] * (UNSEEN_TRIES + 4)
    assert dongle.reads == 2 * UNSEEN_TRIES + 4
    assert judge.ghosts == 0


def test_two_signals_that_mirror_each_other_both_stand():
    found, _ = believed(Dongle([(rf(300), -20.0), (rf(-300), -25.0)]))
    assert found == [[-300, 300]]


def test_clipping_fills_the_hop_with_products_and_only_the_cause_stands():
    dongle = Dongle([(rf(130), 12.0)])
    ear = Ear(dongle, PLAN, Resolution(), 0.04)
    assert len(detect(ear.visit(HOP), None, Rule())) > 2
    found, judge = believed(Dongle([(rf(130), 12.0)]), visits=3)
    assert found == [[130]] * 3
    assert judge.ghosts > 3


def test_products_of_a_signal_that_stays_cost_one_quieter_look_in_a_second():
    dongle = Dongle([(rf(130), 12.0)])
    found, _ = believed(dongle, visits=20)
    assert found == [[130]] * 20
    assert dongle.reads <= 20 + len(GAIN_FALLS_DB)


def test_a_weaker_signal_beside_a_clipping_one_is_shown_by_the_quieter_look():
    found, _ = believed(Dongle([(rf(130), 6.0), (rf(-517), -12.0)]))
    assert found == [[-517, 130]]


def test_of_a_clipping_burst_that_ended_only_the_cause_is_believed():
    found, _ = believed(Dongle([(rf(130), 12.0)], stops_after=1))
    assert found == [[130]]


def test_products_of_a_cause_beyond_the_kept_edge_are_all_refused():
    found, _ = believed(Dongle([(rf(1100), 12.0)], stops_after=1))
    assert found == [[]]


@pytest.mark.parametrize("gain_db", [40.0])
def test_the_gain_is_put_back(gain_db):
    dongle = Dongle([(rf(130), 12.0)])
    believed(dongle)
    assert dongle.settings.gain_db == gain_db


def flood_of(plan):
    """Two detections that take the whole hop between them."""
    grid = plan.hops[0].grid
    middle = grid.low_hz + 0.3 * (grid.high_hz - grid.low_hz)
    common = (9, 9, -60, -30, -80, 0, 0.04, "mean", 1.0, 0)
    return [
        Detection((low + high) / 2, high - low, low, high, *common)
        for low, high in ((grid.low_hz, middle), (middle + 1e4, grid.high_hz))
    ]


@pytest.mark.parametrize(
    ("start_hz", "stop_hz", "mode", "standing"),
    [(167e6, 169e6, "sweep", 0), (167e6, 169e6, "wide", 2), (167e6, 167.9e6, "sweep", 2)],
)
def test_what_fills_the_hop_is_no_emitter_but_where_wide_ones_are_looked_for(
    start_hz, stop_hz, mode, standing
):
    plan = make_plan([Band("b", start_hz, stop_hz, 1.0, mode)])
    ear = Ear(Dongle(), plan, Resolution(), 0.04)
    judge = Judge(ear, Rule())
    dwell = ear.visit(plan.hops[0])
    detections = flood_of(plan)
    kept = judge._without_floods(dwell, detections)
    assert len(kept) == standing
    assert judge.floods == 2 - standing
