"""Visits one after the other, called off while they are tuned to, and second looks between them."""

import threading
import time
from itertools import cycle

import numpy as np
import pytest

from dsp.plan import Band, make_plan
from dsp.values import IQBlock
from sdr.source import Settings, Source, SourceInfo
from sensors.hand import Hand

RATE_HZ, COUNT = 1e6, 1000
A, B, C, *_ = make_plan([Band("tv3-low", 167e6, 175e6, 1.0)]).hops


class Dongle:
    """A clock of samples that runs by itself; tuning takes as long as the test wants."""

    read_at_once = Source.begin

    def __init__(self, tunable=True):
        self.info = SourceInfo("x:", "x", "0", "x", "cu8", tunable, 24e6, 1.7e9)
        self.settings = Settings(RATE_HZ, 40.0, 0.0, 0.0)
        self.tuned, self.heard = [], []
        self.index = self.lost = 0
        self.tuning, self.go = threading.Event(), threading.Event()
        self.go.set()
        self.on_air, self.stays = threading.Event(), False

    def tune(self, center_freq_hz):
        self.tuned.append(center_freq_hz)
        self.tuning.set()
        assert self.go.wait(5)
        self.index += 500

    def read(self, count):
        self.heard.append(self.tuned[-1])
        index, self.index = self.index, self.index + count
        lost, self.lost = self.lost, 0
        return IQBlock(
            np.zeros(2 * count, np.uint8), "cu8", self.tuned[-1], RATE_HZ, 0, index, lost
        )

    def begin(self, count, enough):
        self.on_air.set()
        if self.stays:
            enough.wait(5)
        return self.read_at_once(count)

    def configure(self, *, gain_db):
        self.settings = Settings(RATE_HZ, gain_db, 0.0, 0.0)
        return self.settings


@pytest.fixture
def dongle():
    return Dongle()


@pytest.fixture
def hand(dongle):
    made = Hand(dongle, COUNT)
    yield made
    made.close()


def stuck_in_tuning(dongle, hand, *hops):
    """Ask for hops and wait until the tuner is on its way to the first."""
    dongle.tuning.clear()
    dongle.go.clear()
    hand.ask(*hops)
    assert dongle.tuning.wait(5)


def test_hops_come_in_the_order_of_asking(dongle, hand):
    hand.ask(A, B, B)
    assert hand.room == 0
    centers = [hand.hear().center_freq_hz for _ in range(3)]
    assert centers == [A.center_freq_hz, B.center_freq_hz, B.center_freq_hz]
    assert dongle.tuned == centers[:2]
    assert hand.hop is B
    assert hand.clock_s == pytest.approx(2 * 500e-6 + 3 * COUNT / RATE_HZ)


def test_what_is_being_tuned_to_is_called_off_and_nothing_of_it_read(dongle, hand):
    stuck_in_tuning(dongle, hand, A, B)
    assert hand.recall() == [A, B]
    assert hand.room == 2
    dongle.go.set()
    hand.ask(C)
    assert hand.hear().center_freq_hz == C.center_freq_hz
    assert dongle.tuned == [A.center_freq_hz, C.center_freq_hz]
    assert dongle.heard == [C.center_freq_hz]


def test_what_has_been_on_the_air_for_most_of_its_time_is_heard_to_its_end(dongle, hand):
    hand.ask(A)
    while not dongle.heard:
        time.sleep(1e-3)
    time.sleep(COUNT / RATE_HZ)
    assert hand.recall() == []
    assert hand.hear().center_freq_hz == A.center_freq_hz


def test_what_has_just_come_on_the_air_is_left_at_once(dongle):
    dongle.stays = True
    hand = Hand(dongle, round(10 * RATE_HZ))
    hand.ask(A, B)
    assert dongle.on_air.wait(5)
    started_s = time.monotonic()
    assert hand.recall() == [A, B]
    dongle.stays = False
    hand.ask(C)
    assert hand.hear().center_freq_hz == C.center_freq_hz
    assert time.monotonic() - started_s < 2
    hand.close()


def test_without_a_stay_a_second_look_leaves_what_has_begun_alone(dongle, hand):
    stuck_in_tuning(dongle, hand, B, C)
    threading.Timer(0.05, dongle.go.set).start()
    assert hand.look(A).center_freq_hz == A.center_freq_hz
    assert [hand.hear().center_freq_hz for _ in range(2)] == [B.center_freq_hz, C.center_freq_hz]
    assert dongle.heard == [B.center_freq_hz, A.center_freq_hz, C.center_freq_hz]


def test_of_a_recording_nothing_is_left(dongle):
    dongle = Dongle(tunable=False)
    dongle.stays = True
    hand = Hand(dongle, round(10 * RATE_HZ))
    hand.ask(A, A)
    assert dongle.on_air.wait(5)
    assert hand.recall() == [A]
    threading.Timer(0.1, hand._asked[0].off.set).start()
    assert hand.hear().num_samples == round(10 * RATE_HZ)
    assert hand.clock_s == pytest.approx(10.0, abs=1e-3)
    hand.close()


def test_a_second_look_comes_first_then_the_stay_then_what_was_called_off(dongle, hand):
    stuck_in_tuning(dongle, hand, B, C)
    threading.Timer(0.05, dongle.go.set).start()
    assert hand.look(C, [A]).center_freq_hz == C.center_freq_hz
    heard = [hand.hear().center_freq_hz for _ in range(3)]
    assert heard == [A.center_freq_hz, B.center_freq_hz, C.center_freq_hz]
    assert dongle.heard == [C.center_freq_hz, *heard]


def test_a_loss_that_only_a_second_look_was_told_is_told_by_the_next_visit(dongle, hand):
    dongle.lost = 2500
    assert hand.look(A).dropped_samples == 2500
    hand.ask(B, A)
    assert [hand.hear().dropped_samples for _ in range(2)] == [2500, 0]


def test_the_hop_time_is_the_mean_of_what_follows_without_anything_between(dongle, hand):
    hops = cycle([A, B, C])
    hand.ask(next(hops), next(hops))
    for number in range(100):
        if number % 7 == 6:
            hand.look(B)  # its time is not a hop's
        hand.hear()
        if number == 50:  # the computer stands still
            hand._thread.submit(setattr, dongle, "index", round(1e6)).result()
        hand.ask(next(hops))
    assert hand.hop_s == pytest.approx((COUNT + 500) / RATE_HZ)


def test_the_gain_holds_for_what_is_asked_afterwards(dongle, hand):
    hand.ask(A)
    assert hand.set_gain(20.0) == 20.0
    assert dongle.heard == [A.center_freq_hz]


def test_what_fails_is_told_by_its_own_visit(dongle, hand, monkeypatch):
    def broken(center_freq_hz):
        if center_freq_hz == B.center_freq_hz:
            raise RuntimeError("no")
        Dongle.tune(dongle, center_freq_hz)

    monkeypatch.setattr(dongle, "tune", broken)
    hand.ask(A, B)
    hand.hear()
    hand.ask(C)
    with pytest.raises(RuntimeError):
        hand.hear()
    assert hand.hear().center_freq_hz == C.center_freq_hz
