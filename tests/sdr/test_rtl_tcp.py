"""The rtl_tcp client against a server of this test, and against the real one where it is."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time

import numpy as np
import pytest

from sdr import rtl_tcp
from sdr.rtl_tcp import Command, RtlTcpSource
from sdr.source import BadSource, DeviceLost, DeviceNotFound
from sdr.uri import open_source


@pytest.fixture
def connected(fake_server):
    server = fake_server()
    with RtlTcpSource("127.0.0.1", server.port, "rtl_tcp://x") as source:
        yield source, server


def soon(condition, seconds=2.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_says_everything_at_the_start(connected):
    source, server = connected
    assert source.info.tuner == "R820T"
    wanted = [
        (Command.AGC, 0),
        (Command.SAMPLE_RATE, 2_400_000),
        (Command.GAIN_MODE, 1),
        (Command.GAIN, 402),
        (Command.FREQUENCY, 100_000_000),
    ]
    assert soon(lambda: server.commands == wanted), server.commands


def test_commands(connected):
    source, server = connected
    source.tune(409.8e6)
    source.configure(sample_rate_hz=1e6, gain_db=21, ppm=-3.5)
    source.tune(400e6)
    wanted = [
        (Command.FREQUENCY, 409_800_000),
        (Command.SAMPLE_RATE, 1_000_000),
        (Command.GAIN_MODE, 1),
        (Command.GAIN, 207),
        (Command.PPM, 2**32 - 4),
        (Command.FREQUENCY, 400_000_000 - 200),
    ]
    assert soon(lambda: server.commands[5:] == wanted), server.commands
    assert source.settings.ppm == -3.5
    with pytest.raises(BadSource):
        source.configure(ppm=1e4)


def test_no_sample_of_the_old_frequency_after_a_retune(connected, stale_code):
    source, _ = connected
    source.settle_s = 0.06
    for freq_hz in (100e6, 103e6, 106e6, 101e6):
        source.tune(freq_hz)
        assert np.all(source.read(24_000).raw == stale_code(freq_hz))


def test_another_rate_counts_on(connected):
    source, _ = connected
    source.tune(100e6)
    before = source.read(10_000)
    source.configure(sample_rate_hz=1e6)
    after = source.read(10_000)
    assert after.sample_rate_hz == 1e6
    assert after.sample_index >= before.sample_index + 10_000


def test_a_server_that_hangs_up(connected):
    source, server = connected
    source.read(1000)
    server.hang_up()
    with pytest.raises(DeviceLost) as lost:
        source.read(2_400_000)
    assert lost.value.message_id == "source.tcp_lost"
    with pytest.raises(DeviceLost):
        for _ in range(10):
            source.tune(100e6)


def test_a_server_that_falls_silent(connected, monkeypatch):
    source, server = connected
    source.read(1000)
    monkeypatch.setattr(rtl_tcp, "PATIENCE_S", 0.3)
    server.silent = True
    with pytest.raises(DeviceLost) as lost:
        source.read(2_400_000)
    assert lost.value.message_id == "source.tcp_silent"


def test_something_else_listens(fake_server):
    server = fake_server(b"HTTP/1.1 400")
    with pytest.raises(DeviceLost) as lost:
        RtlTcpSource("127.0.0.1", server.port, "rtl_tcp://x")
    assert lost.value.message_id == "source.tcp_not_rtl"


def test_a_server_that_serves_somebody_else(monkeypatch):
    monkeypatch.setattr(rtl_tcp, "CONNECT_S", 0.3)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,  # accepts nobody
        pytest.raises(DeviceLost) as lost,
    ):
        RtlTcpSource("127.0.0.1", server.getsockname()[1], "rtl_tcp://x")
    assert lost.value.message_id == "source.tcp_silent"


def test_a_connection_that_ends_in_the_greeting():
    with socket.create_server(("127.0.0.1", 0)) as other:

        def greet() -> None:
            peer, _ = other.accept()
            peer.sendall(b"RTL0")
            peer.close()

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(DeviceLost) as lost:
            RtlTcpSource("127.0.0.1", other.getsockname()[1], "rtl_tcp://x")
        thread.join()
    assert lost.value.message_id == "source.tcp_lost"


def test_a_host_without_a_name():
    with pytest.raises(DeviceNotFound) as error:
        RtlTcpSource("no-such-host.invalid", 1234, "rtl_tcp://x")
    assert error.value.message_id == "source.tcp_refused"


@pytest.mark.emudongle
@pytest.mark.system
def test_the_real_rtl_tcp(emudongle, tmp_path):
    program = shutil.which("rtl_tcp")
    if program is None:
        pytest.skip("no rtl_tcp on the PATH (Debian: apt install rtl-sdr)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = (tmp_path / "rtl_tcp.log").open("wb")
    server = subprocess.Popen(
        [
            str(emudongle),
            "EMU_TX=tx freq_hz=100.3M type=cw power_dbm=-80",
            program,
            "-p",
            str(port),
        ],
        stdout=log,
        stderr=log,
    )
    try:
        for _ in range(100):
            try:
                source = open_source(f"rtl_tcp://127.0.0.1:{port}")
                break
            except DeviceNotFound:
                time.sleep(0.1)
        with source:
            assert source.info.tuner == "R820T"
            for _ in range(3):
                levels = []
                for center_hz in (100e6, 300e6):
                    source.tune(center_hz)
                    raw = source.read(48_000).raw
                    iq = (raw[0::2] - 127.5) + 1j * (raw[1::2] - 127.5)
                    spectrum = np.abs(np.fft.fft(iq)) ** 2
                    levels.append(spectrum[6000] / np.median(spectrum))
                assert levels[0] > 1e4
                assert levels[1] < 100
    finally:
        server.kill()  # it ends politely only while it has a client
        server.wait(10)
        log.close()
