"""librtlsdr and the dongles it sees: the only file that imports ``rtlsdr``.

pyrtlsdr loads and binds the library; its classes are not used, because a failed setter closes
their device, short reads of one dongle confuse another, and bytes become complex128.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from sdr.source import BadSource, DeviceBusy, DeviceLost, DeviceNotFound
from sdr.stream import SampleStream

NO_DEVICE, ACCESS, BUSY, TIMEOUT = -4, -3, -6, -7
"""libusb's codes, which librtlsdr hands on."""

STOP_TRIES, LOST_TRIES = 20, 3
"""How often the flow is cancelled, 0.1 s apart: usually, and where nothing comes any more."""
UNLOCKED = 1
"""Answer of ``rtlsdr_is_tuner_PLL_locked``; 0 is locked, negative is unknown."""

TRANSFER_BYTES = 8192
"""1.7 ms at 2.4 MS/s: a read waits at most this much longer than it must."""
TRANSFERS = 64
"""In the queue: 0.1 s in which Python may be busy elsewhere before the dongle overflows."""

UNREADABLE = "?"
UDEV_RULE = 'SUBSYSTEM=="usb", ATTRS{idVendor}=="0bda", MODE="0660", GROUP="plugdev"'


def load_library() -> Any:
    """Load librtlsdr with its functions declared.

    Raises
    ------
    BadSource
        No library, or one that lacks what pyrtlsdr needs (Debian's own).
    """
    try:
        # pyrtlsdrlib prints on stdout when it tries a file in vain.
        with contextlib.redirect_stdout(sys.stderr):
            from rtlsdr.librtlsdr import librtlsdr
    except (ImportError, AttributeError, OSError) as error:
        raise BadSource("source.wrong_library", reason=str(error).splitlines()[0]) from None
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


def find_dongle(library: Any, serial: str) -> tuple[int, str]:
    """Index and serial of the wanted dongle, the only one where ``serial`` is empty.

    Raises
    ------
    BadSource
        Several dongles and no serial, or two with this one.
    DeviceNotFound, DeviceBusy
    """
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


class Handle:
    """An open dongle in the hands of the library; whatever fails closes it and is named.

    Parameters
    ----------
    library : object
        Has librtlsdr's functions.
    index : int
    serial : str
        For the messages.

    Raises
    ------
    DeviceNotFound, DeviceBusy, DeviceLost
        Why it does not open, in plain words.
    """

    def __init__(self, library: Any, index: int, serial: str) -> None:
        self.serial = serial
        self._library = library
        self._thread: threading.Thread | None = None
        self._tries = STOP_TRIES
        self._deaf = False
        self._device: ctypes.c_void_p | None = ctypes.c_void_p(None)
        code = library.rtlsdr_open(ctypes.byref(self._device), index)
        if code >= 0:
            return
        self._device = None
        if code == ACCESS:
            raise DeviceBusy("source.dongle_access", serial=serial, rule=UDEV_RULE)
        if code == BUSY:
            raise DeviceBusy("source.dongle_busy", serial=serial)
        if code == NO_DEVICE:
            raise DeviceNotFound("source.no_dongle")
        raise DeviceLost("source.control_failed", serial=serial, action="open", reason=code)

    def call(self, name: str, *arguments: int) -> None:
        """Call ``rtlsdr_<name>``.

        Raises
        ------
        DeviceLost
            The dongle does not obey.
        """
        code = self.attempt(name, *arguments)
        if code < 0:
            self.refused(name, code)

    def attempt(self, name: str, *arguments: int) -> int:
        """Call ``rtlsdr_<name>`` and return its code; only a dongle that is gone is an error."""
        if self._device is None:
            raise DeviceLost("source.dongle_lost", serial=self.serial, reason="closed")
        function: Callable[..., int] = getattr(self._library, f"rtlsdr_{name}")
        code = function(self._device, *arguments)
        if code == NO_DEVICE:
            self.refused(name, code)
        return code

    def refused(self, name: str, code: int) -> NoReturn:
        """Close the dongle and say what it did not do."""
        if code == TIMEOUT:
            # To close it the library would ask it on and on, for seconds; the system lets go of it
            # when this process ends.
            self._deaf, self._tries = True, LOST_TRIES
        self.close()
        if code == NO_DEVICE:
            raise DeviceLost("source.dongle_lost", serial=self.serial, reason=name)
        raise DeviceLost("source.control_failed", serial=self.serial, action=name, reason=code)

    def unlocked(self) -> bool:
        """Whether the tuner says that its PLL is not locked; not every library can ask it."""
        can_ask = hasattr(self._library, "rtlsdr_is_tuner_PLL_locked")
        return can_ask and self.attempt("is_tuner_PLL_locked") == UNLOCKED

    def gains_db(self) -> tuple[float, ...]:
        """Gain steps, ascending."""
        steps = (ctypes.c_int * 64)()
        count = self._library.rtlsdr_get_tuner_gains(self._device, steps)
        return tuple(sorted(step / 10 for step in steps[: max(count, 0)]))

    def start(self, stream: SampleStream) -> None:
        """Let samples flow into a ring, in a thread of their own."""
        if not self.stop():
            self.refused("cancel_async", 0)
        self.call("reset_buffer")
        arguments = (self._library, self._device, stream)
        self._thread = threading.Thread(target=_pump, args=arguments, name="rtl", daemon=True)
        self._thread.start()

    def lost(self) -> None:
        """Nothing comes from it any more: whoever closes it does not wait long."""
        self._tries = LOST_TRIES

    def stop(self) -> bool:
        """End the flow; False when the library does not let go of its thread."""
        # A cancel before the transfers are queued is forgotten by the library: repeat it.
        for _ in range(self._tries):
            if self._thread is None or not self._thread.is_alive():
                self._thread = None
                return True
            self._library.rtlsdr_cancel_async(self._device)
            self._thread.join(0.1)
        return False

    def close(self) -> None:
        """Release the dongle."""
        stopped = self.stop()
        device, self._device = self._device, None
        # Closing under a thread that is still inside the library would crash the process.
        if device is not None and stopped and not self._deaf:
            self._library.rtlsdr_close(device)


def _pump(library: Any, device: ctypes.c_void_p, stream: SampleStream) -> None:
    """Move bytes from the library into the ring until it stops."""
    from rtlsdr.librtlsdr import rtlsdr_read_async_cb_t

    def received(buffer: Any, length: int, _context: Any) -> None:
        stream.short_transfers += length != TRANSFER_BYTES
        # The library uses the buffer again after this call: `put` copies.
        stream.put(np.ctypeslib.as_array(buffer, (length,)))

    callback = rtlsdr_read_async_cb_t(received)
    code = library.rtlsdr_read_async(device, callback, None, TRANSFERS, TRANSFER_BYTES)
    stream.end(f"read_async {code}")
