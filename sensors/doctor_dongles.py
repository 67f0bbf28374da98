"""Checks of what is plugged in, before any dongle is opened."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sdr.devices import list_dongles
from sdr.library import examine_library
from sdr.source import SourceError
from sensors.doctor import Finding, of_error

TV_DRIVERS = ("dvb_usb_rtl28xxu", "rtl2832_sdr", "rtl2832", "rtl2830", "dvb_usb_v2")
"""Kernel modules that take a dongle for television."""

REALTEK = "0bda"
PRODUCTS = ("2832", "2838")
UDEV_RULE = (
    'SUBSYSTEM=="usb", ATTRS{idVendor}=="0bda", ATTRS{idProduct}=="28[03][28]", '
    'MODE="0660", GROUP="plugdev", TAG+="uaccess"'
)


def check_dongles(serials: list[str]) -> Iterator[Finding]:
    """Check library, drivers, bus and serials; put the serials that can be examined into a list."""
    try:
        library = examine_library()
    except SourceError as error:
        yield of_error("library", error)
        return
    fields = {
        "path": library.path,
        "name": Path(library.path).name,
        "binding": library.binding,
        "bundled": library.bundled or "-",
    }
    yield Finding("library", "ok", "doctor.library", fields)
    for fault in library.faults:
        yield Finding("library", "warn", fault, fields, "doctor.library_remedy")
    yield from check_drivers(Path("/proc/modules"))
    yield from check_bus(Path("/sys/bus/usb/devices"))
    yield from _check_serials(serials)


def check_drivers(modules: Path) -> Iterator[Finding]:
    """Find kernel modules that would take the dongle away."""
    try:
        loaded = {line.split()[0] for line in modules.read_text().splitlines() if line}
    except OSError:
        return
    found = [name for name in TV_DRIVERS if name in loaded]
    if found:
        fields = {"modules": " ".join(found)}
        yield Finding("driver", "fail", "doctor.driver", fields, "doctor.driver_remedy")
    else:
        yield Finding("driver", "ok", "doctor.driver_ok")


def check_bus(devices: Path) -> Iterator[Finding]:
    """Find dongles on the bus that we may not open or that run at the wrong speed."""
    for device in sorted(devices.glob("*")):
        if _word(device / "idVendor") != REALTEK or _word(device / "idProduct") not in PRODUCTS:
            continue
        serial = _word(device / "serial") or "?"
        speed = _word(device / "speed")
        if speed and speed != "480":
            fields = {"serial": serial, "speed": speed}
            yield Finding("usb", "fail", "doctor.usb_slow", fields, "doctor.usb_slow_remedy")
        bus, number = _word(device / "busnum"), _word(device / "devnum")
        if not (bus.isdecimal() and number.isdecimal()):
            continue
        node = Path(f"/dev/bus/usb/{int(bus):03d}/{int(number):03d}")
        if node.exists() and not os.access(node, os.R_OK | os.W_OK):
            fields = {"serial": serial, "node": str(node), "rule": UDEV_RULE}
            yield Finding("access", "fail", "doctor.access", fields, "doctor.access_remedy")


def _check_serials(serials: list[str]) -> Iterator[Finding]:
    """Every dongle needs its own serial, because it is addressed by nothing else."""
    dongles = list_dongles()
    if not dongles:
        yield Finding("dongles", "fail", "source.no_dongle", remedy="doctor.dongles_remedy")
        return
    names = [dongle.serial for dongle in dongles]
    fields = {"count": len(names), "serials": ", ".join(names)}
    yield Finding("dongles", "ok", "doctor.dongles", fields)
    for serial, count in Counter(names).items():
        if serial == "?":
            fields = {"serial": serial, "node": "/dev/bus/usb", "rule": UDEV_RULE}
            yield Finding("access", "fail", "doctor.access", fields, "doctor.access_remedy")
        elif count > 1:
            fields = {"count": count, "serial": serial}
            yield Finding("serials", "fail", "doctor.serials", fields, "doctor.serials_remedy")
        else:
            serials.append(serial)


def _word(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
