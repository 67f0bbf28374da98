"""Clips: bit-exact, findable, hashed, within a quota, and nothing half when the disk is full."""

import hashlib
import json
import os
import shutil
import subprocess

import numpy as np
import pytest

from dsp.values import IQBlock
from sdr.capture import Ring
from sdr.recording import open_recording
from sensors import evidence
from sensors.evidence import Archive, EvidenceFault, Facts, verify

T0 = 1_780_000_000_000_000_000
RATE = 2.4e6
FACTS = Facts(
    site="school-3",
    sensor="school-3/hall",
    emitter="hall-17",
    low_hz=168.994e6,
    high_hz=169.006e6,
    bursts=((T0 + 20_000_000, T0 + 70_000_000),),
    label="2FSK",
    serial="00000001",
    tuner="R820T",
    gain_db=40.2,
    baseline="ab" * 32,
    threshold_dbfs=-71.5,
)


@pytest.fixture(autouse=True)
def small_reserve(monkeypatch):
    monkeypatch.setattr(evidence, "RESERVE_BYTES", 1 << 20)


def blocks(seed=1, count=10, num_samples=24_000, skip=0, start_ns=T0):
    rng = np.random.default_rng(seed)
    made = []
    for n in range(count):
        index = n * (num_samples + skip)
        raw = rng.integers(0, 256, 2 * num_samples, dtype=np.uint8)
        time_ns = start_ns + round(index / RATE * 1e9)
        made.append(IQBlock(raw, "cu8", 169.3e6, RATE, time_ns, index))
    return made


def test_a_clip_holds_the_very_bytes_and_says_everything(tmp_path):
    ring = Ring()
    for block in blocks():
        ring.push(block)
    clip = Archive(tmp_path).keep(FACTS, ring.extract(0, 2 * T0))
    assert clip.data.read_bytes() == b"".join(b.raw.tobytes() for b in blocks())
    assert clip.num_samples == 240_000
    assert clip.deleted == ()
    meta = json.loads(clip.meta.read_text())
    assert meta["global"]["core:hw"] == "R820T 00000001"
    whole, burst = meta["annotations"]
    assert json.loads(whole["core:comment"])["gain_db"] == 40.2
    assert json.loads(whole["core:comment"])["baseline"] == "ab" * 32
    assert (burst["core:sample_start"], burst["core:sample_count"]) == (48_000, 120_000)
    assert burst["core:label"] == "2FSK"


def test_a_clip_can_be_read_back_as_a_recording(tmp_path):
    clip = Archive(tmp_path).keep(FACTS, blocks())
    with open_recording(clip.meta) as recording:
        assert recording.center_freq_hz == 169.3e6
        block = recording.read(1000)
    assert block.time_ns == T0
    np.testing.assert_array_equal(block.raw, blocks()[0].raw[:2000])


def test_what_was_received_elsewhere_is_a_gap_in_the_clip(tmp_path):
    clip = Archive(tmp_path).keep(FACTS, blocks(skip=100_000))
    assert clip.dropped_samples == 9 * 100_000
    captures = json.loads(clip.meta.read_text())["captures"]
    assert [c["core:sample_start"] for c in captures] == [24_000 * n for n in range(10)]
    assert [c["core:global_index"] for c in captures] == [124_000 * n for n in range(10)]


def test_bursts_find_their_samples_across_gaps(tmp_path):
    made = blocks(count=2, skip=100_000)
    second_ns = made[1].time_ns
    facts = Facts("s", "s/a", "e", 169e6, 169.1e6, bursts=((second_ns + 10_000, 2 * T0),))
    clip = Archive(tmp_path).keep(facts, made)
    burst = json.loads(clip.meta.read_text())["annotations"][-1]
    assert (burst["core:sample_start"], burst["core:sample_count"]) == (24_024, 23_976)


