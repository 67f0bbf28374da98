"""What every way of reaching an RTL2832U dongle has in common: its limits, and how it is set."""

from __future__ import annotations

from abc import abstractmethod

from sdr.frequency import format_freq
from sdr.source import BadSource, Settings, Source, SourceInfo

TUNERS: dict[int, tuple[str, float, float]] = {
    1: ("E4000", 54e6, 2147e6),
    2: ("FC0012", 22e6, 948e6),
    3: ("FC0013", 22e6, 1100e6),
    4: ("FC2580", 146e6, 924e6),
    5: ("R820T", 24e6, 1766e6),
    6: ("R828D", 24e6, 1766e6),
}
"""librtlsdr's number of a tuner -> name, lowest and highest centre (hertz)."""

R820T_LOW_HZ, R820T_HIGH_HZ = TUNERS[5][1:]

R820T_GAINS_DB = (
    0.0, 0.9, 1.4, 2.7, 3.7, 7.7, 8.7, 12.5, 14.4, 15.7, 16.6, 19.7, 20.7, 22.9, 25.4,
    28.0, 29.7, 32.8, 33.8, 36.4, 37.2, 38.6, 40.2, 42.1, 43.4, 43.9, 44.5, 48.0, 49.6,
)  # fmt: skip
"""Gain steps of R820T, R820T2 and R828D, as librtlsdr states them (measured at 928 MHz)."""

RATES_HZ = ((225_001.0, 300_000.0), (900_001.0, 3_200_000.0))
"""What the resampler of the RTL2832U can make; above 2.4 MS/s samples get lost unreported."""

XTAL_HZ = 28_800_000
MOST_PPM = 300.0


def nearest_gain(gains_db: tuple[float, ...], gain_db: float) -> float:
    """The step that a wish for this gain ends at.

    Examples
    --------
    >>> nearest_gain(R820T_GAINS_DB, 40.0)
    40.2
    """
    return min(gains_db, key=lambda step_db: abs(step_db - gain_db))


def check_rate(uri: str, sample_rate_hz: float) -> None:
    """Refuse a sample rate that the chip cannot make.

    Raises
    ------
    BadSource
    """
    if not any(low <= sample_rate_hz <= high for low, high in RATES_HZ):
        possible = ", ".join(f"{format_freq(low)} - {format_freq(high)}" for low, high in RATES_HZ)
        raise BadSource(
            "source.wrong_rate", uri=uri, rate=format_freq(sample_rate_hz), possible=possible
        )


def check_ppm(ppm: float) -> None:
    """Refuse a correction that no crystal needs.

    Raises
    ------
    BadSource
    """
    if not -MOST_PPM <= ppm <= MOST_PPM:
        raise BadSource("source.wrong_ppm", ppm=ppm, low=-MOST_PPM, high=MOST_PPM)


def check_freq(info: SourceInfo, center_freq_hz: float) -> None:
    """Refuse a centre outside the tuner's range.

    Raises
    ------
    BadSource
    """
    if not info.freq_low_hz <= center_freq_hz <= info.freq_high_hz:
        raise BadSource(
            "source.freq_out_of_range",
            freq=format_freq(center_freq_hz),
            low=format_freq(info.freq_low_hz),
            high=format_freq(info.freq_high_hz),
        )


def true_rate_hz(rate_hz: int) -> float:
    """Rate that the resampler's 22-bit ratio really makes of the crystal."""
    ratio = ((XTAL_HZ << 22) // rate_hz) & ~3
    return (XTAL_HZ << 22) / ratio


class TunedSource(Source):
    """A dongle, near, far or simulated: what it is and what is in force; checked before it is set.

    Attributes
    ----------
    settle_s : float
        Discarded after each retune.
    """

    settle_s: float
    _info: SourceInfo
    _rate_hz: float
    _gain_db: float
    _ppm: float

    @property
    def info(self) -> SourceInfo:
        """What it is."""
        return self._info

    @property
    def settings(self) -> Settings:
        """What is in force now, or was asked for last where the dongle cannot answer."""
        return Settings(self._rate_hz, self._gain_db, self._ppm, self.settle_s)

    def configure(
        self,
        *,
        sample_rate_hz: float | None = None,
        gain_db: float | None = None,
        ppm: float | None = None,
    ) -> Settings:
        """Set rate, manual gain (the nearest step) and correction; what cannot be changes nothing.

        Raises
        ------
        BadSource
            A rate or correction that the chip cannot make.
        DeviceLost
            It does not obey.
        """
        if sample_rate_hz is not None:
            check_rate(self._info.uri, sample_rate_hz)
        if ppm is not None:
            check_ppm(ppm)
        if sample_rate_hz is not None:
            self._rate_hz = self._set_rate(sample_rate_hz)
        if gain_db is not None:
            self._gain_db = self._set_gain(nearest_gain(self._info.gains_db, gain_db))
        if ppm is not None:
            self._set_ppm(ppm)
            self._ppm = ppm
        self._settle()
        return self.settings

    @abstractmethod
    def _set_rate(self, sample_rate_hz: float) -> float:
        """Set the rate; return the true one."""

    @abstractmethod
    def _set_gain(self, gain_db: float) -> float:
        """Set a step of the gain; return the one in force."""

    @abstractmethod
    def _set_ppm(self, ppm: float) -> None:
        """Set the correction."""

    @abstractmethod
    def _settle(self) -> None:
        """Read on with what is received after settling."""
