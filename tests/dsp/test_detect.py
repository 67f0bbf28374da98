"""Every awkward place of a receiver, through bytes, dwell, baseline and detector."""

import math
from dataclasses import replace

import numpy as np
import pytest

from dsp.baseline import Learner
from dsp.confirm import GHOST_ORDER, confirm, product_order
from dsp.detect import detect
from dsp.dwell import Resolution, look
from dsp.identity import Identity
from dsp.noise import floor_rise_db
from dsp.plan import Band, make_plan
from dsp.rule import Rule, thresholds
from dsp.stitch import dedupe
from dsp.synth import (
    band_edge,
    band_power,
    carrier,
    envelope,
    noise,
    quantise_cu8,
    seeded,
    shaped_noise,
    tone,
)
from dsp.values import IQBlock

RATE_HZ = 2.4e6
COUNT = 96_000
NOISE_DBFS = -36.0
PLAN = make_plan([Band("tv3-low", 167e6, 175e6, 1.0)])
RULE = Rule()


class Receiver:
    """A simulated dongle: noise, roll-off, DC and whatever is on the air, in RF hertz and dBFS."""

    def __init__(self, *, dc_lsb=0j, rolled_off=False, offset_seed=0):
        self.dc_lsb = dc_lsb
        self.rolled_off = rolled_off
        self.serial = offset_seed

    def block(self, center_hz, signals=(), *, noise_dbfs=NOISE_DBFS, count=COUNT, image_db=None):
        """``signals`` are (freq_hz, dbfs) tones or functions of (first sample, count, center)."""
        self.serial += 1
        rng = seeded(11, self.serial)
        if self.rolled_off:
            shape = band_edge(np.fft.fftfreq(count)) ** 2 * 10 ** (noise_dbfs / 10) / count
            samples = shaped_noise(rng, shape)
        else:
            samples = noise(rng, count, noise_dbfs)
        wave = np.zeros(count, dtype=np.complex64)
        for signal in signals:
            if callable(signal):
                wave += signal(center_hz, count)
            else:
                at = (signal[0] - center_hz) / RATE_HZ
                level = signal[1]
                if self.rolled_off:
                    level += 20 * math.log10(max(float(band_edge(at)), 1e-6))
                wave += tone(count, (at + 0.5) % 1 - 0.5, level)
        if image_db is not None:
            wave += wave.conj() * np.float32(10 ** (image_db / 20))
        raw = quantise_cu8(samples + wave, self.dc_lsb)
        return IQBlock(raw, "cu8", center_hz, RATE_HZ, self.serial * 10**9, 0)

    def dwell(self, hop, signals=(), *, dc=0j, response=None, **keywords):
        block = self.block(hop.center_freq_hz, signals, **keywords)
        return look(block, hop, response=response, dc=dc)


def survey(receiver, hops=PLAN.hops[:1], signals=(), scans=30, dc=0j, response=None, plan=PLAN):
    identity = Identity("0001", "whip", 40.2, RATE_HZ, 1024, "hann", plan.digest)
    learner = Learner(identity, plan, [dc] * len(plan.hops))
    for hop in hops:
        for _ in range(scans):
            learner.counts[hop.index].learn(receiver.dwell(hop, signals, dc=dc, response=response))
    for counts in learner.counts:
        if not counts.scans:
            counts.scans, counts.segments = 1, 186
    return learner.freeze()


@pytest.fixture(scope="module")
def quiet():
    """A receiver and its baseline of 30 dwells on the first two hops."""
    receiver = Receiver()
    return receiver, survey(receiver, PLAN.hops[:2])


HOP = PLAN.hops[0]
BIN_HZ = HOP.grid.bin_width_hz


def found_at(detections, freq_hz, within_hz=BIN_HZ / 4):
    return [d for d in detections if abs(d.center_freq_hz - freq_hz) <= within_hz]


@pytest.mark.parametrize("known", [True, False], ids=["baseline", "across frequency"])
@pytest.mark.parametrize("bins", [0, 1, -1, 2, -2, 100.25, -200.5, 411, -411])
def test_a_carrier_is_found_once_wherever_it_lies(quiet, known, bins):
    receiver, baseline = quiet
    freq_hz = HOP.center_freq_hz + bins * BIN_HZ
    dwell = receiver.dwell(HOP, [(freq_hz, -52.0)])
    seen = detect(dwell, baseline.at(0) if known else None, RULE)
    assert len(seen) == 1
    assert len(found_at(seen, freq_hz)) == 1
    assert seen[0].snr_db == pytest.approx(13.5, abs=2.5)
    assert seen[0].look == "mean"
    assert seen[0].duty > 0.7


