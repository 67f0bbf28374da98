"""Frequencies as people write them: ``169.5M``, ``12.5k``, ``409800000``."""

from __future__ import annotations

import math
import re

from sdr.source import BadSource

_FREQUENCY = re.compile(r"([+]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([kKmMgG]?)(?:[hH][zZ])?")
_PREFIX = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}


def parse_freq(text: str) -> float:
    """Frequency or rate in hertz from ``169.5M``, ``12.5k``, ``1.09GHz``, ``409800000``.

    ``m`` means mega like ``M``: nobody tunes to millihertz.  Serves as the ``type`` of a click
    option.

    Raises
    ------
    BadSource
        If it is no frequency.

    Examples
    --------
    >>> parse_freq("169.5M"), parse_freq("12.5k"), parse_freq("409800000")
    (169500000.0, 12500.0, 409800000.0)
    """
    matched = _FREQUENCY.fullmatch(text.strip())
    if matched is None or not math.isfinite(float(matched[1])):
        raise BadSource("source.bad_frequency", text=text)
    # Rounded to the millihertz, so that 169.5 * 1e6 and 169.5e6 are the same number.
    return round(float(matched[1]) * _PREFIX[matched[2].lower()], 3)


def format_freq(freq_hz: float) -> str:
    """Frequency for people, always in MHz and without trailing zeros: ``169.5 MHz``.

    Examples
    --------
    >>> format_freq(409.8e6), format_freq(169.0125e6)
    ('409.8 MHz', '169.0125 MHz')
    """
    text = f"{freq_hz / 1e6:.6f}".rstrip("0").rstrip(".")
    return f"{text} MHz"
