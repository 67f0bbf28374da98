"""Which dongles are plugged in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sdr.bus import load_library, usb_strings


@dataclass(frozen=True, slots=True)
class Dongle:
    """One dongle on the bus; it is not opened to learn this.

    Attributes
    ----------
    uri : str
        What to write as a SOURCE.
    serial, manufacturer, product : str
        ``?`` where we have no permission to ask.
    unique : bool
        False where another dongle has the same serial.
    """

    uri: str
    serial: str
    manufacturer: str
    product: str
    unique: bool


def list_dongles(library: Any = None) -> list[Dongle]:
    """Every RTL-SDR dongle, in the library's order.

    Raises
    ------
    BadSource
        If librtlsdr cannot be loaded.
    """
    library = load_library() if library is None else library
    found = [usb_strings(library, index) for index in range(library.rtlsdr_get_device_count())]
    serials = [serial for _, _, serial in found]
    return [
        Dongle(
            uri=f"rtl:{serial}",
            serial=serial,
            manufacturer=manufacturer,
            product=product,
            unique=serials.count(serial) == 1,
        )
        for manufacturer, product, serial in found
    ]
