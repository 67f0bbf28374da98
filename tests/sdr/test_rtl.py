"""The dongle's driver against a library that goes short, refuses and vanishes."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest

from sdr import rtl
from sdr.bus import load_library
from sdr.rtl import RtlSource
from sdr.source import (
    BadSource,
    DeviceBusy,
    DeviceLost,
    DeviceNotFound,
    TunerNotLocked,
)


@pytest.fixture
def opened(fake_library):
    """A dongle with its library; whatever the test does, the library must be left clean."""
    library = fake_library()
    source = RtlSource("", "rtl:", library=library)
    yield source, library
    source.close()
    assert library.opened == 0
    assert not library.streaming


@pytest.mark.parametrize(
    ("serials", "wanted", "error", "message_id"),
    [
        ([], "", DeviceNotFound, "source.no_dongle"),
        (["a", "b"], "", BadSource, "source.several_dongles"),
        (["a", "b"], "c", DeviceNotFound, "source.no_such_dongle"),
        (["a", "a", "b"], "a", BadSource, "source.duplicate_serial"),
        (["unreadable"], "a", DeviceBusy, "source.dongle_access"),
    ],
)
def test_which_dongle(fake_library, serials, wanted, error, message_id):
    library = fake_library()
    library.serials = serials
    with pytest.raises(error) as refused:
        RtlSource(wanted, f"rtl:{wanted}", library=library)
    assert refused.value.message_id == message_id
    assert library.opened == 0


def test_the_wanted_serial_is_opened(fake_library):
    library = fake_library("a", "b", "c")
    with RtlSource("b", "rtl:b", library=library) as source:
        assert source.info.serial == "b"
    assert ("open", (1,)) in library.calls


@pytest.mark.parametrize(
    ("code", "error", "message_id"),
    [
        (-3, DeviceBusy, "source.dongle_access"),
        (-6, DeviceBusy, "source.dongle_busy"),
        (-4, DeviceNotFound, "source.no_dongle"),
        (-1, DeviceLost, "source.control_failed"),
    ],
)
def test_why_it_does_not_open(fake_library, code, error, message_id):
    library = fake_library()
    library.codes["open"] = code
    with pytest.raises(error) as refused:
        RtlSource("", "rtl:", library=library)
    assert refused.value.message_id == message_id


def test_a_dongle_without_a_tuner_is_refused_and_released(fake_library):
    library = fake_library()
    library.codes["get_tuner_type"] = 0
    with pytest.raises(DeviceLost) as refused:
        RtlSource("", "rtl:", library=library)
    assert refused.value.message_id == "source.no_tuner"
    assert library.opened == 0


@pytest.mark.parametrize(
    "fault",
    [
        AttributeError("undefined symbol: rtlsdr_set_dithering"),
        ImportError("Error loading librtlsdr"),
        OSError("wrong ELF class"),
    ],
)
def test_a_wrong_library_is_named(monkeypatch, fault):
    class Loader:
        def find_spec(self, name, path=None, target=None):
            if name.startswith("rtlsdr"):
                raise fault

    for name in [name for name in sys.modules if name.startswith("rtlsdr")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Loader(), *sys.meta_path])
    with pytest.raises(BadSource) as refused:
        load_library()
    assert refused.value.message_id == "source.wrong_library"
    assert str(fault) in str(refused.value)


def test_manual_gain_with_both_gain_controls_off(opened):
    source, library = opened
    assert source.configure(gain_db=38.0).gain_db == 40.2
    assert ("set_agc_mode", (0,)) in library.calls
    gained = [call for call in library.calls if "gain" in call[0]]
    assert gained[-2:] == [("set_tuner_gain_mode", (1,)), ("set_tuner_gain", (402,))]


def test_the_gain_that_is_told_is_the_one_read_back(opened):
    source, library = opened
    library.rtlsdr_get_tuner_gain = lambda device: 397
    assert source.configure(gain_db=40.2).gain_db == 39.7


def test_the_true_rate_is_told(opened):
    source, _ = opened
    assert source.configure(sample_rate_hz=2_400_000).sample_rate_hz == pytest.approx(2.4e6)
    odd = source.configure(sample_rate_hz=1_234_567).sample_rate_hz
    assert odd != 1_234_567
    assert odd == pytest.approx(1_234_567, rel=1e-5)


def test_ppm_goes_whole_into_the_chip_and_the_rest_into_the_frequency(opened):
    source, library = opened
    assert source.configure(ppm=12.25).ppm == 12.25
    assert library.calls[-1] == ("set_freq_correction", (12,))
    assert source.tune(400e6) == 400e6
    assert ("set_center_freq", (400_000_000 - 100,)) in library.calls


def test_an_unchanged_ppm_is_not_sent(opened):
    source, library = opened
    library.codes["set_freq_correction"] = -2  # what librtlsdr says to a value it has already
    source.configure(ppm=0.0)
    source.configure(ppm=0.4)
    assert "set_freq_correction" not in library.names()


@pytest.mark.parametrize("ppm", [301, -1e6, float("nan")])
def test_a_mad_ppm_is_refused(opened, ppm):
    source, _ = opened
    with pytest.raises(BadSource):
        source.configure(ppm=ppm)


def test_no_sample_of_the_old_frequency_after_a_retune(opened, stale_code):
    source, _ = opened
    source.settle_s = 0.0
    for number in range(12):
        freq_hz = 100e6 + 3e6 * (number % 4)
        source.tune(freq_hz)
        block = source.read(4096)
        assert block.center_freq_hz == freq_hz
        # What the double made before it heard of the new frequency is in the transfer that
        # was under way: the clock must have left it out but for its last moment.
        assert np.mean(block.raw == stale_code(freq_hz)) > 0.9
        assert np.all(source.read(4096).raw == stale_code(freq_hz))


def test_settling_time_is_left_out(opened):
    source, _ = opened
    source.tune(100e6)
    source.read(1024)
    source.settle_s = 0.1
    started_ns = time.time_ns()
    source.tune(200e6)
    assert source.read(1024).time_ns - started_ns == pytest.approx(0.1e9, abs=0.03e9)


def test_a_tuner_that_does_not_lock_costs_the_hop_and_not_the_dongle(opened):
    source, library = opened
    library.unlocked = lambda freq_hz: freq_hz == 500_000_000
    with pytest.raises(TunerNotLocked) as refused:
        source.tune(500e6)
    assert refused.value.fields["freq"] == "500 MHz"
    with pytest.raises(TunerNotLocked):
        source.read(64)  # these samples would be of no known frequency
    assert source.tune(300e6) == 300e6
    assert source.read(1024).center_freq_hz == 300e6


def test_a_dongle_that_cannot_be_asked_is_not_taken_for_unlocked(opened):
    source, library = opened
    library.unlocked = lambda freq_hz: True
    library.codes |= {"set_center_freq": -1, "set_tuner_gain_mode": -1}
    with pytest.raises(DeviceLost) as lost:
        source.tune(500e6)
    assert lost.value.message_id == "source.control_failed"


def test_a_library_that_tells_the_lock_by_its_code(opened):
    source, library = opened
    library.unlocked = lambda freq_hz: True
    library.codes["set_center_freq"] = -1
    with pytest.raises(TunerNotLocked):
        source.tune(500e6)


def test_the_gain_outlives_a_frequency_that_does_not_lock(opened):
    """Asking whether the dongle still obeys puts the driver's gain to zero."""
    source, library = opened
    source.configure(gain_db=40.2)
    library.unlocked = lambda freq_hz: True
    with pytest.raises(TunerNotLocked):
        source.tune(500e6)
    gained = [call for call in library.calls if "gain" in call[0]]
    assert gained[-1] == ("set_tuner_gain", (402,))