def test_hashes_can_be_checked_with_ordinary_tools(tmp_path):
    clip = Archive(tmp_path).keep(FACTS, blocks())
    assert verify(clip.manifest) == []
    assert clip.manifest_sha256 == hashlib.sha256(clip.manifest.read_bytes()).hexdigest()
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum here")
    subprocess.run(
        ["sha256sum", "-c", clip.manifest.name], cwd=clip.manifest.parent, check=True, timeout=20
    )


def test_one_flipped_bit_is_found_and_named(tmp_path):
    clip = Archive(tmp_path).keep(FACTS, blocks())
    data = bytearray(clip.data.read_bytes())
    data[12_345] ^= 1
    clip.data.write_bytes(data)
    assert verify(clip.manifest) == [clip.data.name]
    clip.meta.unlink()
    assert verify(clip.manifest) == [clip.data.name, clip.meta.name]


def test_the_quota_takes_the_oldest_and_reports_it(tmp_path):
    size = 10 * 48_000
    archive = Archive(tmp_path, quota_bytes=3 * size)
    kept = [archive.keep(FACTS, blocks(start_ns=T0 + n * 10**9)) for n in range(5)]
    assert [len(clip.deleted) for clip in kept] == [0, 0, 0, 1, 1]
    assert kept[3].deleted[0].name == kept[0].data.stem
    assert kept[3].deleted[0].num_bytes == size
    assert [clip.data.exists() for clip in kept] == [False, False, True, True, True]
    assert all(clip.manifest.exists() for clip in kept)
    assert verify(kept[0].manifest) == [kept[0].data.name, kept[0].meta.name]


def test_what_went_is_told_even_when_the_new_clip_could_not_be_written(tmp_path, monkeypatch):
    size = 10 * 48_000
    archive = Archive(tmp_path, quota_bytes=size)
    first = archive.keep(FACTS, blocks())

    def full(_fd, _start, _size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(EvidenceFault) as caught:
        archive.keep(FACTS, blocks(start_ns=T0 + 10**9))
    assert [gone.name for gone in caught.value.deleted] == [first.data.stem]


def test_a_clip_larger_than_the_quota_is_kept_all_the_same(tmp_path):
    """It is the newest evidence; the quota is restored by the next one."""
    archive = Archive(tmp_path, quota_bytes=1000)
    assert archive.keep(FACTS, blocks()).data.exists()


def test_a_full_disk_is_one_clear_fault_and_leaves_nothing_half(tmp_path, monkeypatch):
    def full(_fd, _start, _size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(EvidenceFault, match="No space left") as caught:
        Archive(tmp_path).keep(FACTS, blocks())
    assert caught.value.message_id == "evidence.refused"
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_real_file_size_limit_while_writing_leaves_nothing_half(tmp_path):
    """Beyond the limit the kernel refuses every write, as a full disk does."""
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "import tests.sensors.test_evidence as t; from sensors import evidence\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "evidence.os.posix_fallocate = lambda *a: None\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        f"    t.Archive(Path({str(tmp_path)!r})).keep(t.FACTS, t.blocks())\n"
        "except t.EvidenceFault as fault:\n"
        "    print(fault)\n"
    )
    done = subprocess.run(
        [os.sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "File too large" in done.stdout
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_drill_is_marked_everywhere(tmp_path):
    facts = Facts("s", "s/a", "e", 169e6, 169.1e6, drill=True)
    clip = Archive(tmp_path).keep(facts, blocks(count=1))
    assert "drill" in clip.data.name
    meta = json.loads(clip.meta.read_text())
    assert meta["global"]["core:description"].startswith("DRILL")
    assert json.loads(meta["annotations"][0]["core:comment"])["drill"] is True


def test_names_cannot_leave_the_folder(tmp_path):
    facts = Facts("s", "s/a", "../../etc/passwd", 169e6, 169.1e6)
    clip = Archive(tmp_path).keep(facts, blocks(count=1))
    assert clip.data.resolve().is_relative_to(tmp_path.resolve())


def test_no_samples_is_a_programming_error(tmp_path):
    with pytest.raises(ValueError, match="without samples"):
        Archive(tmp_path).keep(FACTS, [])
