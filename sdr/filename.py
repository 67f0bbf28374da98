"""What a recording's name says: ``hall_433.92M_250k.cu8``, and what other programs call theirs."""

from __future__ import annotations

import re
from pathlib import Path

from dsp.values import SampleFormat
from sdr.frequency import parse_freq

EXTENSIONS: dict[str, SampleFormat] = {
    ".cu8": "cu8",
    ".uc8": "cu8",
    ".complex16u": "cu8",
    ".cs8": "cs8",
    ".ci8": "cs8",
    ".sc8": "cs8",
    ".c8": "cs8",
    ".complex16s": "cs8",
    ".cs16": "ci16",
    ".ci16": "ci16",
    ".sc16": "ci16",
    ".c16": "ci16",
    ".complex32s": "ci16",
    ".cf32": "cf32",
    ".fc32": "cf32",
    ".cfile": "cf32",
    ".complex": "cf32",
}
"""File name endings in use (rtl_433, inspectrum, GNU Radio, Universal Radio Hacker)."""

_GQRX = re.compile(r"gqrx_[0-9]{8}_[0-9]{6}_([0-9]+)_([0-9]+)_fc")
"""Date, time, centre, rate; complex floats."""

_HERTZ = re.compile(r"(?<![0-9A-Za-z.])([0-9]{4,11})Hz(?![0-9A-Za-z])")
"""SDR# writes the centre like this."""

_NUMBER = re.compile(r"(?<![0-9A-Za-z.])([0-9]+(?:\.[0-9]+)?)([kMG])(?:Hz|sps|S)?(?![0-9A-Za-z])")


def guess_format(path: Path) -> SampleFormat | None:
    """Sample format by the file's name; None where that says nothing."""
    if _GQRX.fullmatch(path.stem):
        return "cf32"
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
    >>> guess_center_and_rate(Path("gqrx_20260606_090500_169000000_1800000_fc.raw"))
    (169000000.0, 1800000.0)
    """
    if named := _GQRX.fullmatch(path.stem):
        return float(named[1]), float(named[2])
    found = [(parse_freq(number + unit), unit) for number, unit in _NUMBER.findall(path.stem)]
    found += [(float(number), "") for number in _HERTZ.findall(path.stem)]
    rates = [value for value, unit in found if unit == "k"]
    centers = sorted(value for value, unit in found if unit != "k")
    if not rates and len(centers) == 2:
        rates = [centers.pop(0)]
    center = centers[0] if len(centers) == 1 else None
    return center, rates[0] if len(rates) == 1 else None


def guess_center(path: Path) -> float | None:
    """Centre (hertz) out of a name whose file tells its rate; None where it is not one number.

    Examples
    --------
    >>> guess_center(Path("HDSDR_20260606_090500Z_169000kHz_RF.wav"))
    169000000.0
    >>> guess_center(Path("SDRSharp_20260606_090500Z_104910000Hz_IQ.wav"))
    104910000.0
    """
    found = {parse_freq(number + unit) for number, unit in _NUMBER.findall(path.stem)}
    found |= {float(number) for number in _HERTZ.findall(path.stem)}
    return found.pop() if len(found) == 1 else None