@pytest.mark.parametrize("end", ["low", "high"])
def test_a_carrier_at_the_kept_edge_is_found_and_said_to_be_cut(quiet, end):
    receiver, baseline = quiet
    edge = HOP.grid.start_hz if end == "low" else HOP.grid.stop_hz
    (seen,) = detect(receiver.dwell(HOP, [(edge, -50.0)]), baseline.at(0), RULE)
    assert abs(seen.center_freq_hz - edge) <= BIN_HZ
    assert "edge" in seen.doubts


def test_a_carrier_on_the_seam_is_one_signal(quiet):
    receiver, baseline = quiet
    for offset_hz in np.arange(-16e3, 17e3, 4e3):
        seam = (PLAN.hops[0].grid.high_hz + PLAN.hops[1].grid.low_hz) / 2 + offset_hz
        both = [
            detection
            for hop in PLAN.hops[:2]
            for detection in detect(
                receiver.dwell(hop, [(seam, -50.0)]), baseline.at(hop.index), RULE
            )
        ]
        assert 1 <= len(both) <= 2
        (one,) = dedupe(both)
        assert abs(one.center_freq_hz - seam) <= BIN_HZ / 2


def test_the_receivers_own_dc_is_no_signal_but_a_carrier_there_is():
    receiver = Receiver(dc_lsb=0.6 - 0.4j)
    baseline = survey(receiver)
    assert detect(receiver.dwell(HOP), baseline.at(0), RULE) == []
    (seen,) = detect(receiver.dwell(HOP, [(HOP.center_freq_hz, -36.0)]), baseline.at(0), RULE)
    assert "center" in seen.doubts


def test_with_the_dc_learnt_the_centre_is_as_sensitive_as_any_other_place():
    receiver = Receiver(dc_lsb=0.6 - 0.4j)
    dc = np.mean([receiver.dwell(HOP).dc for _ in range(10)])
    baseline = survey(receiver, dc=dc)
    weak = [(HOP.center_freq_hz, -56.0)]
    # 10 dB over the floor, 10 dB under the spike: lost without the subtraction.
    assert detect(receiver.dwell(HOP, weak), survey(receiver).at(0), RULE) == []
    for _ in range(10):
        (seen,) = detect(receiver.dwell(HOP, weak, dc=dc), baseline.at(0), RULE)
        assert abs(seen.center_freq_hz - HOP.center_freq_hz) <= BIN_HZ / 4


def test_without_a_baseline_the_dc_spike_is_doubted_and_a_shifted_look_unmasks_it():
    receiver = Receiver(dc_lsb=0.6 - 0.4j)
    (seen,) = detect(receiver.dwell(HOP), None, RULE)
    assert seen.doubts == ("center",)
    shifted = shift(250e3)
    assert confirm(seen, HOP.center_freq_hz, receiver.dwell(shifted)) == "receiver"
    carrier_too = [(HOP.center_freq_hz, -36.0)]
    (seen,) = detect(receiver.dwell(HOP, carrier_too), None, RULE)
    assert confirm(seen, HOP.center_freq_hz, receiver.dwell(shifted, carrier_too)) == "real"


def shift(by_hz, hop=HOP):
    bins = round(by_hz / BIN_HZ)
    grid = replace(hop.grid, start_hz=hop.grid.start_hz + bins * BIN_HZ)
    return replace(hop, center_freq_hz=hop.center_freq_hz + bins * BIN_HZ, grid=grid)


def test_an_image_is_doubted_and_a_shifted_look_unmasks_it(quiet):
    receiver, baseline = quiet
    freq_hz = HOP.center_freq_hz + 300e3
    strong = [(freq_hz, -15.0)]
    seen = detect(receiver.dwell(HOP, strong, image_db=-30.0), baseline.at(0), RULE)
    (real,) = found_at(seen, freq_hz)
    (image,) = found_at(seen, HOP.center_freq_hz - 300e3)
    assert "image" in image.doubts
    assert "image" not in real.doubts
    shifted = receiver.dwell(shift(-250e3), strong, image_db=-30.0)
    assert confirm(image, HOP.center_freq_hz, shifted) == "image"
    assert confirm(real, HOP.center_freq_hz, shifted) == "real"


