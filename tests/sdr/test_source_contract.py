"""What every source must do, whatever stands behind it."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest

from dsp.iq import SAMPLE_TYPES, to_complex
from sdr.rtl import RtlSource
from sdr.source import BadSource, EndOfRecording, Settings, Source
from sdr.uri import open_source

KINDS = ("rtl", "rtl_tcp", "file", "file-unpaced", "scene", "scene-unpaced")
CENTER_HZ = 100e6


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def source(kind, fake_library, fake_server, cu8_file):
    if kind == "rtl":
        made = RtlSource("", "rtl:", library=fake_library())
    elif kind == "rtl_tcp":
        made = open_source(f"rtl_tcp://127.0.0.1:{fake_server().port}")
    else:
        base, _, unpaced = kind.partition("-")
        target = cu8_file if base == "file" else "quiet"
        made = open_source(f"{base}:{target}" + ("?pace=0" if unpaced else ""))
    with made:
        yield made


def test_says_what_it_is(source, kind):
    assert isinstance(source, Source)
    info = source.info
    assert info.kind == kind.partition("-")[0]
    assert info.serial
    assert info.tuner
    assert info.uri.startswith(info.kind)
    assert info.sample_format in SAMPLE_TYPES
    assert info.freq_low_hz <= CENTER_HZ <= info.freq_high_hz
    assert info.tunable == (info.freq_low_hz < info.freq_high_hz)
    assert list(info.gains_db) == sorted(info.gains_db)


def test_configure_tells_what_is_in_force(source):
    before = source.settings
    assert source.configure() == before
    after = source.configure(gain_db=40.0, sample_rate_hz=before.sample_rate_hz)
    assert isinstance(after, Settings)
    assert after == source.settings
    assert after.sample_rate_hz == pytest.approx(before.sample_rate_hz, rel=1e-6)
    if source.info.gains_db:
        assert after.gain_db == min(source.info.gains_db, key=lambda g: abs(g - 40.0))
    else:
        assert after.gain_db is None


def test_blocks_are_whole_and_contiguous(source):
    assert source.tune(CENTER_HZ) == CENTER_HZ
    rate_hz = source.settings.sample_rate_hz
    blocks = [source.read(count) for count in (4096, 1009, 8192, 1)]
    assert [block.num_samples for block in blocks] == [4096, 1009, 8192, 1]
    for block in blocks:
        assert block.sample_format == source.info.sample_format
        assert block.raw.dtype == SAMPLE_TYPES[block.sample_format]
        assert to_complex(block.raw, block.sample_format).shape == (block.num_samples,)
        assert block.center_freq_hz == CENTER_HZ
        assert block.sample_rate_hz == rate_hz
        assert block.dropped_samples == 0
    for before, after in pairwise(blocks):
        assert after.sample_index == before.sample_index + before.num_samples
        passed_s = (after.time_ns - before.time_ns) / 1e9
        assert passed_s == pytest.approx(before.duration_s, abs=5e-3)


def test_the_raw_array_belongs_to_the_reader(source):
    source.tune(CENTER_HZ)
    first = source.read(4096)
    copy = first.raw.copy()
    first.raw.flags.writeable = False
    source.read(4096)
    assert np.array_equal(first.raw, copy)


def test_real_time_sources_stamp_the_present(source, kind):
    if "unpaced" in kind:
        pytest.skip("unpaced: the stamps are those of the recording or the scene")
    source.tune(CENTER_HZ)
    source.read(4096)
    count = round(0.1 * source.settings.sample_rate_hz)
    block = source.read(count)
    late_s = (time.time_ns() - block.time_ns) / 1e9 - block.duration_s
    assert -0.005 < late_s < 0.15


def test_a_frequency_out_of_reach_is_refused_and_does_no_harm(source):
    source.tune(CENTER_HZ)
    with pytest.raises(BadSource):
        source.tune(6e9)
    assert source.read(1024).center_freq_hz == CENTER_HZ


def test_settings_of_which_one_is_refused_are_not_set_at_all(source):
    before = source.settings
    with pytest.raises(BadSource):
        source.configure(sample_rate_hz=2.048e6, gain_db=0.0, ppm=9999.0)
    assert source.settings == before


def test_a_rate_out_of_reach_is_refused_and_does_no_harm(source):
    rate_hz = source.settings.sample_rate_hz
    with pytest.raises(BadSource) as refused:
        source.configure(sample_rate_hz=500e3)
    assert refused.value.message_id == "source.wrong_rate"
    source.tune(CENTER_HZ)
    assert source.read(1024).sample_rate_hz == rate_hz


def test_another_centre(source):
    source.tune(CENTER_HZ)
    source.read(1024)
    if not source.info.tunable:
        with pytest.raises(BadSource):
            source.tune(CENTER_HZ + 2e6)
        return
    before = source.read(1024)
    assert source.tune(CENTER_HZ + 2e6) == CENTER_HZ + 2e6
    after = source.read(1024)
    assert after.center_freq_hz == CENTER_HZ + 2e6
    assert after.sample_index >= before.sample_index + before.num_samples
    assert after.time_ns > before.time_ns


def test_only_a_recording_ends(source, kind):
    source.tune(CENTER_HZ)
    if not kind.startswith("file"):
        return
    total = 0
    with pytest.raises(EndOfRecording):
        while True:
            total += source.read(50_000).num_samples
    assert total == 125_000


def test_closing_twice_is_allowed(source):
    source.tune(CENTER_HZ)
    source.read(64)
    source.close()
    source.close()
