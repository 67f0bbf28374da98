from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.demod import AUDIO_HZ, carrier_present, channel_hz, cut_channel, demodulate
from dsp.synth import noise
from dsp.values import IQ, Real

RATE_HZ = 2.4e6
OFFSET_HZ = 317.3e3


def fm(seconds: float, tone_hz: float, deviation_hz: float, offset_hz: float = OFFSET_HZ) -> IQ:
    """One tone, frequency modulated, at a tenth of full scale."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    swing = deviation_hz / tone_hz * np.sin(2 * np.pi * tone_hz * t)
    turns = 1j * (2 * np.pi * offset_hz * t + swing)
    return np.asarray(0.1 * np.exp(turns), dtype=np.complex64)


def tone_of(audio: Real, tone_hz: float) -> tuple[float, float]:
    """Amplitude of a tone in the middle half, and the ratio of it to everything else, in dB."""
    middle = audio[len(audio) // 4 : 3 * len(audio) // 4].astype(np.float64)
    t = np.arange(middle.shape[0]) / AUDIO_HZ
    basis = np.stack([np.cos(2 * np.pi * tone_hz * t), np.sin(2 * np.pi * tone_hz * t)])
    found = np.linalg.lstsq(basis.T, middle, rcond=None)[0]
    rest = middle - found @ basis
    return float(np.hypot(*found)), float(10 * np.log10(found @ found / 2 / np.mean(rest**2)))


@pytest.mark.parametrize("tone_hz", [600.0, 1000.0, 2400.0])
def test_fm_reads_its_deviation_after_the_deemphasis(
    rng: np.random.Generator, tone_hz: float
) -> None:
    width_hz = channel_hz(11e3)
    samples = fm(0.5, tone_hz, 2.5e3) + noise(rng, round(0.5 * RATE_HZ), -45.0)
    narrow, rate_hz = cut_channel([samples], RATE_HZ, OFFSET_HZ, width_hz)
    audio = demodulate(narrow, rate_hz, width_hz, "fm")
    amplitude, sinad_db = tone_of(audio, tone_hz)
    expected = 2.5e3 / (width_hz / 2) / math.sqrt(1 + (tone_hz / 300) ** 2)
    assert amplitude == pytest.approx(expected, rel=0.05)
    assert sinad_db > 30
    assert len(audio) == pytest.approx(0.5 * AUDIO_HZ, abs=2)


def test_am_reads_its_depth(rng: np.random.Generator) -> None:
    t = np.arange(round(0.5 * RATE_HZ)) / RATE_HZ
    envelope = 0.1 * (1 + 0.5 * np.cos(2 * np.pi * 1000 * t))
    samples = (envelope * np.exp(2j * np.pi * OFFSET_HZ * t)).astype(np.complex64)
    samples += noise(rng, samples.shape[0], -45.0)
    narrow, rate_hz = cut_channel([samples], RATE_HZ, OFFSET_HZ, 10e3)
    amplitude, sinad_db = tone_of(demodulate(narrow, rate_hz, 10e3, "am"), 1000)
    assert amplitude == pytest.approx(0.5, rel=0.02)
    assert sinad_db > 30


def test_a_stronger_neighbour_is_not_heard() -> None:
    """25 kHz away and 30 dB stronger, as the next channel of a hall full of handhelds."""
    neighbour = np.float32(10**1.5) * fm(0.5, 700.0, 2.5e3, OFFSET_HZ + 25e3)
    samples = fm(0.5, 1000.0, 2.5e3) + neighbour
    narrow, rate_hz = cut_channel([samples], RATE_HZ, OFFSET_HZ, 12.5e3)
    _, sinad_db = tone_of(demodulate(narrow, rate_hz, 12.5e3, "fm"), 1000)
    assert sinad_db > 25


def test_subtones_are_taken_out() -> None:
    narrow, rate_hz = cut_channel([fm(0.5, 100.0, 500.0)], RATE_HZ, OFFSET_HZ, 12.5e3)
    audio = demodulate(narrow, rate_hz, 12.5e3, "fm")
    assert np.abs(audio[2000:-2000]).max() < 0.08 * 0.02


def test_between_two_transmissions_there_is_silence(rng: np.random.Generator) -> None:
    samples = fm(0.9, 1000.0, 2.5e3)
    third = samples.shape[0] // 3
    samples[:third] = samples[2 * third :] = 0
    samples += noise(rng, samples.shape[0], -45.0)
    narrow, rate_hz = cut_channel([samples], RATE_HZ, OFFSET_HZ, 12.5e3)
    present = carrier_present(narrow, rate_hz)
    assert present.mean() == pytest.approx(1 / 3, abs=0.03)
    audio = demodulate(narrow, rate_hz, 12.5e3, "fm")
    assert np.abs(audio[: AUDIO_HZ // 4]).max() < 1e-3
    assert np.abs(audio[-AUDIO_HZ // 5 :]).max() < 1e-3
    assert tone_of(audio[AUDIO_HZ // 3 : 3 * AUDIO_HZ // 5], 1000)[1] > 30


def test_a_carrier_that_never_pauses_is_never_silenced(rng: np.random.Generator) -> None:
    narrow, rate_hz = cut_channel([fm(0.3, 1000.0, 2.5e3)], RATE_HZ, OFFSET_HZ, 12.5e3)
    narrow += noise(rng, narrow.shape[0], -50.0)
    assert carrier_present(narrow[1000:-1000], rate_hz).all()


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 9973), min_size=1, max_size=6))
def test_pieces_of_any_length_give_the_same(sizes: list[int]) -> None:
    samples = fm(0.02, 1000.0, 2.5e3)
    edges = np.cumsum(sizes)
    whole, _ = cut_channel([samples], RATE_HZ, OFFSET_HZ, 12.5e3)
    pieces, _ = cut_channel(np.split(samples, edges), RATE_HZ, OFFSET_HZ, 12.5e3)
    np.testing.assert_allclose(pieces, whole, atol=1e-6)


def test_the_first_sample_stays_where_it_was() -> None:
    """A step in the middle comes out in the middle, whatever the filters."""
    samples = fm(0.1, 1000.0, 0.0, 0.0)
    samples[: samples.shape[0] // 2] = 0
    narrow, rate_hz = cut_channel([samples], RATE_HZ, 0.0, 50e3)
    at = int(np.argmax(np.abs(narrow) > 0.05))
    assert at / rate_hz == pytest.approx(0.05, abs=20e-6)


def test_a_channel_outside_the_receiver_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        cut_channel([], RATE_HZ, 1.198e6, 12.5e3)


def test_nothing_in_nothing_out() -> None:
    narrow, rate_hz = cut_channel([], RATE_HZ, 0.0, 12.5e3)
    assert demodulate(narrow, rate_hz, 12.5e3, "fm").shape == (0,)
