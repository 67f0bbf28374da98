"""The service manager hears us, and the shipped unit gives away little."""

import os
import shutil
import socket
import subprocess
from importlib import resources

import pytest

from sensors.notify_systemd import notify, watchdog_s

UNIT = "rfproctor-sensor@.service"


@pytest.mark.parametrize("abstract", [False, True])
def test_the_manager_gets_the_state(tmp_path, monkeypatch, abstract):
    address = f"@rfproctor-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + address[1:] if abstract else address)
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        assert notify("READY=1")
        assert manager.recv(100) == b"READY=1"


def test_without_a_manager_nothing_happens(tmp_path, monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not notify("READY=1")


def test_the_watchdog_is_fed_three_times_as_often_as_asked(monkeypatch):
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", "15000000")
    assert watchdog_s() == 5.0
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert watchdog_s() is None
    monkeypatch.delenv("WATCHDOG_PID")
    monkeypatch.setenv("WATCHDOG_USEC", "junk")
    assert watchdog_s() is None


def test_the_units_exposure_is_small(tmp_path):
    """systemd's own score, 0 best; the goal is 2.0."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    unit = tmp_path / UNIT
    unit.write_bytes((resources.files("sensors") / "systemd" / UNIT).read_bytes())
    done = subprocess.run(
        [
            "systemd-analyze",
            "security",
            "--offline=true",
            "--threshold=20",
            "--no-pager",
            str(unit),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if "Overall exposure level" not in done.stdout:
        pytest.skip("this systemd-analyze cannot judge a file")
    assert done.returncode == 0, done.stdout.splitlines()[-1]
