"""A simulated exam site: who transmits when, where the sensors stand, what arrives at them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sdr.source import BadSource

KINDS = ("cw", "nfm", "wfm", "am", "ook", "fsk2", "dmr", "wide")


@dataclass(frozen=True, slots=True)
class Transmitter:
    """One ``tx`` line.

    Attributes
    ----------
    name : str
    freq_hz : float
    kind : {"cw", "nfm", "wfm", "am", "ook", "fsk2", "dmr", "wide"}
    power_dbm : float or None
        At every sensor's antenna input; total power for ``wide``, carrier power for the others.
    eirp_dbm : float or None
        Radiated from ``x_m, y_m`` instead; None with ``power_dbm``.
    x_m, y_m : float
    indoor : bool
    dev_hz, baud, depth, tone_hz, bw_hz : float
        Of the modulation; ``dev_hz`` is half the shift of 2FSK, the outer deviation of 4FSK.
    start_s, stop_s : float
        Scene seconds.
    period_s, on_s, jitter_s : float
        Bursts of ``on_s`` every ``period_s``, each later by up to ``jitter_s``; 0 is continuous.
    seed : int
        Number of the line: what its random text and delays depend on.
    """

    name: str
    freq_hz: float
    kind: str
    power_dbm: float | None = None
    eirp_dbm: float | None = None
    x_m: float = 0.0
    y_m: float = 0.0
    indoor: bool = False
    dev_hz: float = 2500.0
    baud: float = 1200.0
    depth: float = 0.8
    tone_hz: float = 0.0
    bw_hz: float = 9e6
    start_s: float = 0.0
    stop_s: float = math.inf
    period_s: float = 0.0
    on_s: float = 0.0
    jitter_s: float = 0.0
    seed: int = 0

    @property
    def width_hz(self) -> float:
        """Band that it may fill (Carson's rule), generously."""
        if self.kind == "wide":
            return self.bw_hz
        if self.kind == "wfm":
            return 2 * (self.dev_hz + 19e3)
        if self.kind in ("nfm", "am"):
            return 2 * ((self.dev_hz if self.kind == "nfm" else 0.0) + 4e3)
        return 2 * (
            self.dev_hz * (self.kind in ("fsk2", "dmr")) + 8 * self.baud * (self.kind != "cw")
        )

    def bursts(self, start_s: float, stop_s: float) -> Iterator[tuple[int, float, float]]:
        """Number, on and off time of every burst that touches a stretch of scene time."""
        stop_s = min(stop_s, self.stop_s)
        if self.period_s <= 0:
            if self.start_s < stop_s and start_s < self.stop_s:
                yield 0, self.start_s, self.stop_s
            return
        first = max(0, math.floor((start_s - self.start_s) / self.period_s) - 1)
        last = math.floor((stop_s - self.start_s) / self.period_s)
        for number in range(first, last + 1):
            on_s = (
                self.start_s + number * self.period_s + self.jitter_s * _fraction(self.seed, number)
            )
            off_s = min(on_s + self.on_s, self.stop_s)
            if on_s < stop_s and off_s > max(start_s, on_s):
                yield number, on_s, off_s


@dataclass(frozen=True, slots=True)
class Sensor:
    """One ``sensor`` line: a dongle with its antenna.

    Attributes
    ----------
    name : str
    x_m, y_m : float
    indoor : bool
    noise_figure_db : float
    ppm : float
        Error of its crystal.
    """

    name: str = "antenna"
    x_m: float = 0.0
    y_m: float = 0.0
    indoor: bool = False
    noise_figure_db: float = 6.0
    ppm: float = 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A parsed scene.

    Attributes
    ----------
    name : str
    transmitters : tuple of Transmitter
    sensors : tuple of Sensor
        At least one.
    path_exponent : float
        Of the log-distance law: 2 free space, about 3 among buildings.
    wall_db : float
        Lost where one end is indoors and the other is not.
    """

    name: str
    transmitters: tuple[Transmitter, ...]
    sensors: tuple[Sensor, ...] = (Sensor(),)
    path_exponent: float = 3.0
    wall_db: float = 15.0

    def received_dbm(self, transmitter: Transmitter, sensor: Sensor) -> float:
        """Power at the antenna input of a sensor.

        Log-distance law: free-space loss at 1 m, then ``10 n`` dB per decade of distance (ITU-R
        P.1238 uses the same form), plus the wall.
        """
        if transmitter.eirp_dbm is None:
            return -70.0 if transmitter.power_dbm is None else transmitter.power_dbm
        distance_m = math.hypot(transmitter.x_m - sensor.x_m, transmitter.y_m - sensor.y_m)
        loss_1m_db = 20.0 * math.log10(transmitter.freq_hz) - 147.55
        loss_db = loss_1m_db + 10.0 * self.path_exponent * math.log10(max(distance_m, 1.0))
        wall_db = self.wall_db if transmitter.indoor != sensor.indoor else 0.0
        return transmitter.eirp_dbm - loss_db - wall_db

    def sensor(self, name: str | None) -> Sensor:
        """The named sensor, or the first.

        Raises
        ------
        BadSource
            If there is none of that name.
        """
        for sensor in self.sensors:
            if name in (None, sensor.name):
                return sensor
        names = ", ".join(sensor.name for sensor in self.sensors)
        raise BadSource("source.scene_no_sensor", path=self.name, name=name, names=names)


def _fraction(seed: int, number: int) -> float:
    """Fixed random number in [0, 1) of a burst (the mixing steps of SplitMix64)."""
    mask = 2**64 - 1
    word = (number * 0x9E3779B97F4A7C15 + seed * 0xD1B54A32D192ED03 + 0x632BE59BD9B4E019) & mask
    word = ((word ^ word >> 30) * 0xBF58476D1CE4E5B9) & mask
    word = ((word ^ word >> 27) * 0x94D049BB133111EB) & mask
    return float((word ^ word >> 31) >> 11) / 2**53
