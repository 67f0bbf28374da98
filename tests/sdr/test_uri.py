"""SOURCE arguments: what they open, and one clear refusal for everything else."""

from __future__ import annotations

import socket
import time

import numpy as np
import pytest

from sdr.filename import guess_center_and_rate, guess_format
from sdr.frequency import format_freq, parse_freq
from sdr.recording import open_recording
from sdr.replay import Replay
from sdr.source import BadSource, DeviceNotFound, EndOfRecording
from sdr.uri import open_source, split_uri


@pytest.mark.parametrize(
    ("text", "freq_hz"),
    [
        ("169.5M", 169.5e6),
        ("12.5k", 12.5e3),
        ("12.5K", 12.5e3),
        ("409800000", 409.8e6),
        ("1.09G", 1.09e9),
        ("169.5MHz", 169.5e6),
        (" 169.5 MHz ", 169.5e6),
        ("169.5m", 169.5e6),
        ("2.4e6", 2.4e6),
        (".5M", 5e5),
        ("+5k", 5e3),
    ],
)
def test_frequencies(text, freq_hz):
    assert parse_freq(text) == freq_hz


@pytest.mark.parametrize("text", ["", "M", "169.5X", "169,5M", "-5k", "nan", "inf", "1e999", "5kk"])
def test_what_is_no_frequency(text):
    with pytest.raises(BadSource) as error:
        parse_freq(text)
    assert error.value.fields["text"] == text


def test_frequencies_for_people():
    assert format_freq(169e6) == "169 MHz"
    assert format_freq(409.8125e6) == "409.8125 MHz"


def test_names_of_recordings(tmp_path):
    assert guess_center_and_rate(tmp_path / "a_433.92M_250k.cu8") == (433.92e6, 250e3)
    assert guess_center_and_rate(tmp_path / "a_2.4M_1090M.cu8") == (1090e6, 2.4e6)
    assert guess_center_and_rate(tmp_path / "a_100M_200M_300M_1k_2k.cu8") == (None, None)
    assert guess_center_and_rate(tmp_path / "v1.5Mega 10km.cu8") == (None, None)
    assert guess_format(tmp_path / "a.CS16") == "ci16"
    assert guess_format(tmp_path / "a.wav") is None


@pytest.mark.parametrize(
    ("uri", "message_id"),
    [
        ("", "source.bad_uri"),
        ("rtl", "source.bad_uri"),
        ("hall.cu8", "source.bad_uri"),
        ("usb:1", "source.bad_uri"),
        ("file:", "source.bad_uri"),
        ("scene:", "source.bad_uri"),
        ("scene:?seed=1", "source.bad_uri"),
        ("rtl_tcp://", "source.bad_uri"),
        ("rtl_tcp://host:port", "source.bad_uri"),
        ("rtl_tcp://host:70000", "source.bad_uri"),
        ("rtl:?gain=3", "source.bad_option"),
        ("file:x.cu8?gian=3", "source.bad_option"),
        ("scene:quiet?sede=3", "source.bad_option"),
        ("file:x.cu8?format=cu9", "source.bad_value"),
        ("file:x.cu8?pace=yes", "source.bad_value"),
        ("file:x.cu8?rate=fast", "source.bad_frequency"),
        ("file:x.cu8?time=noon", "source.bad_value"),
        ("scene:quiet?seed=x", "source.bad_value"),
        ("scene:quiet?exam_s=x", "source.bad_value"),
        ("scene:none", "source.scene_missing"),
        ("scene:hall?sensor=roof", "source.scene_no_sensor"),
        ("file:none.cu8", "source.file_missing"),
    ],
)
def test_bad_sources(uri, message_id):
    with pytest.raises(BadSource) as error:
        open_source(uri)
    assert error.value.message_id == message_id
    assert error.value.exit_code == 2


def test_parts_of_a_uri(tmp_path):
    assert split_uri("rtl:") == ("rtl", "", {})
    assert split_uri("rtl:00000001") == ("rtl", "00000001", {})
    assert split_uri("rtl_tcp://host:1234") == ("rtl_tcp", "host:1234", {})
    assert split_uri("file:///tmp/a.cu8?loop=1&pace=0") == (
        "file",
        "/tmp/a.cu8",
        {"loop": "1", "pace": "0"},
    )
    odd = tmp_path / "a?loop=1"
    odd.write_bytes(b"12")
    assert split_uri(f"file:{odd}") == ("file", str(odd), {})


def test_options_win_over_the_uri(cu8_file):
    with open_source(f"file:{cu8_file}?rate=1M&pace=1", rate=2e6, pace=0, center=None) as source:
        assert source.settings.sample_rate_hz == 2e6
        assert source.tune(100e6) == 100e6


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DeviceNotFound) as error:
        open_source(f"rtl_tcp://127.0.0.1:{port}")
    assert error.value.message_id == "source.tcp_refused"


class TestReplay:
    def test_takes_as_long_as_the_recording(self, cu8_file):
        with open_source(f"file:{cu8_file}") as source:
            started = time.monotonic()
            with pytest.raises(EndOfRecording):
                while True:
                    source.read(10_000)
        assert 0.45 < time.monotonic() - started < 1.0

    def test_unpaced_is_quick_and_dated_by_the_recording(self, repository):
        path = repository / "recordings" / "text_169.0M.sigmf-meta"
        started = time.monotonic()
        with open_source(f"file:{path}?pace=0") as source:
            block = source.read(400_000)
        assert time.monotonic() - started < 2.0
        with open_recording(path) as recording:
            assert block.time_ns == recording.read(1).time_ns

    def test_any_date_can_be_given(self, cu8_file):
        with open_source(f"file:{cu8_file}?pace=0&time=1000000000") as source:
            source.read(250)
            assert source.read(250).time_ns == 1_001_000_000

    def test_a_loop_counts_on(self, cu8_file):
        with open_source(f"file:{cu8_file}?pace=0&loop=1&time=0") as source:
            blocks = [source.read(100_000) for _ in range(5)]
        assert [one.num_samples for one in blocks] == [100_000, 25_000] * 2 + [100_000]
        assert [one.sample_index for one in blocks] == [0, 100_000, 125_000, 225_000, 250_000]
        assert blocks[4].time_ns == 10**9
        assert np.array_equal(blocks[0].raw, blocks[2].raw)

    def test_a_slow_reader_loses_nothing(self, cu8_file):
        with open_source(f"file:{cu8_file}") as source:
            first = source.read(1000)
            time.sleep(0.3)
            second = source.read(1000)
        assert second.sample_index == 1000
        assert second.dropped_samples == 0
        assert second.time_ns == first.time_ns + 4_000_000

    def test_gain_and_ppm_were_settled_when_it_was_made(self, cu8_file):
        with Replay(open_recording(cu8_file), "file:x", pace=False) as source:
            settings = source.configure(gain_db=40.2, ppm=7, sample_rate_hz=250e3)
        assert (settings.gain_db, settings.ppm) == (None, 0.0)
