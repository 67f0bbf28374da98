"""A drill: transmitters of the published kinds in the samples of the real dongles.

Nothing is sent by radio.  Everything behind the antenna does what it does at an exam, up to the
centre, and says that it is a drill.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from msgspec.structs import replace

from sdr.hall import Transmitter
from sdr.inject import level_of
from sensors.bands import GuardBand
from sensors.drill_result import Result
from sensors.messages import EmitterEvent
from sensors.task import Inject, Shot

BURST_S = 2.0
"""Length of a transmission: the message whose chance is shown everywhere else."""

PAUSE_S = (2.0, 6.0)
"""Between two transmissions in one band, so that none hides behind the one before."""

LEAD_S = 3.0
"""Before the first, for the dongles to be told."""

ABOVE_DB = 12.0
"""Over the threshold that a bin must exceed, as the site has it today."""

FILLED_HZ = 8e3
"""Power of a voice or data channel spreads over about this much."""

LOUDEST_DBFS = -12.0
EDGE_HZ = 15e3
APART_HZ = 60e3
"""From everything that is on the air already: a drill must not hide behind it, nor it behind us."""

TOUCH_NS = 5_000_000
"""A visit that overlaps a transmission by less has not heard it: as the plan counts."""

MATCH_HZ = 12e3
EARLY_NS, LATE_NS = 200_000_000, 700_000_000
"""An emitter is of the drill when it was seen within its transmission, to this."""

KINDS = ("nfm", "fsk2", "cw", "dmr")
"""Voice, data, carrier, digital voice: what exam cases were made of."""


class Drill:
    """One drill of a site.

    Parameters
    ----------
    bands : sequence of GuardBand
    taken_hz : sequence of float
        Frequencies that are on the air.
    minutes : float
    start_ns : int
        UTC.
    seed : int

    Attributes
    ----------
    results : list of Result
    stop_ns : int
        Nothing more of it is on the air after this.
    """

    def __init__(
        self,
        bands: Sequence[GuardBand],
        taken_hz: Sequence[float],
        minutes: float,
        start_ns: int,
        seed: int,
    ) -> None:
        rng = random.Random(seed)  # noqa: S311 - which frequency is no secret
        self.start_ns = start_ns
        self.results: list[Result] = []
        taken = list(taken_hz)
        for band in bands:
            at_s = LEAD_S + rng.uniform(0.0, PAUSE_S[1])
            while at_s + BURST_S <= max(60.0 * minutes, LEAD_S + PAUSE_S[1] + BURST_S):
                freq_hz = _free(band, taken, rng)
                if freq_hz is not None:
                    taken.append(freq_hz)
                    number = len(self.results)
                    on_ns = start_ns + round(at_s * 1e9)
                    shot = Shot(
                        number, KINDS[number % len(KINDS)], freq_hz, on_ns,
                        on_ns + round(BURST_S * 1e9),
                    )  # fmt: skip
                    self.results.append(Result(band.name, shot))
                at_s += BURST_S + rng.uniform(*PAUSE_S)
        last_ns = max((one.shot.off_ns for one in self.results), default=start_ns)
        self.stop_ns = last_ns + LATE_NS

    def order(self, threshold_dbfs: float, rbw_hz: float, gain_db: float | None) -> Inject:
        """What one dongle is told: the same transmissions, at a level that it can just hear well.

        Parameters
        ----------
        threshold_dbfs : float
            What a bin must exceed there.
        rbw_hz : float
        gain_db : float or None
        """
        level = threshold_dbfs + ABOVE_DB + 10.0 * math.log10(max(1.0, FILLED_HZ / rbw_hz))
        shots = [one.shot for one in self.results]
        return Inject(shots, self.start_ns, min(level, LOUDEST_DBFS), gain_db)

    def mark(self, event: EmitterEvent) -> EmitterEvent:
        """Say of an event that it is of the drill, where it is."""
        return event if self._of(event) is None else replace(event, drill=True)

    def heard(self, event: EmitterEvent, seq: int, now_ns: int) -> None:
        """Note a durable event of the drill."""
        result = self._of(event)
        if result is None or event.sensor in result.heard:
            return
        result.heard[event.sensor] = (now_ns - result.shot.on_ns) / 1e9
        result.seq = result.seq or seq

    def acknowledged(self, seq: int, now_ns: int) -> None:
        """Note that the centre has everything up to this event."""
        for result in self.results:
            if result.seq and result.delivered_s is None and result.seq <= seq:
                result.delivered_s = (now_ns - result.shot.on_ns) / 1e9

    def visited(self, low_hz: float, high_hz: float, start_ns: int, stop_ns: int) -> None:
        """Note that a dongle was there: whom it did not hear then it should have recognised."""
        for result in self.results:
            shot = result.shot
            both_ns = min(stop_ns, shot.off_ns) - max(start_ns, shot.on_ns)
            if both_ns >= TOUCH_NS and low_hz <= shot.freq_hz <= high_hz:
                result.visits += 1

    def _of(self, event: EmitterEvent) -> Result | None:
        for result in self.results:
            shot = result.shot
            if (
                abs(event.center_freq_hz - shot.freq_hz) <= MATCH_HZ
                and event.first_seen_ns >= shot.on_ns - EARLY_NS
                and event.last_seen_ns <= shot.off_ns + LATE_NS
            ):
                return result
        return None


def transmitters_of(order: Inject) -> tuple[Transmitter, ...]:
    """The transmissions of an order as the simulated air makes them, in seconds of its epoch."""
    power_dbm = level_of(order.level_dbfs, order.gain_db)
    return tuple(
        Transmitter(
            name=f"drill-{shot.number}",
            freq_hz=shot.freq_hz,
            kind=shot.kind,
            power_dbm=power_dbm,
            dev_hz=1944.0 if shot.kind == "dmr" else 2500.0,
            baud=4800.0 if shot.kind == "dmr" else 1200.0,
            start_s=(shot.on_ns - order.epoch_ns) / 1e9,
            stop_s=(shot.off_ns - order.epoch_ns) / 1e9,
            seed=shot.number,
        )
        for shot in order.shots
    )


def _free(band: GuardBand, taken_hz: Sequence[float], rng: random.Random) -> float | None:
    """A frequency of the band that nobody uses; None when there is none."""
    low_hz, high_hz = band.start_hz + EDGE_HZ, band.stop_hz - EDGE_HZ
    for _ in range(50):
        freq_hz = rng.uniform(low_hz, high_hz) if high_hz > low_hz else (low_hz + high_hz) / 2
        if all(abs(freq_hz - other) >= APART_HZ for other in taken_hz):
            return round(freq_hz)
    return None
