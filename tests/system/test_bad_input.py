"""Bad input is answered in one clear line, in the user's language, with exit code 2."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

RECORDING = Path(__file__).resolve().parents[2] / "recordings" / "text_169.0M.sigmf-meta"
SITE = """
[site]
id = "s1"
data = "site"
[[dongle]]
source = "{source}"
position = "hall"
"""
MONITOR = """
[monitor]
id = "city"
http = "127.0.0.1:{port}"
events = "tcp://127.0.0.1:{events}"
store = "sqlite:///monitor.db"
insecure = true
"""


def rfproctor(*arguments: str, before: tuple[str, ...] = (), **environment: str):
    return subprocess.run(
        [*before, sys.executable, "-P", "-m", "rfproctor", *arguments],
        env={**os.environ, "RFPROCTOR_LOG_LEVEL": "critical", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def refused(done, *words: str) -> str:
    """The last line of an answer to bad input; libraries below may have chattered before it."""
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith(("rfproctor", "Error"))
    for word in words:
        assert word in line, line
    return line


@pytest.fixture
def copy(tmp_path):
    """A recording of our own to damage."""
    for suffix in (".sigmf-meta", ".sigmf-data"):
        (tmp_path / f"r{suffix}").write_bytes(RECORDING.with_suffix(suffix).read_bytes())
    return tmp_path / "r.sigmf-meta"


def site(tmp_path: Path, source: str = "scene:quiet", more: str = "") -> str:
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(source=source) + more)
    return str(path)


def test_a_missing_recording(tmp_path):
    refused(rfproctor("analyze", str(tmp_path / "none.sigmf-meta")), "none.sigmf-meta")
    refused(rfproctor("sensor", site(tmp_path, f"file:{tmp_path}/none.cu8")), "none.cu8")


def test_a_recording_with_a_wrong_hash(copy):
    meta = json.loads(copy.read_text())
    meta["global"]["core:sha512"] = "0" * 128
    copy.write_text(json.dumps(meta))
    refused(rfproctor("analyze", str(copy)), "r.sigmf")


def test_a_truncated_recording(copy):
    data = copy.with_suffix(".sigmf-data")
    data.write_bytes(data.read_bytes()[:-1001])
    refused(rfproctor("analyze", str(copy)), "r.sigmf")


def test_an_unknown_format(tmp_path):
    path = tmp_path / "capture.xyz"
    path.write_bytes(bytes(4096))
    refused(rfproctor("analyze", str(path)), "capture.xyz", "--sample-format")


@pytest.mark.parametrize(("lang", "words"), [("en", "did you mean"), ("zh", "gain_db")])
def test_a_typo_in_the_configuration(tmp_path, lang, words):
    path = site(tmp_path, more="gian_db = 3\n")
    refused(rfproctor("--lang", lang, "sensor", path), "gian_db", words)


def test_a_frequency_outside_the_tuner(tmp_path):
    band = '[[band]]\nname = "wifi"\nstart_hz = 2.4e9\nstop_hz = 2.41e9\nmax_revisit_s = 1\n'
    refused(rfproctor("sensor", site(tmp_path, more=band)), "wifi", "1766")
    refused(rfproctor("sweep", "scene:quiet", "--band", "2400M:2410M"), "1766")


def test_a_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "monitor.toml").write_text(MONITOR.format(port=port, events=port + 1))
        refused(rfproctor("monitor", str(tmp_path / "monitor.toml")), str(port))
        (tmp_path / "monitor.toml").write_text(MONITOR.format(port=port + 2, events=port))
        refused(rfproctor("monitor", str(tmp_path / "monitor.toml")), str(port))
        refused(rfproctor("demo", "--no-browser", "--port", str(port)), str(port))


def test_no_dongle_and_a_busy_one(tmp_path, emudongle):
    path = site(tmp_path, "rtl:")
    none = rfproctor("sensor", path, before=(str(emudongle), "EMU_COUNT=0"))
    refused(none, "RTL-SDR")
    busy = rfproctor("sensor", path, before=(str(emudongle), "EMU_FAULTS=busy"))
    assert refused(busy) != refused(none)
    denied = rfproctor("sensor", path, before=(str(emudongle), "EMU_FAULTS=access"))
    refused(denied, "0bda")


def test_the_wrong_library(tmp_path):
    (tmp_path / "rtlsdr.py").write_text(
        "raise AttributeError('undefined symbol: rtlsdr_set_dithering')\n"
    )
    done = rfproctor("devices", PYTHONPATH=str(tmp_path))
    refused(done, "pyrtlsdr[lib]")


def test_a_baseline_of_another_gain(tmp_path):
    path = site(tmp_path, more='gain_db = 40.2\n[[band]]\nname = "tv3-low"\n')
    base = tmp_path / "base.npz"
    surveyed = rfproctor("survey", path, "--seconds", "2", "--out", str(base))
    assert surveyed.returncode == 0, surveyed.stderr
    other = (tmp_path / "site.toml").read_text().replace("40.2", "33.8")
    (tmp_path / "site.toml").write_text(other.replace("[site]", '[site]\nbaseline = "base.npz"'))
    refused(rfproctor("sensor", path), "40.2", "33.8")
    refused(rfproctor("survey", path, "--seconds", "2", "--out", str(base)), "base.npz")


def test_a_survey_shorter_than_its_round_of_hops_goes_on_until_all_were_heard(tmp_path):
    bands = ("vhf-pmr", "tv3-low", "tv3-high", "mid-300", "uhf-440")
    path = site(tmp_path, more="".join(f'[[band]]\nname = "{name}"\n' for name in bands))
    done = rfproctor("survey", path, "--seconds", "1", "--out", str(tmp_path / "base.npz"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "base.npz").exists()