def test_a_lock_at_the_second_try_is_enough(opened):
    source, library = opened
    tries = iter([True, False])
    library.unlocked = lambda freq_hz: next(tries)
    assert source.tune(500e6) == 500e6


def test_a_library_that_cannot_tell_the_lock_is_believed(fake_library, monkeypatch):
    monkeypatch.delattr(fake_library, "rtlsdr_is_tuner_PLL_locked")
    with RtlSource("", "rtl:", library=fake_library()) as source:
        assert source.tune(500e6) == 500e6


def test_another_correction_moves_the_sample_clock_and_is_no_loss(opened, monkeypatch):
    source, _ = opened
    retimed = []
    monkeypatch.setattr(rtl.SampleStream, "retime", lambda stream: retimed.append(stream))
    source.configure(ppm=40.0)  # nothing flows yet
    source.read(1024)
    source.configure(ppm=40.4)  # in the frequency only
    assert retimed == []
    source.configure(ppm=41.0)
    assert len(retimed) == 1


def test_one_failed_control_transfer_is_tried_again(opened):
    source, library = opened
    library.codes["set_center_freq"] = [-9]
    assert source.tune(500e6) == 500e6


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("set_center_freq", lambda source: source.tune(500e6)),
        ("set_tuner_gain", lambda source: source.configure(gain_db=20.7)),
        ("set_sample_rate", lambda source: source.configure(sample_rate_hz=1e6)),
        ("set_freq_correction", lambda source: source.configure(ppm=5)),
        ("reset_buffer", lambda source: source.read(64)),
    ],
)
def test_a_dongle_that_does_not_obey_is_closed_and_named(opened, name, act):
    source, library = opened
    library.codes[name] = -9
    with pytest.raises(DeviceLost) as lost:
        act(source)
    assert lost.value.message_id == "source.control_failed"
    assert lost.value.fields["action"] == name
    assert library.opened == 0
    with pytest.raises(DeviceLost):
        source.tune(100e6)
    with pytest.raises(DeviceLost):
        source.read(64)


