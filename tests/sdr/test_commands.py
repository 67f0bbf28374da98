"""``devices`` and ``record`` as a user runs them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from rfproctor import main
from sdr import devices as devices_module
from sdr import rtl
from sdr.devices import list_dongles
from sdr.recording import open_recording


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = 0
    try:
        main([*arguments])
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def library(monkeypatch, fake_library):
    made = fake_library("hall", "gate")
    monkeypatch.setattr(rtl, "load_library", lambda: made)
    monkeypatch.setattr(devices_module, "load_library", lambda: made)
    return made


def test_devices(capsys, library):
    code, out, _ = run(capsys, "devices")
    assert code == 0
    assert out.splitlines() == [
        "rtl:hall             Realtek RTL2838",
        "rtl:gate             Realtek RTL2838",
    ]
    code, out, _ = run(capsys, "devices", "--json")
    assert [json.loads(line)["serial"] for line in out.splitlines()] == ["hall", "gate"]
    assert json.loads(out.splitlines()[0]) == {
        "kind": "device",
        "uri": "rtl:hall",
        "serial": "hall",
        "manufacturer": "Realtek",
        "product": "RTL2838",
        "unique": True,
    }
    assert library.opened == 0


def test_devices_with_one_serial_are_named(capsys, library):
    library.serials = ["1", "1"]
    assert [dongle.unique for dongle in list_dongles(library)] == [False, False]
    code, out, err = run(capsys, "--lang", "en", "devices")
    assert code == 2
    assert len(out.splitlines()) == 2
    assert "rtl_eeprom -s" in err


@pytest.mark.parametrize(("lang", "words"), [("en", "no RTL-SDR dongle"), ("zh", "未找到")])
def test_no_devices(capsys, library, lang, words):
    library.serials = []
    code, out, err = run(capsys, "--lang", lang, "devices")
    assert code == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert words in err


def test_record_a_scene(capsys, tmp_path):
    name = str(tmp_path / "hall")
    code, out, err = run(
        capsys,
        *("--lang", "en", "record", "scene:exam?pace=0&epoch_ns=0", "--center-freq", "409.6M"),
        *("--seconds", "0.5", "--out", name, "--gain", "30", "--sample-rate", "1M", "--ppm", "2"),
    )
    assert (code, err) == (0, "hall.sigmf-data\n")
    assert "500000 samples, 0 lost" in out
    with open_recording(name + ".sigmf-meta") as recording:
        assert recording.num_samples == 500_000
        assert recording.sample_rate_hz == 1e6
        assert recording.center_freq_hz == 409.6e6
        assert recording.layout.hardware == "simulated R820T exam/antenna, 29.7 dB, 2 ppm"
        assert recording.layout.dated


def test_record_a_recording_copies_it(capsys, tmp_path, cu8_file):
    code, _, _ = run(
        capsys,
        *("record", f"file:{cu8_file}?pace=0", "--center-freq", "100M", "--seconds", "99"),
        *("--out", str(tmp_path / "copy")),
    )
    assert code == 0
    with open_recording(tmp_path / "copy.sigmf-data") as copy:
        assert np.array_equal(copy.read(10**6).raw, np.fromfile(cu8_file, np.uint8))


def test_a_dongle_that_vanishes_leaves_what_was_recorded(capsys, tmp_path, library, monkeypatch):
    real = rtl.SampleStream.read

    def vanishing(stream, *arguments):
        library.gone = stream.count > 600_000
        return real(stream, *arguments)

    monkeypatch.setattr(rtl.SampleStream, "read", vanishing)
    code, _, err = run(
        capsys,
        *("--lang", "en", "record", "rtl:gate", "--center-freq", "100M", "--seconds", "9"),
        *("--out", str(tmp_path / "cut")),
    )
    assert code == 3
    assert "vanished while in use" in err
    with open_recording(tmp_path / "cut.sigmf-meta") as recording:
        assert recording.num_samples >= 240_000


@pytest.mark.parametrize(
    "arguments",
    [
        ("scene:exam", "--center-freq", "409.6X", "--seconds", "1"),
        ("scene:exam", "--center-freq", "4G", "--seconds", "1"),
        ("scene:exam", "--center-freq", "100M", "--seconds", "1", "--sample-rate", "500k"),
        ("scene:nowhere", "--center-freq", "100M", "--seconds", "1"),
        ("hall.cu8", "--center-freq", "100M", "--seconds", "1"),
        ("scene:exam", "--center-freq", "100M", "--seconds", "0"),
    ],
)
def test_bad_input_is_one_line_and_code_2(capsys, tmp_path, arguments):
    code, out, err = run(capsys, "record", *arguments, "--out", str(tmp_path / "x"))
    assert code == 2
    assert out == ""
    assert err.strip()
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.system
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_early_end_leaves_a_valid_shorter_recording(tmp_path, number):
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "rfproctor", "record", "scene:quiet"),
            *("--center-freq", "300M", "--seconds", "60", "--out", str(tmp_path / "a")),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        deadline = time.monotonic() + 20
        data = tmp_path / "a.sigmf-data"
        while time.monotonic() < deadline and not (data.exists() and data.stat().st_size > 10**6):
            time.sleep(0.05)
        process.send_signal(number)
        process.send_signal(number)  # people press twice
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err
    assert b"a.sigmf-meta" in out
    with open_recording(tmp_path / "a.sigmf-meta") as recording:
        assert 500_000 <= recording.num_samples < 30 * 2_400_000
