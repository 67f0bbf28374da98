"""Writing recordings: readable by us and by the `sigmf` package, whatever happens while writing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import sigmf
from sigmf import sigmffile

from dsp.values import IQBlock
from sdr.recorder import Recorder, datetime_of
from sdr.recording import Annotation, open_recording
from sdr.sigmf_layout import time_ns_of
from sdr.source import BadSource

FULL = Path("/dev/full")
START_NS = 1_780_794_000_123_456_789


def block(raw, sample_format="cu8", index=0, dropped=0, center_hz=169e6):
    return IQBlock(
        raw, sample_format, center_hz, 1e6, START_NS + index * 1000, 5000 + index, dropped
    )


@pytest.mark.parametrize(
    ("sample_format", "kind"), [("cu8", "u1"), ("cs8", "i1"), ("ci16", "<i2"), ("cf32", "<f4")]
)
def test_what_was_written_is_read(tmp_path, rng, sample_format, kind):
    raw = rng.integers(-100, 100, 400).astype(kind)
    with Recorder(tmp_path / "a", description="hall", hardware="R820T 1") as recorder:
        recorder.write(block(raw[:200], sample_format))
        recorder.write(block(raw[200:], sample_format, 100))
        recorder.annotate(Annotation(50, 20, 168.9e6, 169.1e6, "late"))
        recorder.annotate(Annotation(10, 20, 168.9e6, 169.1e6, "text", "2FSK"))
    with open_recording(recorder.meta_path) as opened:
        got = opened.read(1000)
        layout = opened.layout
    assert np.array_equal(got.raw, raw)
    assert (got.sample_format, got.center_freq_hz, got.sample_rate_hz) == (
        sample_format,
        169e6,
        1e6,
    )
    assert got.time_ns == START_NS
    assert (layout.hardware, layout.description) == ("R820T 1", "hall")
    assert [one.label for one in layout.annotations] == ["text", "late"]
    assert layout.annotations[0] == Annotation(10, 20, 168.9e6, 169.1e6, "text", "2FSK")


def test_the_sigmf_package_accepts_it(tmp_path, rng):
    raw = rng.integers(0, 256, 400, np.uint8)
    with Recorder(tmp_path / "a") as recorder:
        recorder.write(block(raw))
    read = sigmffile.fromfile(str(recorder.meta_path), autoscale=False)  # checks the hash too
    read.validate()
    assert isinstance(read, sigmf.SigMFFile)
    assert read.sample_count == 200
    assert read.get_global_info()["core:recorder"].startswith("rfproctor")


def test_the_gain_is_a_field_of_its_own(tmp_path, rng):
    raw = rng.integers(0, 256, 400, np.uint8)
    with Recorder(tmp_path / "a", gain_db=40.2) as recorder:
        recorder.write(block(raw))
        recorder.write(block(raw, index=1100, dropped=1000))
    sigmffile.fromfile(str(recorder.meta_path), autoscale=False).validate()
    with open_recording(recorder.meta_path) as opened:
        assert opened.layout.gain_db == 40.2
    with Recorder(tmp_path / "b") as silent:
        silent.write(block(raw))
    with open_recording(silent.meta_path) as opened:
        assert opened.layout.gain_db is None


def test_lost_samples_become_captures(tmp_path):
    raw = np.zeros(200, np.uint8)
    with Recorder(tmp_path / "a") as recorder:
        recorder.write(block(raw))
        recorder.write(block(raw, index=1100, dropped=1000))
        recorder.write(block(raw, index=1200))
    assert (recorder.num_samples, recorder.dropped_samples) == (300, 1000)
    with open_recording(tmp_path / "a.sigmf-data") as opened:
        first, second = opened.read(1000), opened.read(1000)
    assert (first.num_samples, first.dropped_samples) == (100, 0)
    assert (second.num_samples, second.dropped_samples) == (200, 1000)
    assert second.sample_index - first.sample_index == 1100
    assert second.time_ns == START_NS + 1100 * 1000


def test_after_a_crash_the_samples_can_be_saved(tmp_path, rng):
    raw = rng.integers(0, 256, 2**17, np.uint8)
    recorder = Recorder(tmp_path / "a")
    recorder.write(block(raw))
    recorder.write(block(raw, index=2**16 + 500, dropped=500))
    assert not recorder.meta_path.exists()
    with pytest.raises(BadSource) as error:
        open_recording(tmp_path / "a.sigmf-data")
    assert error.value.message_id == "source.meta_part"
    part = tmp_path / error.value.fields["part"]
    recorder._file.close()  # what the system has when the process is killed a moment later
    part.rename(recorder.meta_path)
    with open_recording(recorder.meta_path) as opened:
        assert np.array_equal(opened.read(2**16).raw, raw)
        assert opened.read(2**16).dropped_samples == 500


def test_nothing_recorded_leaves_nothing(tmp_path):
    with Recorder(tmp_path / "a"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_taken_name_is_refused_and_left_alone(tmp_path):
    (tmp_path / "a.sigmf-data").write_bytes(b"precious")
    with pytest.raises(BadSource) as error:
        Recorder(tmp_path / "a.sigmf-meta")
    assert error.value.message_id == "source.exists"
    assert (tmp_path / "a.sigmf-data").read_bytes() == b"precious"
    with Recorder(tmp_path / "a", overwrite=True) as recorder:
        recorder.write(block(np.zeros(200, np.uint8)))
    assert recorder.meta_path.exists()


def test_a_folder_that_is_missing_is_said(tmp_path):
    with pytest.raises(BadSource) as error:
        Recorder(tmp_path / "none" / "a")
    assert error.value.message_id == "source.write_failed"


def test_a_full_disk_is_said(tmp_path):
    if not FULL.exists():
        pytest.skip("no /dev/full here")
    (tmp_path / "a.sigmf-data").symlink_to(FULL)
    recorder = Recorder(tmp_path / "a", overwrite=True)
    with pytest.raises(BadSource) as error:
        for _ in range(100):
            recorder.write(block(np.zeros(2**17, np.uint8)))
    assert error.value.message_id == "source.write_failed"
    with pytest.raises(BadSource):
        recorder.close()
    recorder.close()
    assert not recorder.meta_path.exists()


def test_blocks_that_do_not_continue_are_refused(tmp_path):
    with Recorder(tmp_path / "a") as recorder:
        recorder.write(block(np.zeros(200, np.uint8)))
        with pytest.raises(ValueError, match="continue"):
            recorder.write(block(np.zeros(200, np.uint8), center_hz=170e6))


def test_dates_keep_every_nanosecond(tmp_path):
    assert time_ns_of(datetime_of(START_NS)) == START_NS
    with Recorder(tmp_path / "a") as recorder:
        recorder.write(block(np.zeros(200, np.uint8)))
    meta = json.loads(recorder.meta_path.read_text())
    assert meta["captures"][0]["core:datetime"] == "2026-06-07T01:00:00.123456789Z"