def test_an_alias_from_beyond_the_band_is_nowhere_in_a_shifted_look(quiet):
    receiver, baseline = quiet
    freq_hz = HOP.center_freq_hz + 1.5e6

    def beyond(center_hz, count):
        # The decimation filter of an RTL2832: -6 dB at 1.44 MHz, little left at 1.7 MHz.
        at = (freq_hz - center_hz) / RATE_HZ
        level = np.interp(abs(at) * RATE_HZ, [1.2e6, 1.44e6, 1.7e6], [-33.0, -36.0, -90.0])
        return tone(count, (at + 0.5) % 1 - 0.5, level)

    (alias,) = detect(receiver.dwell(HOP, [beyond]), baseline.at(0), RULE)
    assert abs(alias.center_freq_hz - (freq_hz - RATE_HZ)) < BIN_HZ
    for by_hz in (350e3, -250e3):
        shifted = receiver.dwell(shift(by_hz), [beyond])
        assert confirm(alias, HOP.center_freq_hz, shifted) == "unseen"


def test_a_burst_that_ended_is_not_called_false(quiet):
    receiver, baseline = quiet
    (seen,) = detect(receiver.dwell(HOP, [(HOP.center_freq_hz + 2e5, -50.0)]), baseline.at(0), RULE)
    assert confirm(seen, HOP.center_freq_hz, receiver.dwell(shift(250e3))) == "unseen"
    with pytest.raises(ValueError, match="moved_hz"):
        confirm(seen, HOP.center_freq_hz, receiver.dwell(HOP))


def test_the_rolled_off_edges_are_flat_with_the_measured_response():
    receiver = Receiver(rolled_off=True)
    wide = replace(
        HOP,
        grid=replace(HOP.grid, start_hz=HOP.center_freq_hz - 490 * BIN_HZ, n_bins=980),
    )
    plan = replace(PLAN, hops=(wide,))
    response = (np.fft.fftshift(band_edge(np.fft.fftfreq(1024))) ** 2).astype(np.float32)
    edge = HOP.center_freq_hz + 480 * BIN_HZ
    signal = [(edge, -50.0)]
    baseline = survey(receiver, [wide], response=response, plan=plan)
    (seen,) = detect(receiver.dwell(wide, signal, response=response), baseline.at(0), RULE)
    assert seen.peak_dbfs == pytest.approx(-50.0, abs=1.0)
    (bent,) = detect(receiver.dwell(wide, signal), survey(receiver, [wide], plan=plan).at(0), RULE)
    assert bent.peak_dbfs < -51.5
    # Across frequency the roll-off must not make signals of the flat part.
    assert detect(receiver.dwell(wide, response=response), None, RULE) == []


def test_overload_is_doubted_and_a_lower_gain_shows_the_order():
    first, second = HOP.center_freq_hz + 100e3, HOP.center_freq_hz + 250e3
    product = 2 * first - second

    def hall(gain_db):
        def distorted(center_hz, count):
            wave = sum(
                tone(count, (f - center_hz) / RATE_HZ, -8.0 + gain_db) for f in (first, second)
            )
            return (wave - 0.4 * wave * np.abs(wave) ** 2).astype(np.complex64)

        return [distorted]

    receiver = Receiver()
    levels = {}
    for gain_db in (0.0, -3.0):
        seen = detect(receiver.dwell(HOP, hall(gain_db)), None, RULE)
        levels[gain_db] = {
            f: found_at(seen, f, BIN_HZ)[0].power_dbfs for f in (first, second, product)
        }
    for f in (first, second):
        assert product_order(levels[0.0][f], levels[-3.0][f], 3.0) < 1.5
    assert product_order(levels[0.0][product], levels[-3.0][product], 3.0) > GHOST_ORDER
    with pytest.raises(ValueError, match="gain_step_db"):
        product_order(-40, -41, 0.0)

    clipping = detect(receiver.dwell(HOP, [(first, 2.0)]), None, RULE)
    assert all("overload" in d.doubts for d in clipping)


