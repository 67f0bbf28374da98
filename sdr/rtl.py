"""RTL-SDR dongles through librtlsdr; the only file that imports ``rtlsdr``.

pyrtlsdr loads and binds the library; its classes are not used, because a failed setter closes
their device, short reads of one dongle confuse another, and bytes become complex128.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from dsp.values import IQBlock
from sdr.frequency import format_freq
from sdr.source import (
    BadSource,
    DeviceBusy,
    DeviceLost,
    DeviceNotFound,
    Settings,
    Source,
    SourceError,
    SourceInfo,
    TunerNotLocked,
)
from sdr.stream import Ended, SampleStream, Silent
from sdr.tuner import (
    TUNERS,
    check_freq,
    check_ppm,
    check_rate,
    nearest_gain,
)

XTAL_HZ = 28_800_000
TRANSFER_BYTES = 8192
"""1.7 ms at 2.4 MS/s: a read waits at most this much longer than it must."""
TRANSFERS = 64
"""In the queue: 0.1 s in which Python may be busy elsewhere before the dongle overflows."""
RING_S = 1.0
PATIENCE_S = 1.0
"""Without a byte for so long the dongle has stalled: a transfer takes 1.7 ms."""
TUNE_TRIES = 2
TUNE_LIMIT_S = 1.0
"""A healthy dongle tunes in 20 ms; control transfers that time out take seconds."""
UNREADABLE = "?"
UDEV_RULE = 'SUBSYSTEM=="usb", ATTRS{idVendor}=="0bda", MODE="0660", GROUP="plugdev"'

NO_DEVICE, ACCESS, BUSY = -4, -3, -6
"""libusb's codes, which librtlsdr hands on."""
UNLOCKED = 1
"""Answer of ``rtlsdr_is_tuner_PLL_locked``; 0 is locked, negative is unknown."""
NOT_LOCKED = -1
"""Answer of ``rtlsdr_set_center_freq`` in the libraries that tell at all."""


def load_library() -> Any:
    """Load librtlsdr with its functions declared.

    Raises
    ------
    SourceError
        No library, or one that lacks what pyrtlsdr needs (Debian's own).
    """
    try:
        # pyrtlsdrlib prints on stdout when it tries a file in vain.
        with contextlib.redirect_stdout(sys.stderr):
            from rtlsdr.librtlsdr import librtlsdr
    except (ImportError, AttributeError, OSError) as error:
        raise SourceError("source.wrong_library", reason=str(error).splitlines()[0]) from None
    return librtlsdr


def list_serials(library: Any) -> list[str]:
    """Serials of the dongles in the library's order; `UNREADABLE` where we may not ask."""
    return [usb_strings(library, index)[2] for index in range(library.rtlsdr_get_device_count())]


def usb_strings(library: Any, index: int) -> tuple[str, str, str]:
    """Manufacturer, product and serial of a dongle; `UNREADABLE` where we may not ask."""
    texts = [(ctypes.c_ubyte * 256)() for _ in range(3)]
    if library.rtlsdr_get_device_usb_strings(index, *texts) != 0:
        return UNREADABLE, UNREADABLE, UNREADABLE
    manufacturer, product, serial = (
        bytes(text).partition(b"\0")[0].decode("utf-8", "replace") for text in texts
    )
    return manufacturer, product, serial


