"""Products of a clipped converter against the Fourier series of a clipped sine."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsp.artefact import third_harmonic


@pytest.mark.parametrize("clipped", [0.05, 0.2, 0.5, 0.9])
def test_third_harmonic_of_a_clipped_sine(clipped):
    amplitude = 1 / math.sin((1 - clipped) * math.pi / 2)
    turn = 2 * np.pi * np.arange(1 << 16) / (1 << 16)
    lines = np.abs(np.fft.rfft(np.clip(amplitude * np.sin(turn), -1, 1))) ** 2
    assert third_harmonic(clipped) == pytest.approx(lines[3] / lines[1], rel=1e-2)
