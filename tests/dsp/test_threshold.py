import math

import numpy as np
import pytest
from scipy import stats

from dsp.psd import frame_power
from dsp.quadratic import exceedance, k_eff, segment_correlation, segment_weights
from dsp.threshold import Segments, burst_p_fa, burst_ratio, mean_p_fa, mean_ratio
from dsp.window import window

DWELL = Segments("hann", 0.5, 186, 8)


@pytest.mark.parametrize("k", [1, 2, 8, 23, 100, 178])
@pytest.mark.parametrize("p", [1e-3, 1e-6, 1e-9, 1e-12])
def test_independent_segments_are_gamma(k, p):
    ratio = stats.gamma.isf(p, k, scale=1 / k)
    assert exceedance(np.full(k, 1 / k), ratio) == pytest.approx(p, rel=1e-6)


@pytest.mark.parametrize("k", [8, 23, 100])
@pytest.mark.parametrize("scans", [3, 10, 30, 1000])
@pytest.mark.parametrize("p", [1e-3, 1e-6, 1e-9])
def test_an_estimated_floor_is_the_f_distribution(k, scans, p):
    ratio = stats.f.isf(p, 2 * k, 2 * k * scans)
    weights = np.full(k, 1 / k)
    assert exceedance(weights, ratio, weights, scans) == pytest.approx(p, rel=1e-5)


def test_two_unequal_exponentials_are_the_closed_form():
    a, b = 0.7, 0.3
    for x in (1.0, 2.0, 8.0):
        closed = (a * math.exp(-x / a) - b * math.exp(-x / b)) / (a - b)
        assert exceedance(np.array([a, b]), x) == pytest.approx(closed, rel=1e-4)


def test_weights_are_the_eigenvalues_of_the_segment_correlation():
    rho = segment_correlation("hann", 0.5)
    matrix = np.eye(12) + rho[1] * (np.eye(12, k=1) + np.eye(12, k=-1))
    np.testing.assert_allclose(
        np.sort(segment_weights("hann", 0.5, 12)), np.linalg.eigvalsh(matrix) / 12, rtol=1e-6
    )
    assert segment_weights("hann", 0.75, 50).sum() == pytest.approx(1.0)


def test_k_eff_is_the_published_one():
    assert k_eff("hann", 0.0, 93) == pytest.approx(93, abs=0.1)
    assert k_eff("hann", 0.5, 186) == pytest.approx(178, abs=2.5)
    assert k_eff("hann", 0.75, 371) == pytest.approx(196, abs=8)


@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.75])
def test_the_variance_of_the_mean_is_that_of_real_noise(rng, overlap):
    nfft, segments = 64, 40
    hop = round(nfft * (1 - overlap))
    w = window("hann", nfft)
    means = []
    for _ in range(60):
        samples = rng.standard_normal(2 * (nfft + (segments - 1) * hop) * 1, dtype=np.float32)
        means.append(frame_power(samples.view(np.complex64), w, hop).mean(axis=0))
    relative = np.var(means, axis=0).mean() / np.mean(means) ** 2
    assert 1 / relative == pytest.approx(k_eff("hann", overlap, segments), rel=0.1)


@pytest.mark.parametrize("ratio_of", [(mean_ratio, mean_p_fa), (burst_ratio, burst_p_fa)])
@pytest.mark.parametrize("p", [0.3, 1e-2, 1e-6, 1e-12])
@pytest.mark.parametrize("scans", [10, 30, math.inf])
def test_a_threshold_has_the_probability_it_was_asked_for(ratio_of, p, scans):
    ratio, probability = ratio_of
    assert probability(DWELL, ratio(DWELL, p, scans), scans) == pytest.approx(p, rel=1e-6)


def test_fewer_segments_and_fewer_scans_raise_the_threshold():
    short = Segments("hann", 0.5, 90, 4)
    assert mean_ratio(short, 1e-6) > mean_ratio(DWELL, 1e-6)
    assert mean_ratio(DWELL, 1e-6, 10) > mean_ratio(DWELL, 1e-6, 30) > mean_ratio(DWELL, 1e-6)
    assert burst_ratio(DWELL, 1e-6) > mean_ratio(DWELL, 1e-6)


def test_a_matched_gamma_is_wrong_where_it_matters():
    # The reason for the integral: at 1e-9 the usual Gamma(K_eff) is a quarter off.
    k = DWELL.k_mean
    ratio = mean_ratio(DWELL, 1e-9)
    assert stats.gamma.sf(ratio, k, scale=1 / k) / 1e-9 < 0.85


@pytest.mark.parametrize("p", [0.02, 0.002])
def test_false_alarms_of_real_frames_are_nominal_in_both_looks(rng, p):
    nfft, hop, blocks = 64, 32, 4
    segments = Segments("hann", 0.5, 31, blocks)
    w = window("hann", nfft)
    mean_hits = burst_hits = cells = 0
    for _ in range(400):
        noise = rng.standard_normal((2 * (nfft + 30 * hop) * 8), dtype=np.float32)
        for part in noise.reshape(8, -1):
            frames = frame_power(part.view(np.complex64), w, hop) * nfft / 2 / w.enbw_bins
            edges = np.arange(blocks + 1) * 31 // blocks
            peak = np.max([frames[a:b].mean(0) for a, b in zip(edges, edges[1:])], axis=0)  # noqa: B905, RUF007
            mean_hits += np.sum(frames.mean(axis=0) > mean_ratio(segments, p))
            burst_hits += np.sum(peak > burst_ratio(segments, p))
            cells += nfft
    expected = cells * p
    assert mean_hits == pytest.approx(expected, abs=6 * math.sqrt(expected) * 1.5)
    assert burst_hits == pytest.approx(expected, abs=6 * math.sqrt(expected) * 1.5)


@pytest.mark.parametrize("p", [0.0, 0.6, 1e-16])
def test_impossible_probabilities_are_refused(p):
    with pytest.raises(ValueError, match="p_fa="):
        mean_ratio(DWELL, p)


def test_impossible_segments_are_refused():
    with pytest.raises(ValueError, match="num_segments=0"):
        segment_weights("hann", 0.5, 0)
    with pytest.raises(ValueError, match="overlap=1"):
        segment_correlation("hann", 1.0)
