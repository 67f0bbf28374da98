"""Known stations of a site as its landmarks: one that fades or vanishes is told, and its return."""

from __future__ import annotations

from dsp.baseline import Baseline
from dsp.stations import StationChange, StationWatch
from dsp.values import Dwell
from sensors.messages import Note


class Landmarks:
    """The steady stations of one sensor's baseline."""

    def __init__(self) -> None:
        self._baseline: Baseline | None = None
        self._watches: dict[int, StationWatch] = {}

    def update(self, dwell: Dwell, baseline: Baseline | None) -> list[tuple[Note, int]]:
        """Take in one dwell.

        Parameters
        ----------
        dwell : Dwell
        baseline : Baseline or None
            The one in use; another one is another set of landmarks.

        Returns
        -------
        list of (Note, since_ns)
        """
        if baseline is not self._baseline:
            self._baseline, self._watches = baseline, {}
        # What clips or has holes says nothing about a station's level.
        if baseline is None or dwell.dropped_samples or dwell.clipped_fraction:
            return []
        watch = self._watches.get(dwell.hop)
        if watch is None:
            watch = self._watches[dwell.hop] = StationWatch(baseline.at(dwell.hop))
        return [(_note(change), change.since_ns) for change in watch.update(dwell)]


def _note(change: StationChange) -> Note:
    middle_hz = (change.station.low_hz + change.station.high_hz) / 2
    args: dict[str, str | float | int] = {
        "freq_mhz": f"{middle_hz / 1e6:.3f}",
        "change_db": round(change.change_db, 1),
    }
    return Note(f"station.{change.kind}", args)