def test_a_dongle_whose_control_transfers_time_out_is_left_at_once(fake_library, monkeypatch):
    """Each further question, and `rtlsdr_close` asks many, would take a third of a second."""
    library = fake_library()
    source = RtlSource("", "rtl:", library=library)
    source.tune(100e6)
    source.read(1024)
    monkeypatch.setattr(rtl, "TUNE_LIMIT_S", 0.0)
    library.codes["set_center_freq"] = -7
    library.calls.clear()
    with pytest.raises(DeviceLost) as lost:
        source.tune(500e6)
    assert lost.value.message_id == "source.control_failed"
    assert library.names() == ["set_center_freq"], "asked once"
    assert library.opened == 1, "not closed: the end of the process does that"
    assert not library.streaming
    source.close()
    assert library.opened == 1


def test_a_stall_is_waited_for_once(opened):
    """The next visit has been asked for when the first one finds nothing."""
    source, library = opened
    source.tune(100e6)
    source.read(1024)
    library.silent = True
    with pytest.raises(DeviceLost):
        source.begin(2_400_000)
    started = time.monotonic()
    with pytest.raises(DeviceLost) as lost:
        source.begin(2_400_000)
    assert time.monotonic() - started < 0.2
    assert lost.value.message_id == "source.dongle_silent"


def test_a_stalled_dongle_in_a_library_that_hangs_is_given_up_soon(fake_library, monkeypatch):
    library = fake_library()
    source = RtlSource("", "rtl:", library=library)
    source.tune(100e6)
    source.read(1024)
    library.silent = True
    monkeypatch.setattr(library, "rtlsdr_cancel_async", lambda device: 0)
    started = time.monotonic()
    with pytest.raises(DeviceLost):
        source.read(2_400_000)
    assert time.monotonic() - started < 2.5, "a second of patience, and no four of cancelling"
    library.cancelled.set()


def test_a_tune_that_takes_seconds_is_a_fault_of_the_dongle(opened, monkeypatch):
    source, library = opened
    library.unlocked = lambda freq_hz: True
    monkeypatch.setattr(rtl, "TUNE_LIMIT_S", 0.0)
    with pytest.raises(DeviceLost) as lost:
        source.tune(500e6)
    assert lost.value.message_id == "source.control_failed"