def test_a_crystal_spur_is_masked_and_its_neighbour_is_not(quiet):
    receiver, baseline = quiet
    spur = 168.2e6
    masked = type(baseline)(
        baseline.identity, baseline.counts, masks_hz=((spur - 2 * BIN_HZ, spur + 2 * BIN_HZ),)
    )
    signals = [(spur, -50.0)]
    assert len(detect(receiver.dwell(HOP, signals), baseline.at(0), RULE)) == 1
    assert detect(receiver.dwell(HOP, signals), masked.at(0), RULE) == []
    both = [(spur, -50.0), (spur + 12.5e3, -50.0)]
    assert len(detect(receiver.dwell(HOP, both), masked.at(0), RULE)) == 1


def test_a_level_step_between_hops_is_no_signal():
    # A V4 switches its input filters at 85, 112, 172 and 242 MHz: the next hop lies 8 dB higher.
    receiver = Receiver()
    baseline = survey(receiver, PLAN.hops[:1])
    stepped = Receiver(offset_seed=1000)
    for _ in range(5):
        assert detect(receiver.dwell(PLAN.hops[1], noise_dbfs=-28.0), None, RULE) == []
        assert detect(stepped.dwell(HOP), baseline.at(0), RULE) == []


def block_of(low_hz, high_hz, dbfs, seed=5):
    def wave(center_hz, count):
        shape = band_power(count, (low_hz - center_hz) / RATE_HZ, (high_hz - center_hz) / RATE_HZ)
        density = 10 ** (dbfs / 10) / ((high_hz - low_hz) / RATE_HZ * count)
        return shaped_noise(seeded(seed), shape * density)

    return wave


@pytest.mark.parametrize("known", [True, False], ids=["baseline", "across frequency"])
@pytest.mark.parametrize("width_hz", [200e3, 500e3, 900e3])
def test_a_noise_like_block_is_one_emission_with_its_edges(quiet, known, width_hz):
    receiver, baseline = quiet
    low = HOP.center_freq_hz - 0.45e6
    block = block_of(low, low + width_hz, -36.0 + 12 + 10 * math.log10(width_hz / RATE_HZ))
    (seen,) = detect(receiver.dwell(HOP, [block]), baseline.at(0) if known else None, RULE)
    assert seen.bandwidth_hz == pytest.approx(0.99 * width_hz, rel=0.05)
    assert abs(seen.center_freq_hz - low - width_hz / 2) < 10e3
    assert seen.snr_db == pytest.approx(12.0, abs=1.0 if known else 1.5)


def test_a_weak_wide_block_is_found_though_no_bin_reaches_the_guard(quiet):
    receiver, baseline = quiet
    low = HOP.center_freq_hz - 0.45e6
    for width_hz in (200e3, 600e3):
        block = block_of(low, low + width_hz, -36.0 + 2.5 + 10 * math.log10(width_hz / RATE_HZ))
        dwell = receiver.dwell(HOP, [block])
        limits = thresholds(dwell, baseline.at(0), RULE)
        assert np.mean(dwell.mean > limits.mean_on) < 0.02
        (seen,) = detect(dwell, baseline.at(0), RULE)
        assert abs(seen.low_hz - low) < 10e3
        assert abs(seen.high_hz - low - width_hz) < 10e3
        assert seen.snr_db == pytest.approx(2.5, abs=0.7)


def test_a_floor_that_drifted_by_a_decibel_is_no_signal(quiet):
    receiver, baseline = quiet
    for drift_db in (-1.0, 1.0, 1.8):
        dwell = receiver.dwell(HOP, noise_dbfs=NOISE_DBFS + drift_db)
        assert detect(dwell, baseline.at(0), RULE) == []


def test_a_risen_floor_is_measured_and_signals_alone_do_not_raise_it(quiet):
    receiver, baseline = quiet
    risen = receiver.dwell(HOP, noise_dbfs=NOISE_DBFS + 10)
    assert floor_rise_db(risen, baseline.at(0)) == pytest.approx(10.0, abs=0.3)
    many = [(HOP.grid.start_hz + k * 60e3 + 30e3, -30.0) for k in range(33)]
    assert floor_rise_db(receiver.dwell(HOP, many), baseline.at(0)) < 1.0
    assert floor_rise_db(receiver.dwell(HOP), baseline.at(0)) == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("start_ms", [0.0, 1.0, 2.5, 17.3, 34.9])
