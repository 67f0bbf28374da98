"""Evidence from before the first symbol, bounded, never in the way of the walk."""

import json
import threading

import numpy as np
import pytest

from dsp.signals import Emitter
from dsp.values import Dwell, Grid, IQBlock
from sensors import evidence
from sensors.evidence import Archive, EvidenceFault, Facts
from sensors.keeper import MAX_OPEN, Keeper

T0 = 1_780_000_000_000_000_000
RATE = 240e3
NUM = 9_600
CENTER = 169e6
S = 1_000_000_000


@pytest.fixture(autouse=True)
def small_reserve(monkeypatch):
    monkeypatch.setattr(evidence, "RESERVE_BYTES", 1 << 20)


def block(second, center_freq_hz=CENTER):
    index = round(second * RATE)
    raw = np.full(2 * NUM, index // NUM % 251, dtype=np.uint8)
    return IQBlock(raw, "cu8", center_freq_hz, RATE, T0 + round(second * S), index)


def dwell(second, center_freq_hz=CENTER):
    empty = np.ones(4, dtype=np.float32)
    return Dwell(
        hop=0,
        grid=Grid(center_freq_hz, 234.0, 4),
        mean=empty,
        peak=empty,
        rbw_hz=350.0,
        time_ns=T0 + round(second * S),
        duration_s=NUM / RATE,
        num_segments=10,
        num_blocks=1,
        center_freq_hz=center_freq_hz,
    )


def emitter(number, first, last, phase="active", freq_hz=169.01e6):
    first_ns, last_ns = T0 + round(first * S), T0 + round(last * S)
    return Emitter(
        number=number,
        phase=phase,
        center_freq_hz=freq_hz,
        bandwidth_hz=12_500.0,
        snr_db=30.0,
        excess_db=30.0,
        peak_dbfs=-30.0,
        first_seen_ns=first_ns,
        last_seen_ns=last_ns,
        sightings=1,
        dwells=1,
        on_s=0.04,
    )


class Walk:
    """A dongle that stares, with emitters on the air at given times."""

    def __init__(self, keeper):
        self.keeper, self.second = keeper, 0.0
        self.first = {}

    def run(self, until, on=()):
        """Walk on; ``on`` is (number, start, stop) in seconds."""
        while self.second < until:
            self.keeper.hear(block(self.second))
            seen = []
            for number, start, stop in on:
                if start <= self.second < stop:
                    phase = "active" if number in self.first else "new"
                    first = self.first.setdefault(number, self.second)
                    seen.append(emitter(number, first, self.second + 0.04, phase))
            self.keeper.follow(seen, dwell(self.second))
            self.second = round(self.second + 0.04, 3)


@pytest.fixture
def keeper(tmp_path):
    keeper = Keeper(Archive(tmp_path), Facts("s", "s/hall", "", 0, 0, gain_db=40.2))
    yield keeper
    keeper.close()


def samples(clip):
    return np.fromfile(clip.data, dtype=np.uint8)


def test_a_clip_begins_before_the_first_symbol_and_ends_after_the_last(keeper):
    walk = Walk(keeper)
    walk.run(14.0, on=[(1, 8.0, 10.0)])
    (kept,) = keeper.close()
    clip = kept.clip
    assert kept.emitter == 1
    assert (clip.start_ns - T0) / S == pytest.approx(3.0, abs=0.04)
    assert (clip.stop_ns - T0) / S == pytest.approx(12.0, abs=0.1)
    assert clip.dropped_samples == 0
    # Every block, once, in order.
    expected = np.repeat(np.arange(round(3.0 / 0.04), round(3.0 / 0.04) + 300) % 251, 2 * NUM)
    got = samples(clip)
    np.testing.assert_array_equal(got[: 200 * 2 * NUM], expected[: 200 * 2 * NUM])
    whole, burst = json.loads(clip.meta.read_text())["annotations"]
    assert whole["core:label"] == "s/hall-1"
    assert whole["core:freq_lower_edge"] == 169.01e6 - 6250
    assert burst["core:sample_start"] / RATE == pytest.approx(5.0, abs=0.05)
    assert burst["core:sample_count"] / RATE == pytest.approx(2.0, abs=0.05)


def test_separate_bursts_get_separate_annotations(keeper):
    walk = Walk(keeper)
    walk.run(14.0, on=[(1, 8.0, 8.5), (1, 9.5, 10.0)])
    (kept,) = keeper.close()
    annotations = json.loads(kept.clip.meta.read_text())["annotations"]
    assert len(annotations) == 3


def test_a_long_emission_ends_at_the_longest_clip(tmp_path):
    keeper = Keeper(Archive(tmp_path), Facts("s", "s/hall", "", 0, 0), longest_s=8.0)
    walk = Walk(keeper)
    walk.run(30.0, on=[(1, 8.0, 30.0)])
    (kept,) = keeper.close()
    assert (kept.clip.stop_ns - kept.clip.start_ns) / S == pytest.approx(8.0, abs=0.1)


def test_an_emitter_that_comes_back_is_kept_again_but_not_for_ever(keeper):
    walk = Walk(keeper)
    walk.run(80.0, on=[(1, at, at + 1.0) for at in (8, 20, 32, 44, 56, 68)])
    assert len(keeper.close()) == 3


def test_other_centres_do_not_get_into_a_clip_and_are_a_gap(keeper):
    for n in range(100):
        keeper.hear(block(n * 0.04, CENTER if n % 2 else CENTER + 2e6))
    keeper.follow([emitter(1, 3.96, 4.0, "new")], dwell(3.96))
    (kept,) = keeper.close()
    assert kept.clip.num_samples == 50 * NUM
    assert kept.clip.dropped_samples == 49 * NUM


def test_too_many_at_once_are_left_out_and_counted(keeper):
    walk = Walk(keeper)
    walk.run(8.2, on=[(n, 8.0, 9.0) for n in range(MAX_OPEN + 3)])
    assert keeper.left_out == 3
    assert len(keeper.close()) == MAX_OPEN


def test_memory_is_bounded(tmp_path):
    keeper = Keeper(
        Archive(tmp_path), Facts("s", "s/hall", "", 0, 0), longest_s=1e6, max_bytes=2_000_000
    )
    walk = Walk(keeper)
    walk.run(30.0, on=[(1, 8.0, 30.0)])
    (kept,) = keeper.close()
    assert samples(kept.clip).nbytes <= 2_000_000 + 4 * NUM


def test_a_slow_disk_never_stops_the_walk(tmp_path, monkeypatch):
    gate = threading.Event()
    archive = Archive(tmp_path)
    keep = archive.keep

    def slow(facts, blocks):
        gate.wait(20)
        return keep(facts, blocks)

    monkeypatch.setattr(archive, "keep", slow)
    keeper = Keeper(archive, Facts("s", "s/hall", "", 0, 0), after_s=0.2)
    walk = Walk(keeper)
    walk.run(30.0, on=[(n, 5.0 + n, 5.2 + n) for n in range(10)])
    assert keeper.results() == []
    assert keeper.left_out == 10 - 3  # one with the disk, two waiting
    gate.set()
    assert len(keeper.close()) == 3


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    archive = Archive(tmp_path)

    def full(_facts, _blocks):
        raise EvidenceFault("evidence.refused", path="x", reason="full")

    monkeypatch.setattr(archive, "keep", full)
    keeper = Keeper(archive, Facts("s", "s/hall", "", 0, 0))
    Walk(keeper).run(12.0, on=[(1, 8.0, 8.5)])
    (kept,) = keeper.close()
    assert kept.clip is None
    assert kept.fault.fields["reason"] == "full"


@pytest.mark.parametrize(
    ("start", "until", "got"),
    [(-2, -1, (-2, -1)), (-2, 1, (-2, 1)), (1, 2, (1, 2)), (-99, -90, None)],
)
def test_a_window_that_was_asked_for_has_its_samples_and_no_others(keeper, start, until, got):
    walk = Walk(keeper)
    walk.run(10.0)
    ask_s = T0 + 10 * S
    keeper.ask(-7, CENTER + 10e3, ask_s + start * S, ask_s + until * S)
    walk.run(15.0)
    (kept,) = keeper.close()
    assert kept.emitter == -7
    if got is None:
        assert kept.clip is None
        assert kept.fault.message_id == "record.nothing_held"
    else:
        assert (kept.clip.start_ns - ask_s) / S == pytest.approx(got[0], abs=0.041)
        assert (kept.clip.stop_ns - ask_s) / S == pytest.approx(got[1], abs=0.041)
        assert kept.clip.dropped_samples == 0


def test_a_window_that_was_asked_for_waits_for_a_slow_disk(tmp_path, monkeypatch):
    free = threading.Event()
    keep = Archive.keep

    def slow(self, facts, blocks):
        assert free.wait(20)
        return keep(self, facts, blocks)

    monkeypatch.setattr(Archive, "keep", slow)
    keeper = Keeper(Archive(tmp_path), Facts("s", "s/hall", "", 0, 0, gain_db=40.2))
    walk = Walk(keeper)
    walk.run(8.0, on=[(1, 1, 1.2), (2, 1, 1.2), (3, 1, 1.2)])  # all that may wait, and one more
    keeper.ask(-7, CENTER, T0 + 7 * S, T0 + 8 * S)
    walk.run(10.0)
    assert not [one for one in keeper.results() if one.emitter == -7]
    free.set()
    walk.run(12.0)
    assert {one.emitter: one.clip is not None for one in keeper.close()}[-7]