def test_a_dongle_that_is_pulled_out_while_reading(opened):
    source, library = opened
    source.tune(100e6)
    source.read(1024)
    library.gone = True
    with pytest.raises(DeviceLost) as lost:
        source.read(2_400_000)
    assert lost.value.message_id == "source.dongle_lost"
    assert library.opened == 0


def test_a_dongle_that_is_pulled_out_before_tuning(opened):
    source, library = opened
    source.tune(100e6)
    source.read(1024)
    library.gone = True
    with pytest.raises(DeviceLost) as lost:
        source.tune(200e6)
    assert lost.value.message_id == "source.dongle_lost"


def test_a_stall_is_noticed_in_time(opened):
    source, library = opened
    source.tune(100e6)
    source.read(1024)
    library.silent = True
    started = time.monotonic()
    with pytest.raises(DeviceLost) as lost:
        source.read(2_400_000)
    assert lost.value.message_id == "source.dongle_silent"
    assert 0.9 < time.monotonic() - started < 2.0
    assert library.opened == 0


def test_a_library_that_never_comes_back_is_left_alone(fake_library, monkeypatch):
    """Closing under a thread inside the library would crash the process."""
    library = fake_library()
    source = RtlSource("", "rtl:", library=library)
    source.read(1024)
    monkeypatch.setattr(library, "rtlsdr_cancel_async", lambda device: 0)
    with pytest.raises(DeviceLost):
        source.configure(sample_rate_hz=1e6)
        source.read(64)
    source.close()
    assert library.opened == 1
    library.cancelled.set()
    deadline = time.monotonic() + 2
    while library.streaming and time.monotonic() < deadline:
        time.sleep(0.01)


def test_short_and_odd_transfers_lose_nothing(opened):
    source, library = opened
    library.short = 777
    source.test_counter(True)
    source.configure(sample_rate_hz=1e6)
    raw = np.concatenate([source.read(1001).raw for _ in range(20)])
    assert np.all(np.diff(raw) == 1)  # uint8 wraps from 255 to 0
    source.test_counter(False)
    assert library.calls[-1] == ("set_testmode", (0,))


def test_a_slow_reader_loses_the_oldest_and_is_told(opened, monkeypatch):
    monkeypatch.setattr(rtl, "RING_S", 0.1)
    source, _ = opened
    source.tune(100e6)
    first = source.read(24_000)
    time.sleep(0.4)
    late = source.read(24_000)
    assert late.dropped_samples > 0.2 * 2.4e6
    assert late.sample_index == first.sample_index + 24_000 + late.dropped_samples
    assert source.read(24_000).dropped_samples == 0


def test_a_pause_of_the_dongle_is_counted_as_lost(opened):
    source, library = opened
    source.tune(100e6)
    for _ in range(15):
        source.read(240_000 // 2)
    library.silent = True
    time.sleep(0.4)
    library.silent = False
    blocks = [source.read(240_000 // 2) for _ in range(30)]
    lost = sum(block.dropped_samples for block in blocks)
    assert lost == pytest.approx(library.unsent, rel=0.01)
    assert library.unsent > 0.3 * 2.4e6
    assert blocks[-1].sample_index - blocks[0].sample_index == 29 * 120_000 + lost


def test_a_loss_that_only_a_stopped_stream_knows_is_told_by_the_next(opened):
    source, library = opened
    source.tune(100e6)
    source.read(1_200_000)
    library.silent = True
    time.sleep(0.05)
    library.silent = False
    time.sleep(0.9)  # in the ring, unread, the loss is found
    before = source.read(1000)
    index = before.sample_index + before.num_samples
    source.configure(sample_rate_hz=1e6)
    after = source.read(1000)
    lost = before.dropped_samples + after.dropped_samples
    assert lost == pytest.approx(library.unsent, rel=0.02)
    assert after.sample_index > index