def test_a_5_ms_burst_is_found_by_the_burst_look(quiet, start_ms):
    receiver, baseline = quiet

    def burst(center_hz, count):
        on = envelope(count, start_ms * 2400, (start_ms + 5) * 2400, 24)
        return tone(count, 0.1, -48.0) * on

    (seen,) = detect(receiver.dwell(HOP, [burst]), baseline.at(0), RULE)
    assert abs(seen.center_freq_hz - HOP.center_freq_hz - 0.1 * RATE_HZ) < BIN_HZ / 2
    assert seen.duty < 0.4


def test_the_mean_look_alone_would_miss_a_weak_burst(quiet):
    receiver, baseline = quiet

    def burst(center_hz, count):
        return tone(count, 0.1, -54.0) * envelope(count, 24_000, 36_000, 24)

    dwell = receiver.dwell(HOP, [burst])
    (seen,) = detect(dwell, baseline.at(0), RULE)
    assert seen.look == "burst"
    blind = replace(dwell, peak=dwell.mean)
    assert detect(blind, baseline.at(0), RULE) == []


def test_a_strong_carriers_skirt_is_not_more_signals(quiet):
    receiver, baseline = quiet
    for offset in (0.0, 0.31, 0.5):
        freq_hz = HOP.center_freq_hz + (123 + offset) * BIN_HZ
        assert len(detect(receiver.dwell(HOP, [(freq_hz, -3.0)]), baseline.at(0), RULE)) == 1


def test_a_strong_keyed_carriers_clicks_are_not_more_signals(quiet):
    receiver, baseline = quiet

    def keyed(center_hz, count):
        return tone(count, 0.1234, -10.0) * envelope(count, 31_000, 60_100, 1)

    assert len(detect(receiver.dwell(HOP, [keyed]), baseline.at(0), RULE)) == 1


def test_the_skirt_beyond_a_masked_spur_is_not_another_signal(quiet):
    receiver, baseline = quiet
    strong = HOP.center_freq_hz + 123.5 * BIN_HZ
    masks = tuple((strong + low * BIN_HZ, strong + (low + 1.9) * BIN_HZ) for low in (2.6, -4.5))
    masked = type(baseline)(baseline.identity, baseline.counts, masks_hz=masks).at(0)
    dwell = receiver.dwell(HOP, [(strong, -2.0)])
    limits = thresholds(dwell, masked, RULE)
    beyond = HOP.grid.window(strong + 4 * BIN_HZ, strong + 9 * BIN_HZ)
    assert (dwell.mean > limits.mean_on)[beyond].any()
    assert len(detect(dwell, masked, RULE)) == 1


def test_two_keyed_carriers_are_two_though_their_clicks_fill_the_gap(quiet):
    receiver, baseline = quiet

    def pair(center_hz, count):
        both = tone(count, 0.1, -10.0) + tone(count, 0.1 + 50e3 / RATE_HZ, -10.0)
        return both * envelope(count, 31_000, 60_100, 1)

    dwell = receiver.dwell(HOP, [pair])
    gap = HOP.grid.window(HOP.center_freq_hz + 0.25e6, HOP.center_freq_hz + 0.28e6)
    assert (dwell.peak > thresholds(dwell, baseline.at(0), RULE).burst_off)[gap].all()
    assert len(detect(dwell, baseline.at(0), RULE)) == 2


def test_beside_a_strong_carrier_a_weaker_one_is_still_found(quiet):
    receiver, baseline = quiet
    near = HOP.center_freq_hz + 200e3
    pair = [(near, -20.0), (near + 40e3, -50.0)]
    assert len(detect(receiver.dwell(HOP, pair), baseline.at(0), RULE)) == 2


@pytest.mark.parametrize("apart_hz", [25e3, 50e3])
def test_two_carriers_are_two(quiet, apart_hz):
    receiver, baseline = quiet
    near = HOP.center_freq_hz + 200e3
    pair = [(near, -40.0), (near + apart_hz, -40.0)]
    assert len(detect(receiver.dwell(HOP, pair), baseline.at(0), RULE)) == 2


