"""The recordings of the repository: complete, small, and their truth is what is in them."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from dsp.iq import to_complex
from sdr.recording import open_recording

FOUND = {
    "voice_210.3M": 1,
    "text_169.0M": 1,
    "handheld_409.8M": 2,
    "buttons_433.92M": 3,
    "bursts_491.2M": 4,
    "paging_536M": 1,
    "quiet_169.0M": 0,
}


@pytest.fixture
def recipe(repository):
    """The module that made them."""
    spec = importlib.util.spec_from_file_location(
        "make_recordings", repository / "recordings" / "make_recordings.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_every_recording_is_here_and_small(repository):
    folder = repository / "recordings"
    sizes = {path.stem: path.stat().st_size for path in folder.glob("*.sigmf-data")}
    assert set(sizes) == set(FOUND)
    assert max(sizes.values()) < 1_000_000
    assert sum(sizes.values()) < 6_000_000


@pytest.mark.parametrize(("name", "count"), FOUND.items())
def test_the_truth_is_in_the_samples(repository, name, count):
    """Inside every box there is 20 dB more than beside it in time; outside of all there is none."""
    with open_recording(repository / "recordings" / f"{name}.sigmf-meta") as recording:
        block = recording.read(recording.num_samples)
        truth = recording.layout.annotations
        center_hz, rate_hz = recording.center_freq_hz, recording.sample_rate_hz
    assert len(truth) == count
    samples = to_complex(block.raw, block.sample_format)
    nfft = 256
    rows = samples[: samples.shape[0] // nfft * nfft].reshape(-1, nfft) * np.hanning(nfft)
    power = np.abs(np.fft.fftshift(np.fft.fft(rows), axes=1)) ** 2
    freqs_hz = center_hz + (np.arange(nfft) - nfft / 2) * rate_hz / nfft
    starts = np.arange(power.shape[0]) * nfft
    unexplained = np.ones(power.shape, dtype=bool)
    unexplained[:, np.abs(freqs_hz - center_hz) < 3 * rate_hz / nfft] = False
    floor = np.median(power)
    for box in truth:
        stop = box.sample_start + box.sample_count
        band = (freqs_hz >= box.low_hz) & (freqs_hz <= box.high_hz)
        on = (starts >= box.sample_start) & (starts + nfft <= stop)
        near = (starts + nfft > box.sample_start - nfft) & (starts < stop + nfft)
        assert power[np.ix_(on, band)].mean() > 100 * floor
        # Hard keying has skirts: 99 % lie in the box, 20 kHz beside it nothing is seen.
        wide = (freqs_hz >= box.low_hz - 20e3) & (freqs_hz <= box.high_hz + 20e3)
        unexplained[np.ix_(near, wide)] = False
    # Exponential noise: one cell in e^18 is 26 times the median.
    assert power[unexplained].max() < 30 * floor


@pytest.mark.parametrize("index", range(len(FOUND)))
def test_they_can_be_made_again(recipe, repository, tmp_path, index):
    case = recipe.CASES[index]
    made = np.fromfile(recipe.make(case, tmp_path).with_suffix(".sigmf-data"), np.uint8)
    kept = np.fromfile(repository / "recordings" / f"{case.name}.sigmf-data", np.uint8)
    # Another processor's sine may round a value differently: one step, here and there.
    difference = np.abs(made.astype(int) - kept)
    assert difference.max() <= 1
    assert np.mean(difference > 0) < 1e-3
