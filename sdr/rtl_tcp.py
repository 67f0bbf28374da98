"""A dongle behind ``rtl_tcp``: its real protocol, 12 bytes of header and commands of 5 bytes."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from enum import IntEnum

import numpy as np

from dsp.values import IQBlock
from sdr.source import DeviceLost, DeviceNotFound, SourceInfo
from sdr.stream import Ended, SampleStream, Silent
from sdr.tuner import R820T_GAINS_DB, TUNERS, TunedSource, check_freq

CONNECT_S = 5.0
PATIENCE_S = 3.0
"""Without a byte for so long the peer is taken for dead; a network may pause for a second."""
RING_S = 2.0
GAP_S = 0.3
HEADER = struct.Struct(">4sII")
COMMAND = struct.Struct(">BI")
MAGIC = b"RTL0"


class Command(IntEnum):
    """First byte of a command; the value follows as a big-endian u32."""

    FREQUENCY = 0x01
    SAMPLE_RATE = 0x02
    GAIN_MODE = 0x03
    GAIN = 0x04
    PPM = 0x05
    AGC = 0x08


class RtlTcpSource(TunedSource):
    """A remote dongle; the server never answers, so what was asked for counts as done.

    The server queues what a slow network does not take and drops its oldest buffers silently, so
    this end reads all the time.

    Parameters
    ----------
    host : str
    port : int
    uri : str

    Attributes
    ----------
    settle_s : float
        Discarded after each retune: the command's way there, 20 ms of tuning, the tuner's
        settling, the samples' way back.

    Raises
    ------
    DeviceNotFound
        Nothing listens there.
    DeviceLost
        Something does, but it is no rtl_tcp, or it serves someone else.
    """

    def __init__(self, host: str, port: int, uri: str) -> None:
        self._address = f"{host}:{port}"
        self.settle_s = 0.1
        try:
            self._socket = socket.create_connection((host, port), timeout=CONNECT_S)
        except OSError as error:
            reason = error.strerror or str(error)
            raise DeviceNotFound(
                "source.tcp_refused", address=self._address, reason=reason
            ) from None
        try:
            tuner = self._greeting()
        except BaseException:
            self._socket.close()
            raise
        name, low_hz, high_hz = TUNERS.get(tuner, TUNERS[5])
        self._info = SourceInfo(
            uri=uri,
            kind="rtl_tcp",
            serial=self._address,
            tuner=name,
            sample_format="cu8",
            tunable=True,
            freq_low_hz=low_hz,
            freq_high_hz=high_hz,
            gains_db=R820T_GAINS_DB,  # the protocol says how many, never which
        )
        self._rate_hz, self._gain_db, self._ppm = 2.4e6, 40.2, 0.0
        self._center_hz = 100e6
        self._base = 0
        self._stream = SampleStream(self._rate_hz, RING_S, GAP_S)
        self._thread = threading.Thread(target=self._pump, name="rtl_tcp", daemon=True)
        self._thread.start()
        try:
            self._send(Command.AGC, 0)
            self.configure(sample_rate_hz=self._rate_hz, gain_db=self._gain_db)
            self.tune(self._center_hz)
        except BaseException:
            self.close()
            raise

    def tune(self, center_freq_hz: float) -> float:
        """Go to a frequency; what is read next was received after settling there.

        Raises
        ------
        BadSource
            Outside the tuner's range.
        DeviceLost
            The connection is gone.
        """
        check_freq(self._info, center_freq_hz)
        fraction_ppm = self._ppm - round(self._ppm)
        self._send(Command.FREQUENCY, round(center_freq_hz * (1.0 - fraction_ppm * 1e-6)))
        self._stream.skip_to(self.settle_s)
        self._center_hz = center_freq_hz
        return center_freq_hz

    def read(self, num_samples: int) -> IQBlock:
        """Return the next samples.

        Raises
        ------
        DeviceLost
            The connection is gone or silent; closed then.
        """
        stream = self._stream
        try:
            raw, position, dropped = stream.read(num_samples, PATIENCE_S)
        except Silent:
            self.close()
            raise DeviceLost(
                "source.tcp_silent", address=self._address, seconds=PATIENCE_S
            ) from None
        except Ended as end:
            self.close()
            raise DeviceLost("source.tcp_lost", address=self._address, reason=str(end)) from None
        return IQBlock(
            raw=raw,
            sample_format="cu8",
            center_freq_hz=self._center_hz,
            sample_rate_hz=self._rate_hz,
            time_ns=stream.time_ns(position),
            sample_index=self._base + position,
            dropped_samples=dropped,
        )

    def _set_rate(self, sample_rate_hz: float) -> float:
        self._send(Command.SAMPLE_RATE, round(sample_rate_hz))
        # Another rate is another clock: count on in a new ring.
        self._base += self._stream.count
        self._stream = SampleStream(sample_rate_hz, RING_S, GAP_S)
        return sample_rate_hz

    def _set_gain(self, gain_db: float) -> float:
        self._send(Command.GAIN_MODE, 1)
        self._send(Command.GAIN, round(10 * gain_db))
        return gain_db

    def _set_ppm(self, ppm: float) -> None:
        """Whole ppm there, the fraction here."""
        self._send(Command.PPM, round(ppm) & 0xFFFFFFFF)

    def _settle(self) -> None:
        self._stream.skip_to(self.settle_s)

    def close(self) -> None:
        """Hang up."""
        # shutdown wakes the reading thread, close alone does not.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join(2.0)
        self._socket.close()

    def _greeting(self) -> int:
        """Read the header; the number of the tuner."""
        try:
            header = b""
            while len(header) < HEADER.size:
                part = self._socket.recv(HEADER.size - len(header))
                if not part:
                    raise DeviceLost(
                        "source.tcp_lost", address=self._address, reason="closed by the other end"
                    )
                header += part
        except TimeoutError:
            raise DeviceLost(
                "source.tcp_silent", address=self._address, seconds=CONNECT_S
            ) from None
        except OSError as error:
            raise DeviceLost("source.tcp_lost", address=self._address, reason=error) from None
        magic, tuner, _gains = HEADER.unpack(header)
        if magic != MAGIC:
            raise DeviceLost("source.tcp_not_rtl", address=self._address)
        self._socket.settimeout(None)
        return int(tuner)

    def _send(self, command: Command, value: int) -> None:
        """Send one command."""
        try:
            self._socket.sendall(COMMAND.pack(command, value))
        except OSError as error:
            self.close()
            reason = error.strerror or str(error)
            raise DeviceLost("source.tcp_lost", address=self._address, reason=reason) from None

    def _pump(self) -> None:
        """Move bytes from the socket into the ring until the connection ends; its own thread."""
        buffer = bytearray(65536)
        values = np.frombuffer(buffer, dtype=np.uint8)
        reason = "closed by the other end"
        try:
            while count := self._socket.recv_into(buffer):
                self._stream.put(values[:count])
        except OSError as error:
            reason = error.strerror or str(error)
        self._stream.end(reason)