def test_the_two_tones_of_an_fsk_are_one(quiet):
    receiver, baseline = quiet
    for strength in (-50.0, -30.0, -15.0):

        def fsk(center_hz, count, level=strength):
            bits = np.repeat(seeded(3).integers(0, 2, 200) * 2 - 1, 2000)[:count]
            turns = np.cumsum(bits * 4500.0 / RATE_HZ) + 0.07 * np.arange(count)
            return carrier(turns) * np.float32(10 ** (level / 20))

        (seen,) = detect(receiver.dwell(HOP, [fsk]), baseline.at(0), RULE)
        assert abs(seen.center_freq_hz - HOP.center_freq_hz - 0.07 * RATE_HZ) < BIN_HZ


def test_known_traffic_excuses_its_own_bins_and_a_stronger_one_alarms():
    receiver = Receiver()
    known = (168.4e6, -50.0)
    baseline = survey(receiver, signals=[known])
    assert detect(receiver.dwell(HOP, [known]), baseline.at(0), RULE) == []
    (seen,) = detect(receiver.dwell(HOP, [(168.4e6, -40.0)]), baseline.at(0), RULE)
    assert abs(seen.center_freq_hz - 168.4e6) < BIN_HZ
    (seen,) = detect(receiver.dwell(HOP, [known, (168.43e6, -55.0)]), baseline.at(0), RULE)
    assert abs(seen.center_freq_hz - 168.43e6) < BIN_HZ


def test_a_crystal_that_drifted_a_bin_does_not_alarm():
    receiver = Receiver()
    baseline = survey(receiver, signals=[(168.4e6, -40.0)])
    drifted = [(168.4e6 + 0.8 * BIN_HZ, -40.0)]
    assert detect(receiver.dwell(HOP, drifted), baseline.at(0), RULE) == []
    strict = replace(RULE, drift_bins=0)
    assert detect(receiver.dwell(HOP, drifted), baseline.at(0), strict) != []


def test_a_followed_emitter_lasts_down_to_the_lower_threshold(quiet):
    receiver, baseline = quiet
    weak = [(168.4e6 + BIN_HZ * 0.1, -61.3)]
    dwell = receiver.dwell(HOP, weak)
    assert detect(dwell, baseline.at(0), RULE) == []
    (seen,) = detect(dwell, baseline.at(0), RULE, followed_hz=[(168.39e6, 168.41e6)])
    assert 3.0 < seen.excess_db < 6.0
    assert detect(dwell, baseline.at(0), RULE, followed_hz=[(169.0e6, 169.1e6)]) == []


def test_a_short_dwell_has_higher_thresholds(quiet):
    receiver, baseline = quiet
    pure = Rule(p_fa=1e-6, on_db=0.0, off_db=0.0)
    whole = thresholds(receiver.dwell(HOP), baseline.at(0), pure)
    short = thresholds(receiver.dwell(HOP, count=24_000), baseline.at(0), pure)
    assert (short.mean_on > 1.2 * whole.mean_on).all()
    assert (whole.mean_off <= whole.mean_on).all()


def test_noise_alone_gives_nothing(quiet):
    receiver, baseline = quiet
    for _ in range(60):
        dwell = receiver.dwell(HOP)
        assert detect(dwell, baseline.at(0), RULE) == []
        assert detect(dwell, None, RULE) == []


def test_another_grid_is_refused(quiet):
    receiver, baseline = quiet
    with pytest.raises(ValueError, match="grid"):
        detect(receiver.dwell(PLAN.hops[1]), baseline.at(0), RULE)


def test_a_block_from_elsewhere_is_refused(quiet):
    receiver, _ = quiet
    block = receiver.block(HOP.center_freq_hz + 1e4)
    with pytest.raises(ValueError, match="center_freq_hz"):
        look(block, HOP)
    with pytest.raises(ValueError, match="nfft=2048"):
        look(receiver.block(HOP.center_freq_hz), HOP, Resolution(2048))


@pytest.mark.parametrize("bad", [{"p_fa": 0.0}, {"p_fa": 0.7}, {"on_db": 2.0, "off_db": 3.0}])
def test_impossible_rules_are_refused(bad):
    with pytest.raises(ValueError, match=r"_fa|_db"):
        Rule(**bad)


def test_the_rule_shares_the_wanted_false_alarms_out():
    rule = Rule.for_exam(0.01, bins=112_640, dwells=10_800)
    assert rule.p_fa * 2 * 112_640 * 10_800 == pytest.approx(0.01)
    assert Rule.for_exam(1.0, bins=1, dwells=1, rule=Rule(on_db=4.0)).on_db == 4.0
