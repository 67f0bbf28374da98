"""The receiver's own carrier at the centre, and finer measures, through a simulated dongle."""

import numpy as np
import pytest

from dsp.detect import detect
from dsp.dwell import Resolution
from dsp.plan import Band, make_plan
from dsp.programme import fsk2
from dsp.rule import Rule
from dsp.synth import carrier, noise, quantise_cu8, seeded
from dsp.values import IQBlock
from sdr.source import Settings, Source, SourceInfo, TunerNotLocked
from sensors.ear import Ear
from sensors.judge import Judge

RATE_HZ = 2.4e6
PLAN = make_plan([Band("tv3-low", 167e6, 175e6, 1.0)])


class Dongle:
    """As much of a source as an ear uses: noise, DC and carriers at fixed radio frequencies."""

    begin = Source.begin

    def __init__(self, signals=(), dc_lsb=0.8 - 0.5j, unlocked=()):
        self.info = SourceInfo("x:", "x", "0", "x", "cu8", True, 24e6, 1.7e9)
        self.settings = Settings(RATE_HZ, 40.2, 0.0, 0.0)
        self.signals, self.dc_lsb, self.unlocked = signals, dc_lsb, unlocked
        self.center_hz = 0.0
        self.reads = self.lost = 0

    def tune(self, center_freq_hz):
        if center_freq_hz in self.unlocked:
            raise TunerNotLocked("source.not_locked", freq_hz=center_freq_hz)
        self.center_hz = center_freq_hz
        return center_freq_hz

    def read(self, count):
        self.reads += 1
        samples = noise(seeded(self.reads), count, -36.0)
        seconds = (self.reads * count + np.arange(count)) / RATE_HZ
        for freq_hz, dbfs, turns in self.signals:
            if abs(freq_hz - self.center_hz) < 1.2e6:
                phase = turns(seconds) + (freq_hz - self.center_hz) * seconds
                samples += carrier(phase) * np.float32(10 ** (dbfs / 20))
        raw = quantise_cu8(samples, self.dc_lsb)
        lost, self.lost = self.lost, 0
        return IQBlock(raw, "cu8", self.center_hz, RATE_HZ, self.reads * 40_000_000, 0, lost)


def ear_of(dongle):
    return Ear(dongle, PLAN, Resolution(), 0.04)


def silent(seconds):
    return 0.0 * seconds


def test_the_receivers_own_carrier_is_gone_from_the_first_dwell_on():
    ear = ear_of(Dongle())
    for hop in PLAN.hops:
        assert detect(ear.visit(hop), None, Rule()) == []


def test_a_signal_at_exactly_a_tuned_centre_is_found_all_the_same():
    for hop in PLAN.hops:
        dongle = Dongle([(hop.center_freq_hz, -55.0, silent)])
        ear = ear_of(dongle)
        dwell = ear.visit(hop)
        (seen,) = Judge(ear, Rule()).sift(dwell, detect(dwell, None, Rule()))
        assert abs(seen.center_freq_hz - hop.center_freq_hz) < 600


def test_a_hop_that_does_not_lock_is_told_by_its_own_visit_only():
    dongle = Dongle(unlocked=[PLAN.hops[1].center_freq_hz])
    ear = ear_of(dongle)
    assert detect(ear.visit(PLAN.hops[0]), None, Rule()) == []
    with pytest.raises(TunerNotLocked):
        ear.visit(PLAN.hops[1])


def test_a_detection_is_measured_in_finer_bins_of_the_same_samples():
    message = fsk2(1, 0, 4000, 1200.0)
    dongle = Dongle([(168.5e6, -45.0, lambda seconds: 4500 * message.turns(seconds))])
    ear = ear_of(dongle)
    dwell = ear.visit(PLAN.hops[0])
    detections = detect(dwell, None, Rule())
    (fine,) = ear.measure(dwell, detections, None)
    assert fine.bandwidth_hz == pytest.approx(13e3, rel=0.1)
    assert abs(fine.center_freq_hz - 168.5e6) < 600
    ear.visit(PLAN.hops[1])
    assert ear.measure(dwell, detections, None) == detections  # its samples are gone
