"""The simulated hall: stated powers, places and times arrive, and pieces equal the whole."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.iq import clipped_fraction, dc_offset, to_complex
from sdr.air import BLOCK, FULL_SCALE_DBM, Air, Tuning
from sdr.hall import Sensor, Transmitter
from sdr.scene import BUFFER_S, SceneSource
from sdr.scene_file import load_scene, parse_scene, scene_names
from sdr.source import BadSource
from sdr.uri import open_source

RATE_HZ = 2.4e6
GAIN_DB = 40.2


def power_at(samples, rate_hz, offset_hz, width_hz) -> float:
    """Power in a band in dBFS, from one FFT over everything."""
    spectrum = np.abs(np.fft.fft(samples.astype(np.complex128)) / samples.shape[0]) ** 2
    bins_hz = np.fft.fftfreq(samples.shape[0], 1 / rate_hz)
    return float(10 * np.log10(spectrum[np.abs(bins_hz - offset_hz) <= width_hz / 2].sum()))


def heard(scene_text, center_hz, count=240_000, first=0, gain_db=GAIN_DB, sensor=None, seed=1):
    scene = parse_scene(scene_text, "test")
    air = Air(scene, scene.sensor(sensor), Tuning(center_hz, RATE_HZ, gain_db), seed)
    return to_complex(air.raw(first, count), "cu8")


def test_the_quiet_floor_is_one_to_two_steps_and_has_the_stated_density():
    samples = heard("", 300e6, count=2_400_000)
    assert 1.0 < samples.real.std() * 127.5 < 2.0
    expected = -174 + 6 + 10 * math.log10(1e6) + GAIN_DB + FULL_SCALE_DBM
    # The converter's own noise: 0.3 and sqrt(1/12) steps rms on top of 1.06.
    extra = 10 * math.log10(1 + (0.3**2 + 1 / 12) / 1.06**2)
    assert power_at(samples, RATE_HZ, 400e3, 1e6) == pytest.approx(
        expected + extra + 10 * math.log10(1 / 1), abs=0.4
    )
    assert clipped_fraction(np.rint(samples.view(np.float32)), "cf32") == 0.0


def test_the_dc_offset_is_small_and_there():
    assert dc_offset(heard("", 300e6)) * 127.5 == pytest.approx(0.2 - 0.1j, abs=0.01)


@pytest.mark.parametrize(
    ("power_dbm", "gain_db"), [(-70, 40.2), (-85, 40.2), (-100, 40.2), (-60, 20.7), (-75, 20.7)]
)
def test_a_carrier_arrives_with_its_power_at_its_frequency(power_dbm, gain_db):
    samples = heard(f"tx freq_hz=300.3M power_dbm={power_dbm}", 300e6, gain_db=gain_db)
    expected = power_dbm + gain_db + FULL_SCALE_DBM
    assert power_at(samples, RATE_HZ, 300e3, 30) == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize(
    ("line", "width_hz"),
    [
        ("type=nfm dev_hz=2500", 16e3),
        ("type=nfm dev_hz=2500 tone_hz=1000", 16e3),
        ("type=wfm", 260e3),
        ("type=fsk2 baud=1200 dev_hz=4500", 60e3),
        ("type=wide bw_hz=400k", 400e3),
    ],
)
def test_constant_envelopes_arrive_with_their_power(line, width_hz):
    samples = heard(f"tx freq_hz=300.4M power_dbm=-80 {line}", 300e6)
    expected = -80 + GAIN_DB + FULL_SCALE_DBM
    assert power_at(samples, RATE_HZ, 400e3, width_hz) == pytest.approx(expected, abs=0.2)


def test_am_has_its_sidebands():
    samples = heard("tx freq_hz=300.4M type=am tone_hz=1000 depth=0.5 power_dbm=-70", 300e6)
    carrier = power_at(samples, RATE_HZ, 400e3, 30)
    # Each sideband is (depth / 2) squared under the carrier: -12.04 dB.
    for side_hz in (399e3, 401e3):
        assert power_at(samples, RATE_HZ, side_hz, 30) - carrier == pytest.approx(-12.04, abs=0.1)


def test_ook_is_half_the_time_off_and_dmr_keeps_its_slots():
    samples = heard("tx freq_hz=300.4M type=ook baud=2000 power_dbm=-70", 300e6)
    mean = power_at(samples, RATE_HZ, 400e3, 60e3)
    assert mean == pytest.approx(-70 + GAIN_DB + FULL_SCALE_DBM - 3, abs=0.5)
    samples = heard("tx freq_hz=300M type=dmr power_dbm=-70", 300e6, count=720_000)
    envelope = np.abs(samples).reshape(-1, 2400).mean(axis=1)  # 1 ms each
    on = envelope > envelope.max() / 2
    assert np.array_equal(on[:60], on[60:120])
    assert on[1:26].all()
    assert not on[29:59].any()


def test_a_burst_is_on_the_air_exactly_when_it_says():
    text = "tx freq_hz=300.3M power_dbm=-70 start_s=0.02 period_s=0.05 on_s=0.01 jitter_s=0.02"
    samples = heard(text, 300e6)
    (transmitter,) = parse_scene(text, "test").transmitters
    bursts = list(transmitter.bursts(0.0, 0.1))
    assert len(bursts) == 2
    envelope = np.abs(samples)
    for _, on_s, off_s in bursts:
        on, off = round(on_s * RATE_HZ), round(off_s * RATE_HZ)
        inside, before, after = (
            envelope[on + 600 : off - 600].mean(),
            envelope[max(on - 2000, 0) : on].mean(),
            envelope[off : off + 2000].mean(),
        )
        assert inside > 10 * before
        assert inside > 10 * after


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 40_000), min_size=1, max_size=6), first=st.integers(0, 10**7))
def test_reading_in_pieces_changes_nothing(sizes, first):
    text = (
        "tx freq_hz=300.3M type=nfm power_dbm=-70 period_s=0.01 on_s=0.004\n"
        "tx freq_hz=299.6M type=wide bw_hz=300k power_dbm=-70 period_s=0.02 on_s=0.007"
    )
    scene = parse_scene(text, "test")
    tuning = Tuning(300e6, RATE_HZ, GAIN_DB)
    whole = Air(scene, Sensor(), tuning, 3).raw(first, sum(sizes))
    air, at, pieces = Air(scene, Sensor(), tuning, 3), first, []
    for size in sizes:
        pieces.append(air.raw(at, size))
        at += size
    assert np.array_equal(np.concatenate(pieces), whole)


def test_sensors_hear_the_same_modulation_with_their_own_noise():
    text = (
        "sensor name=a x_m=0\nsensor name=b x_m=100\n"
        "tx freq_hz=300.3M type=nfm eirp_dbm=-20 x_m=10\n"
        "tx freq_hz=299.6M type=wide bw_hz=300k power_dbm=-75"
    )
    a, b = (heard(text, 300e6, sensor=name) for name in "ab")
    scene = parse_scene(text, "test")
    loss_db = 30 * math.log10(90 / 10)  # n = 3
    levels = [scene.received_dbm(scene.transmitters[0], scene.sensor(name)) for name in "ab"]
    assert levels[0] - levels[1] == pytest.approx(loss_db)
    got = [power_at(one, RATE_HZ, 300e3, 16e3) for one in (a, b)]
    assert got[0] - got[1] == pytest.approx(loss_db, abs=0.5)
    spectra = [np.fft.fft(one) for one in (a, b)]
    bins_hz = np.fft.fftfreq(a.shape[0], 1 / RATE_HZ)

    def coherence(low_hz, high_hz):
        inside = (bins_hz > low_hz) & (bins_hz < high_hz)
        x, y = (spectrum[inside] for spectrum in spectra)
        return abs(np.vdot(x, y)) / np.linalg.norm(x) / np.linalg.norm(y)

    assert coherence(296e3, 304e3) > 0.98
    assert coherence(-550e3, -250e3) > 0.95
    assert coherence(500e3, 900e3) < 0.05


def test_walls_and_near_fields():
    scene = parse_scene(
        "scene wall_db=20 path_exponent=2\nsensor name=in indoor=1\nsensor name=out\n"
        "tx freq_hz=100M eirp_dbm=0",
        "test",
    )
    (transmitter,) = scene.transmitters
    inside, outside = (scene.received_dbm(transmitter, sensor) for sensor in scene.sensors)
    # Free-space loss at 1 m and 100 MHz is 12.45 dB; nearer than 1 m counts as 1 m.
    assert outside == pytest.approx(-12.45, abs=0.01)
    assert inside == outside - 20


def test_band_edges_and_aliases():
    inside = heard("tx freq_hz=301.1M power_dbm=-70", 300e6)
    level = -70 + GAIN_DB + FULL_SCALE_DBM
    at_edge = power_at(inside, RATE_HZ, 1.1e6, 30)
    assert -6 < at_edge - level < -0.5
    alias = heard("tx freq_hz=301.25M power_dbm=-70", 300e6)
    assert -20 < power_at(alias, RATE_HZ, 1.25e6 - RATE_HZ, 30) - level < -5
    gone = heard("tx freq_hz=301.5M power_dbm=-70", 300e6)
    assert np.array_equal(gone, heard("", 300e6))


def test_a_crystal_error_moves_signals_and_ppm_brings_them_back():
    text = "sensor name=a ppm=20\ntx freq_hz=300.3M power_dbm=-70"
    scene = parse_scene(text, "test")
    for ppm, offset_hz in ((0.0, 300e3 - 6000), (20.0, 300e3)):
        air = Air(scene, scene.sensors[0], Tuning(300e6, RATE_HZ, GAIN_DB, ppm), 1)
        spectrum = np.abs(np.fft.fft(to_complex(air.raw(0, 240_000), "cu8")))
        assert np.fft.fftfreq(240_000, 1 / RATE_HZ)[spectrum.argmax()] == pytest.approx(
            offset_hz, abs=10
        )


def test_seeds():
    first, again, other = (heard("", 300e6, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", scene_names())
def test_packaged_scenes_load_and_have_no_overload(name):
    scene = load_scene(name)
    for sensor in scene.sensors:
        for transmitter in scene.transmitters:
            assert scene.received_dbm(transmitter, sensor) < -65.6  # full scale at 40.2 dB


def test_the_emulated_dongles_scenes_load(shared):
    for path in sorted((shared / "emudongle" / "scenes").iterdir()):
        assert load_scene(str(path)).transmitters


def test_the_hall_before_and_during_the_exam():
    scene = load_scene("hall", exam_s=100.0)
    starts = {one.name: one.start_s for one in scene.transmitters}
    assert starts["voice-210"] == 100.0
    assert starts["text-169"] == 105.0
    before = {one.name for one in scene.transmitters if any(one.bursts(0.0, 99.0))}
    during = {one.name for one in scene.transmitters if any(one.bursts(100.0, 130.0))}
    assert during - before == {"voice-210", "text-169", "handheld-409"}
    assert [sensor.name for sensor in scene.sensors] == ["hall", "gate", "fence"]
    assert {one.name: one.start_s for one in load_scene("hall").transmitters}["voice-210"] == 15.0


def test_an_exam_begins_when_somebody_says_so(tmp_path):
    """However long a baseline takes to learn, nobody transmits before that."""
    exam = tmp_path / "ex am"
    levels = []
    with open_source("scene:hall?pace=0", exam_file=str(exam)) as source:
        source.tune(210e6)
        for number in range(60):
            if number == 20:
                exam.write_text("0.4\n")
            samples = to_complex(source.read(24_000).raw, "cu8")
            levels.append(power_at(samples, RATE_HZ, 0.3e6, 20e3))
    assert max(levels[:35]) + 10 < min(levels[45:])
    exam.write_text("soon")
    source = open_source("scene:hall?pace=0", exam_file=str(exam))
    with source, pytest.raises(BadSource) as caught:
        source.read(1000)
    assert "soon" in str(caught.value.fields["reason"])


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("\ntx freq_hz=x", 2, "freq_hz=x"),
        ("tx type=cw", 1, "freq_hz=?"),
        ("tx freq_hz=1M type=lora", 1, "type=lora"),
        ("tx freq_hz=1M powr_dbm=3", 1, "powr_dbm?"),
        ("rx freq_hz=1M", 1, "rx?"),
        ("tx freq_hz 1M", 1, "freq_hz?"),
        ('{"freq_hz": ', 1, ""),
        ("# fine\nscene exma_s=3", 2, "exma_s?"),
        ("sensor nmae=a", 1, "nmae?"),
    ],
)
def test_a_wrong_line_is_named(text, line, reason):
    with pytest.raises(BadSource) as error:
        parse_scene(text, "my.scene")
    assert error.value.message_id == "source.scene_bad_line"
    assert error.value.fields["line"] == line
    assert reason in str(error.value.fields["reason"])


def test_json_lines_say_the_same():
    plain = parse_scene("tx id=a freq_hz=409.8M type=nfm power_dbm=-62 period_s=11 on_s=4", "x")
    lines = parse_scene(
        '{"id":"a","freq_hz":409800000,"type":"nfm","power_dbm":-62,"period_s":11,"on_s":4}', "x"
    )
    assert plain == lines


@given(
    start=st.floats(0, 1e5),
    length=st.floats(0.001, 100),
    period=st.floats(0.1, 50),
    duty=st.floats(0.01, 1),
    jitter=st.floats(0, 1),
)
def test_bursts_asked_for_in_pieces_are_all_the_bursts(start, length, period, duty, jitter):
    on_s = duty * period
    transmitter = Transmitter(
        "a", 1e8, "cw", start_s=3.0, period_s=period, on_s=on_s, jitter_s=jitter * (period - on_s)
    )
    whole = set(transmitter.bursts(start, start + length))
    middle = start + length / 2
    pieces = set(transmitter.bursts(start, middle)) | set(
        transmitter.bursts(middle, start + length)
    )
    assert pieces == whole
    for _, on, off in whole:
        assert on < start + length
        assert off > start
        assert off - on == pytest.approx(on_s)


def test_two_sources_of_one_epoch_hear_the_same_moment():
    epoch_ns = time.time_ns()
    text = f"scene:hall?epoch_ns={epoch_ns}&sensor="
    with open_source(text + "hall") as hall, open_source(text + "fence") as fence:
        hall.tune(152.65e6)
        fence.tune(152.65e6)
        a, b = hall.read(48_000), fence.read(48_000)
    assert abs(a.time_ns - b.time_ns) < 1e9
    assert 0 < (a.time_ns - epoch_ns) / 1e9 < 2


def test_a_slow_reader_loses_the_oldest_and_is_told():
    with open_source("scene:quiet") as source:
        source.tune(300e6)
        first = source.read(1000)
        time.sleep(BUFFER_S + 0.3)
        second = source.read(1000)
    assert second.dropped_samples == pytest.approx(0.3 * RATE_HZ, rel=0.2)
    assert second.sample_index == first.sample_index + 1000 + second.dropped_samples


def test_settling_passes_and_is_not_given():
    with SceneSource("quiet", "scene:quiet", pace=False, epoch_ns=0) as source:
        source.settle_s = 0.02
        source.tune(300e6)
        first = source.read(24_000)
        source.tune(302e6)
        second = source.read(24_000)
    assert first.time_ns == 20_000_000
    assert second.time_ns == 50_000_000


def test_unpaced_costs_a_fraction_of_real_time():
    """15 % of a core is promised; the machine that tests may be busy with other things."""
    with open_source("scene:hall?pace=0") as source:
        source.tune(98.5e6)
        source.read(BLOCK)
        started = time.process_time()
        source.read(2_400_000)
        assert time.process_time() - started < 0.45
