"""Doubles of what is outside: librtlsdr with a dongle, and an rtl_tcp server."""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
import threading
import time

import numpy as np
import pytest

GAINS = (0, 9, 207, 402, 496)


def code_of(freq_hz: float) -> int:
    """Byte that the doubles send while tuned to a frequency: stale samples are recognisable."""
    return round(freq_hz / 1e6) % 250


class FakeLibrary:
    """librtlsdr's functions over dongles that can go short, refuse and vanish.

    Attributes
    ----------
    serials : list of str
    codes : dict
        Return code by function name instead of success; popped from a list one by one.
    unlocked : callable
        Whether the PLL fails at a frequency.
    silent, gone : bool
        Set while streaming.
    unsent : int
        Samples that were lost while silent.
    short : int
        Length of the transfers in bytes, 0 as asked for.
    """

    def __init__(self, *serials: str) -> None:
        self.serials = list(serials) or ["00000001"]
        self.codes: dict[str, int | list[int]] = {}
        self.unlocked = lambda freq_hz: False
        self.silent = self.gone = False
        self.short = self.unsent = 0
        self.calls: list[tuple[str, tuple[int, ...]]] = []
        self.opened = 0
        self.freq_hz = 80_000_000
        self.rate_hz = 1_024_000
        self.gain = 0
        self.cancelled = threading.Event()
        self.streaming = False
        self.counting = False
        self.counted = 0

    def _code(self, name: str, *arguments: int) -> int:
        self.calls.append((name, arguments))
        if self.gone:
            return -4
        code = self.codes.get(name, 0)
        if isinstance(code, list):
            return code.pop(0) if code else 0
        return code

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def rtlsdr_get_device_count(self):
        return len(self.serials)

    def rtlsdr_get_device_usb_strings(self, index, manufacturer, product, serial):
        if self.serials[index] == "unreadable":
            return -3
        for array, text in zip(
            (manufacturer, product, serial),
            ("Realtek", "RTL2838", self.serials[index]),
            strict=True,
        ):
            array[: len(text) + 1] = text.encode() + b"\0"
        return 0

    def rtlsdr_open(self, device, index):
        code = self._code("open", index)
        if code == 0:
            device._obj.value = 100 + index
            self.opened += 1
        return code

    def rtlsdr_close(self, device):
        assert not self.streaming, "closed under a running stream"
        self.opened -= 1
        return 0

    def rtlsdr_get_tuner_type(self, device):
        return self.codes.get("get_tuner_type", 5)

    def rtlsdr_get_tuner_gains(self, device, steps):
        steps[: len(GAINS)] = GAINS
        return len(GAINS)

    def rtlsdr_set_agc_mode(self, device, on):
        return self._code("set_agc_mode", on)

    def rtlsdr_set_tuner_gain_mode(self, device, manual):
        return self._code("set_tuner_gain_mode", manual)

    def rtlsdr_set_tuner_gain(self, device, gain):
        self.gain = gain
        return self._code("set_tuner_gain", gain)

    def rtlsdr_get_tuner_gain(self, device):
        return self.gain

    def rtlsdr_set_freq_correction(self, device, ppm):
        return self._code("set_freq_correction", ppm)

    def rtlsdr_set_sample_rate(self, device, rate_hz):
        self.rate_hz = rate_hz
        return self._code("set_sample_rate", rate_hz)

    def rtlsdr_get_sample_rate(self, device):
        return self.rate_hz

    def rtlsdr_set_center_freq(self, device, freq_hz):
        code = self._code("set_center_freq", freq_hz)
        if code == 0:
            self.freq_hz = freq_hz
        return code

    def rtlsdr_is_tuner_PLL_locked(self, device):  # noqa: N802
        return 1 if self.unlocked(self.freq_hz) else 0

    def rtlsdr_set_testmode(self, device, on):
        self.counting = bool(on)
        return self._code("set_testmode", on)

    def rtlsdr_reset_buffer(self, device):
        return self._code("reset_buffer")

    def rtlsdr_cancel_async(self, device):
        self.cancelled.set()
        return 0

    def rtlsdr_read_async(self, device, callback, context, count, length):
        self.calls.append(("read_async", (count, length)))
        self.streaming, due_s = True, time.monotonic()
        self.cancelled.clear()
        try:
            while not self.cancelled.is_set():
                if self.gone:
                    return -5
                size = self.short or length
                due_s += size / 2 / self.rate_hz
                time.sleep(max(0.0, due_s - time.monotonic()))
                if self.silent:
                    self.unsent += size // 2
                else:
                    values = bytearray([code_of(self.freq_hz)]) * size
                    if self.counting:
                        values = bytearray((self.counted + i) % 256 for i in range(size))
                        self.counted += size
                    buffer = (ctypes.c_ubyte * size).from_buffer(values)
                    pointer = ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ubyte))
                    callback(pointer, size, context)
            return 0
        finally:
            self.streaming = False


class FakeServer:
    """An rtl_tcp server for one client: real header, real commands, paced bytes.

    Attributes
    ----------
    commands : list of (int, int)
        What the client sent.
    """

    def __init__(self, header: bytes = struct.pack(">4sII", b"RTL0", 5, 29)) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._header = header
        self.commands: list[tuple[int, int]] = []
        self.freq_hz, self.rate_hz = 100_000_000, 2_048_000
        self.silent = self.closed = False
        self._peer: socket.socket | None = None
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            peer, _ = self._listener.accept()
            self._peer = peer
            peer.sendall(self._header)
            listener = threading.Thread(target=self._listen, args=(peer,), daemon=True)
            self._threads.append(listener)
            listener.start()
            due_s = time.monotonic()
            while not self.closed:
                due_s += 8192 / 2 / self.rate_hz
                time.sleep(max(0.0, due_s - time.monotonic()))
                if not self.silent:
                    peer.sendall(bytes([code_of(self.freq_hz)]) * 8192)

    def _listen(self, peer: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while len(command := peer.recv(5, socket.MSG_WAITALL)) == 5:
                number, value = struct.unpack(">BI", command)
                self.commands.append((number, value))
                if number == 1:
                    time.sleep(0.02)  # a dongle needs so long
                    self.freq_hz = value
                if number == 2:
                    self.rate_hz = value

    def hang_up(self) -> None:
        """Close the connection as a server that is killed does."""
        if self._peer is not None:
            with contextlib.suppress(OSError):
                self._peer.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.closed = True
        self.hang_up()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(2.0)
        if self._peer is not None:
            self._peer.close()


@pytest.fixture
def fake_library():
    return FakeLibrary


@pytest.fixture
def fake_server():
    servers: list[FakeServer] = []

    def start(*arguments) -> FakeServer:
        servers.append(FakeServer(*arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def stale_code():
    return code_of


@pytest.fixture
def cu8_file(tmp_path, rng):
    """A headerless recording of half a second at 250 kS/s and 100 MHz."""
    path = tmp_path / "hall_100M_250k.cu8"
    rng.integers(0, 256, 2 * 125_000, np.uint8).tofile(path)
    return path
