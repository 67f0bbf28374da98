import numpy as np
import pytest

from dsp.window import COSINES, window


@pytest.mark.parametrize("name", list(COSINES))
@pytest.mark.parametrize("nfft", [440, 1024, 1200])
def test_coherent_gain_is_one_and_taps_are_read_only(name, nfft):
    w = window(name, nfft)
    assert w.taps.sum() == pytest.approx(1.0, abs=1e-5)
    assert w.nfft == nfft
    with pytest.raises(ValueError, match="read-only"):
        w.taps[0] = 1.0


def test_noise_bandwidths_are_harris_table():
    expected = {
        "rectangular": 1.0,
        "hann": 1.5,
        "hamming": 1.36,
        "blackman_harris": 2.0,
        "flat_top": 3.77,
    }
    for name, enbw in expected.items():
        assert window(name, 1024).enbw_bins == pytest.approx(enbw, abs=0.01)


@pytest.mark.parametrize("name", list(COSINES))
def test_a_tone_at_a_bin_centre_ends_at_the_reach(name):
    w = window(name, 256)
    lobe = np.abs(np.fft.fft(w.taps)) ** 2
    assert lobe[w.reach_bins] < 1e-9
    assert lobe[w.reach_bins - 1] > 1e-7


def test_bad_arguments_name_the_value():
    with pytest.raises(ValueError, match="name='hanning'"):
        window("hanning", 1024)
    with pytest.raises(ValueError, match="nfft=4"):
        window("hann", 4)