class RtlSource(Source):
    """One dongle, opened by serial.

    Samples stream all the time into a ring of one second, so that a stall is noticed, the next
    dwell fills up while the last one is computed, and nothing between two reads is lost.

    Parameters
    ----------
    serial : str
        Empty: the only dongle.
    uri : str
    library : object, optional
        Has librtlsdr's functions; default the real one.

    Attributes
    ----------
    settle_s : float
        Discarded after each retune.

    Raises
    ------
    BadSource
        Several dongles and no serial, or two with this one.
    DeviceNotFound, DeviceBusy, SourceError
    """

    def __init__(self, serial: str, uri: str, library: Any = None) -> None:
        self._uri = uri
        self._library = load_library() if library is None else library
        index, self._serial = _find(self._library, serial)
        self.settle_s = 0.01
        self._stream: SampleStream | None = None
        self._thread: threading.Thread | None = None
        self._device: ctypes.c_void_p | None = _open(self._library, index, self._serial)
        self._first_index = 0
        self._center_hz = 100e6
        self._ppm = 0.0
        self._hardware_ppm = 0
        try:
            tuner = self._library.rtlsdr_get_tuner_type(self._device)
            if tuner not in TUNERS:
                raise DeviceLost("source.no_tuner", serial=self._serial)
            name, low_hz, high_hz = TUNERS[tuner]
            self._info = SourceInfo(
                uri=uri,
                kind="rtl",
                serial=self._serial,
                tuner=name,
                sample_format="cu8",
                tunable=True,
                freq_low_hz=low_hz,
                freq_high_hz=high_hz,
                gains_db=self._read_gains(),
            )
            # The chip's own gain control would make levels of two dwells incomparable.
            self._call("set_agc_mode", 0)
            self.configure(sample_rate_hz=2.4e6, gain_db=40.2)
        except BaseException:
            self.close()
            raise

    @property
    def info(self) -> SourceInfo:
        """What it is."""
        return self._info

    @property
    def settings(self) -> Settings:
        """What is in force now."""
        return Settings(self._rate_hz, self._gain_db, self._ppm, self.settle_s)

    def configure(
        self,
        *,
        sample_rate_hz: float | None = None,
        gain_db: float | None = None,
        ppm: float | None = None,
    ) -> Settings:
        """Set rate, manual gain (the nearest step is read back) and correction.

        Whole ppm go into the chip, the fraction into the frequency that is asked for.

        Raises
        ------
        BadSource
            A rate or correction that the chip cannot make.
        DeviceLost
            It does not obey.
        """
        if sample_rate_hz is not None:
            check_rate(self._uri, sample_rate_hz)
            self._stop()
            self._call("set_sample_rate", round(sample_rate_hz))
            self._rate_hz = _true_rate_hz(self._library.rtlsdr_get_sample_rate(self._device))
        if gain_db is not None:
            wanted = nearest_gain(self._info.gains_db, gain_db)
            self._call("set_tuner_gain_mode", 1)
            self._call("set_tuner_gain", round(10 * wanted))
            self._gain_db = self._library.rtlsdr_get_tuner_gain(self._device) / 10
        if ppm is not None:
            check_ppm(ppm)
            # An unchanged value is answered with -2, which is no fault.
            if round(ppm) != self._hardware_ppm:
                self._call("set_freq_correction", round(ppm))
            self._hardware_ppm, self._ppm = round(ppm), ppm
        if self._stream is not None:
            self._stream.skip_to(self.settle_s)
        return self.settings

    def tune(self, center_freq_hz: float) -> float:
        """Go to a frequency; what is read next was received after settling there.

        Raises
        ------
        BadSource
            Outside the tuner's range.
        TunerNotLocked
            The tuner cannot hold this frequency; another can be tuned to.
        DeviceLost
            It does not obey.
        """
        check_freq(self._info, center_freq_hz)
        fraction_ppm = self._ppm - self._hardware_ppm
        asked_hz = round(center_freq_hz * (1.0 - fraction_ppm * 1e-6))
        started_s = time.monotonic()
        for _ in range(TUNE_TRIES):
            code = self._try("set_center_freq", asked_hz)
            if self._stream is not None:
                self._stream.skip_to(self.settle_s)
            # Most libraries answer "done" whether the PLL locked or not; asking costs no time on
            # the air, because the tuner settles meanwhile.
            unlocked = self._unlocked()
            if code >= 0 and not unlocked:
                break
        else:
            slow = time.monotonic() - started_s > TUNE_LIMIT_S
            if not unlocked or slow or code not in (0, NOT_LOCKED):
                self._refused("set_center_freq", code)
            # A dongle that cannot be asked any more looks unlocked too: this one call tells.
            self._call("set_tuner_gain_mode", 1)
            raise TunerNotLocked(
                "source.not_locked", serial=self._serial, freq=format_freq(center_freq_hz)
            )
        self._center_hz = center_freq_hz
        return center_freq_hz

    def read(self, num_samples: int) -> IQBlock:
        """Return the next samples.

        Raises
        ------
        DeviceLost
            Vanished or stalled; closed then.
        """
        stream = self._stream or self._start()
        try:
            raw, position, dropped = stream.read(num_samples, PATIENCE_S)
        except Silent:
            self.close()
            raise DeviceLost(
                "source.dongle_silent", serial=self._serial, seconds=PATIENCE_S
            ) from None
        except Ended as end:
            self.close()
            raise DeviceLost("source.dongle_lost", serial=self._serial, reason=str(end)) from None
        return IQBlock(
            raw=raw,
            sample_format="cu8",
            center_freq_hz=self._center_hz,
            sample_rate_hz=self._rate_hz,
            time_ns=stream.time_ns(position),
            sample_index=self._first_index + position,
            dropped_samples=dropped,
        )

    def test_counter(self, on: bool) -> None:
        """Let the chip send a byte that counts up instead of samples, so that every loss shows."""
        self._call("set_testmode", int(on))

    def close(self) -> None:
        """Stop the stream and release the dongle."""
        stopped = self._stop()
        device, self._device = self._device, None
        # Closing under a thread that is still inside the library would crash the process.
        if device is not None and stopped:
            self._library.rtlsdr_close(device)

    def _start(self) -> SampleStream:
        """Let the dongle stream into a new ring."""
        if self._device is None:
            raise DeviceLost("source.dongle_lost", serial=self._serial, reason="closed")
        self._call("reset_buffer")
        # Arrivals can be late by the whole queue without a loss; by more they cannot.
        queue_s = TRANSFERS * TRANSFER_BYTES / 2 / self._rate_hz
        stream = SampleStream(self._rate_hz, RING_S, queue_s)
        stream.skip_to(self.settle_s)
        self._stream = stream
        self._thread = threading.Thread(
            target=_pump, args=(self._library, self._device, stream), name="rtl", daemon=True
        )
        self._thread.start()
        return stream

    def _stop(self) -> bool:
        """End streaming; False when the library does not let go of its thread."""
        thread, stream = self._thread, self._stream
        self._thread = self._stream = None
        if thread is None or stream is None:
            return True
        self._first_index += stream.count
        # A cancel before the transfers are queued is forgotten by the library: repeat it.
        for _ in range(20):
            if not thread.is_alive():
                return True
            self._library.rtlsdr_cancel_async(self._device)
            thread.join(0.1)
        return not thread.is_alive()

    def _call(self, name: str, *arguments: int) -> None:
        """Call ``rtlsdr_<name>``; a dongle that does not obey is closed and reported."""
        code = self._try(name, *arguments)
        if code < 0:
            self._refused(name, code)

    def _try(self, name: str, *arguments: int) -> int:
        """Call ``rtlsdr_<name>`` and return its code; a dongle that is gone is reported."""
        if self._device is None:
            raise DeviceLost("source.dongle_lost", serial=self._serial, reason="closed")
        function: Callable[..., int] = getattr(self._library, f"rtlsdr_{name}")
        code = function(self._device, *arguments)
        if code == NO_DEVICE:
            self._refused(name, code)
        return code

    def _refused(self, name: str, code: int) -> NoReturn:
        """Close the dongle and say what it did not do."""
        self.close()
        if code == NO_DEVICE:
            raise DeviceLost("source.dongle_lost", serial=self._serial, reason=name)
        raise DeviceLost("source.control_failed", serial=self._serial, action=name, reason=code)

    def _unlocked(self) -> bool:
        """Whether the tuner says that its PLL is not locked; not every library can ask it."""
        ask: Callable[..., int] | None = getattr(self._library, "rtlsdr_is_tuner_PLL_locked", None)
        return ask is not None and ask(self._device) == UNLOCKED

    def _read_gains(self) -> tuple[float, ...]:
        """Gain steps in decibels, ascending."""
        steps = (ctypes.c_int * 64)()
        count = self._library.rtlsdr_get_tuner_gains(self._device, steps)
        return tuple(sorted(step / 10 for step in steps[: max(count, 0)]))


