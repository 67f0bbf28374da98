"""What the name of a headerless recording says: ``hall_433.92M_250k.cu8``."""

from __future__ import annotations

import re
from pathlib import Path

from dsp.values import SampleFormat
from sdr.frequency import parse_freq

EXTENSIONS: dict[str, SampleFormat] = {
    ".cu8": "cu8",
    ".cs8": "cs8",
    ".ci8": "cs8",
    ".cs16": "ci16",
    ".ci16": "ci16",
    ".cf32": "cf32",
    ".fc32": "cf32",
}
"""File name endings in use (rtl_433, inspectrum, GNU Radio) and what they mean."""

_NUMBER = re.compile(r"(?<![0-9A-Za-z.])([0-9]+(?:\.[0-9]+)?)([kMG])(?:Hz|sps|S)?(?![0-9A-Za-z])")


def guess_format(path: Path) -> SampleFormat | None:
    """Sample format by the file's ending; None where that says nothing."""
    return EXTENSIONS.get(path.suffix.lower())


def guess_center_and_rate(path: Path) -> tuple[float | None, float | None]:
    """Centre and sample rate (hertz) out of a name such as ``hall_433.92M_250k.cu8``.

    rtl_433's habit: mega or giga is the centre, kilo is the rate.  Of two numbers in mega the
    larger is the centre and the smaller the rate; nothing else is guessed.

    Examples
    --------
    >>> guess_center_and_rate(Path("hall_433.92M_250k.cu8"))
    (433920000.0, 250000.0)
    >>> guess_center_and_rate(Path("adsb_1090M_2.4M.cu8"))
    (1090000000.0, 2400000.0)
    >>> guess_center_and_rate(Path("notes.cu8"))
    (None, None)
    """
    found = [(parse_freq(number + unit), unit) for number, unit in _NUMBER.findall(path.stem)]
    rates = [value for value, unit in found if unit == "k"]
    centers = sorted(value for value, unit in found if unit != "k")
    if not rates and len(centers) == 2:
        rates = [centers.pop(0)]
    center = centers[0] if len(centers) == 1 else None
    return center, rates[0] if len(rates) == 1 else None
