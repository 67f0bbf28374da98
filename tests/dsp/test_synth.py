"""Synthetic signals: stated levels are read back, pieces equal the whole, spectra are right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp import programme, synth
from dsp.iq import to_complex
from dsp.programme import Programme


def power_db(samples) -> float:
    return float(10 * np.log10(np.mean(np.abs(samples.astype(np.complex128)) ** 2)))


@pytest.mark.parametrize("level_dbfs", [0.0, -20.0, -61.3])
def test_a_tone_reads_its_level_at_its_frequency(level_dbfs):
    samples = synth.tone(4096, 300 / 4096, level_dbfs)
    assert power_db(samples) == pytest.approx(level_dbfs, abs=1e-3)
    spectrum = np.abs(np.fft.fft(samples) / 4096) ** 2
    assert int(spectrum.argmax()) == 300
    assert 10 * np.log10(spectrum[300]) == pytest.approx(level_dbfs, abs=1e-3)


def test_a_tone_in_pieces_is_the_tone():
    whole = synth.tone(1000, 0.1234, -3.0, first=10**9)
    pieces = [synth.tone(37, 0.1234, -3.0, first=10**9 + start) for start in range(0, 1000, 37)]
    np.testing.assert_allclose(np.concatenate(pieces)[:1000], whole, atol=2e-6)


@pytest.mark.parametrize("turns", [0.0, 0.25, -3.5, 123456.125, 1e9 + 0.75])
def test_the_carrier_keeps_its_phase_over_many_turns(turns):
    expected = np.exp(2j * np.pi * (turns % 1.0))
    np.testing.assert_allclose(synth.carrier(np.array([turns])), [expected], atol=1e-6)


def test_white_noise_has_its_power_and_is_circular(rng):
    samples = synth.noise(rng, 200_000, -30.0)
    assert power_db(samples) == pytest.approx(-30.0, abs=0.05)
    assert abs(np.mean(samples**2)) < 0.01 * np.mean(np.abs(samples) ** 2)
    assert np.mean(samples.real**2) == pytest.approx(np.mean(samples.imag**2), rel=0.02)


def test_shaped_noise_has_the_power_of_every_bin(rng):
    wanted = np.linspace(0.0, 2.0, 256) * 1e-6
    got = np.zeros(256)
    for _ in range(4000):
        got += np.abs(np.fft.fft(synth.shaped_noise(rng, wanted)) / 256) ** 2 / 4000
    # 4000 exponential values: relative error 1.6 % each.
    np.testing.assert_allclose(got, wanted, rtol=0.08, atol=1e-10)


def test_the_same_key_gives_the_same_numbers_and_another_key_others():
    draws = [synth.seeded(*key).integers(0, 2**60) for key in [(1, 2), (1, 2), (2, 1), (1, -2)]]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3


def test_band_edges_add_up():
    # What falls off at one edge comes back at the other as an alias: 0.5 on each side at 0.5.
    share = synth.band_power(1024, -0.6, 0.6)
    assert share[0] == 1.0
    assert share[512] == pytest.approx(2 * 0.5**2)
    assert share.min() > 0.4
    narrow = synth.band_power(1000, 0.1, 0.2)
    bins = np.fft.fftfreq(1000)
    assert np.array_equal(narrow > 0, (bins >= 0.1) & (bins <= 0.2))
    alias = synth.band_power(1000, 0.52, 0.54)
    assert np.all((bins[alias > 0] >= -0.481) & (bins[alias > 0] <= -0.459))


def test_keying_is_exact_and_never_overshoots():
    shape = synth.envelope(100, 10.0, 60.0, 5.0)
    assert shape[10] == 0.0
    assert shape[15] == 1.0
    assert shape[55] == 1.0
    assert shape[60] == 0.0
    assert np.all((shape >= 0) & (shape <= 1))
    assert np.all(synth.envelope(100, -50.0, 1e15, 5.0) == 1.0)
    assert np.all(synth.envelope(100, 100.0, 200.0, 5.0) == 0.0)


def test_quantising_is_undone_by_the_converter(rng):
    samples = synth.noise(rng, 20_000, -20.0)
    back = to_complex(synth.quantise_cu8(samples), "cu8")
    error = back - samples
    assert np.abs(error.real).max() <= 0.5001 / 127.5
    assert abs(error.mean()) < 3 / 127.5 / np.sqrt(12 * 20_000) * np.sqrt(2)


def test_quantising_clips_and_shifts():
    loud = np.array([2 + 2j, -2 - 2j, 0j], np.complex64)
    assert synth.quantise_cu8(loud).tolist() == [255, 255, 0, 0, 128, 128]
    assert synth.quantise_cu8(np.zeros(1, np.complex64), 1.2 - 0.3j).tolist() == [129, 127]


@settings(max_examples=40, deadline=None)
@given(start=st.floats(0, 1e5), split=st.integers(1, 499))
def test_a_programme_in_pieces_is_the_programme(start, split):
    made = Programme.of(np.random.default_rng(2).uniform(-1, 1, 97), 480.0)
    seconds = start + np.arange(500) / 2400.0
    for read in (made.value, made.turns):
        whole = read(seconds)
        pieces = np.concatenate([read(seconds[:split]), read(seconds[split:])])
        np.testing.assert_allclose(pieces, whole, atol=1e-9)


def test_the_integral_is_the_integral():
    made = Programme.of(np.array([1.0, -0.5, 0.25]), 10.0)
    seconds = np.array([0.0, 0.1, 0.15, 0.2, 0.3, 0.4, 3.0])
    expected = [0.0, 0.1, 0.075, 0.05, 0.075, 0.175, 0.75]
    np.testing.assert_allclose(made.turns(seconds), expected, atol=1e-12)


@pytest.mark.parametrize("made", [programme.speech(), programme.music(), programme.sine(1000.0)])
def test_audio_fills_its_range_without_drift(made):
    assert 0.9 < np.abs(made.values).max() <= 1.1
    assert abs(made.integral[-1]) < 1e-9


def test_speech_stays_in_a_radio_channel():
    made = programme.speech()
    spectrum = np.abs(np.fft.rfft(made.values)) ** 2
    bins_hz = np.fft.rfftfreq(made.values.shape[0], 1 / made.rate_hz)
    inside = spectrum[(bins_hz >= 300) & (bins_hz <= 3000)].sum() / spectrum.sum()
    assert inside > 0.999
    seconds = np.arange(240_000) / 240e3
    samples = synth.carrier(2500 * made.turns(seconds))
    power = np.abs(np.fft.fft(samples)) ** 2
    offset_hz = np.fft.fftfreq(240_000, 1 / 240e3)
    assert power[np.abs(offset_hz) < 6250].sum() / power.sum() > 0.995


def test_music_has_its_pilot():
    made = programme.music()
    spectrum = np.abs(np.fft.rfft(made.values))
    bins_hz = np.fft.rfftfreq(made.values.shape[0], 1 / made.rate_hz)
    near = (bins_hz > 16e3) & (bins_hz < 22e3)
    assert bins_hz[near][spectrum[near].argmax()] == pytest.approx(19e3, abs=1)


def test_a_frame_is_reversals_sync_and_another_text_each_time():
    one, two = programme.frame(7, 0, 4000), programme.frame(7, 1, 4000)
    assert one.shape == (4000,)
    assert np.array_equal(one[:576], np.tile([1.0, 0.0], 288))
    word = "".join(str(int(bit)) for bit in one[576:608])
    assert int(word, 2) == programme.POCSAG_SYNC
    assert np.array_equal(one[:608], two[:608])
    assert 0.4 < np.mean(one[608:] != two[608:]) < 0.6
    assert np.array_equal(one, programme.frame(7, 0, 4000))
    assert (
        programme.frame(7, 0, 3).tolist() == [1.0, 0.0, 0.0] or len(programme.frame(7, 0, 3)) == 3
    )


def test_fsk_stands_on_its_two_frequencies():
    made = programme.fsk2(1, 0, 1200, 1200.0)
    rate_hz = 48e3
    phase = made.turns(np.arange(48_000) / rate_hz) * 4500
    freq_hz = np.diff(phase) * rate_hz
    assert set(np.round(freq_hz[::40][:600]).astype(int)) <= {-4500, 4500}
    middle = freq_hz[20::40]
    assert np.array_equal(middle > 0, programme.frame(1, 0, 1200)[: middle.shape[0]] > 0.5)


def test_four_level_fsk_reaches_its_four_deviations():
    made = programme.fsk4(1, 0, 4800, 4800.0)
    at_symbols = made.values.reshape(-1, 8)[:, 0] * 1944
    levels, counts = np.unique(np.round(at_symbols / 648) * 648, return_counts=True)
    assert levels.tolist() == [-1944.0, -648.0, 648.0, 1944.0]
    assert counts.min() > 1000


def test_on_off_keying_is_on_and_off():
    made = programme.ook(1, 0, 400, 2000.0)
    seconds = (np.arange(400) + 0.5) / 2000.0
    assert np.array_equal(made.value(seconds), programme.frame(1, 0, 400))