def _find(library: Any, serial: str) -> tuple[int, str]:
    """Index and serial of the wanted dongle."""
    serials = list_serials(library)
    if not serials:
        raise DeviceNotFound("source.no_dongle")
    if not serial:
        if len(serials) > 1:
            raise BadSource("source.several_dongles", serials=", ".join(serials))
        return 0, serials[0]
    count = Counter(serials)[serial]
    if count == 0 and UNREADABLE in serials:
        raise DeviceBusy("source.dongle_access", serial=serial, rule=UDEV_RULE)
    if count == 0:
        raise DeviceNotFound("source.no_such_dongle", serial=serial, serials=", ".join(serials))
    if count > 1:
        raise BadSource("source.duplicate_serial", serial=serial, count=count)
    return serials.index(serial), serial


def _open(library: Any, index: int, serial: str) -> ctypes.c_void_p:
    """Open a dongle or say in plain words why not."""
    device = ctypes.c_void_p(None)
    code = library.rtlsdr_open(ctypes.byref(device), index)
    if code >= 0:
        return device
    if code == ACCESS:
        raise DeviceBusy("source.dongle_access", serial=serial, rule=UDEV_RULE)
    if code == BUSY:
        raise DeviceBusy("source.dongle_busy", serial=serial)
    if code == NO_DEVICE:
        raise DeviceNotFound("source.no_dongle")
    raise DeviceLost("source.control_failed", serial=serial, action="open", reason=code)


def _pump(library: Any, device: ctypes.c_void_p, stream: SampleStream) -> None:
    """Move bytes from the library into the ring until it stops; runs in its own thread."""
    from rtlsdr.librtlsdr import rtlsdr_read_async_cb_t

    def received(buffer: Any, length: int, _context: Any) -> None:
        # The library uses the buffer again after this call: `put` copies.
        stream.put(np.ctypeslib.as_array(buffer, (length,)))

    callback = rtlsdr_read_async_cb_t(received)
    code = library.rtlsdr_read_async(device, callback, None, TRANSFERS, TRANSFER_BYTES)
    stream.end(f"read_async {code}")


def _true_rate_hz(rate_hz: int) -> float:
    """Rate that the resampler's 22-bit ratio really makes of the crystal."""
    ratio = ((XTAL_HZ << 22) // rate_hz) & ~3
    return (XTAL_HZ << 22) / ratio
