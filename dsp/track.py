"""Detections over time to emitters: one for each transmission, however it drifts or is keyed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .units import from_db
from .values import Detection, Emitter, Grid

WIDTH_FADE = 0.05
"""How fast the remembered width follows narrower dwells."""


@dataclass(frozen=True, slots=True)
class Following:
    """How detections are associated and when an emitter begins and ends.

    Attributes
    ----------
    gate_hz : float
        Detections this close to an emitter's centre are its own; half its bandwidth if larger.
    merge_gap_s : float
        A pause up to this is keying inside one transmission.
    gone_s : float
        Off the air for so long, and looked at meanwhile: gone.
    forget_s : float
        After that the same frequency is a new emitter.
    immediate_db : float
        An excess from which one dwell is enough; weaker ones are confirmed by ...
    confirm_m, confirm_n : int
        ... so many sightings in so many looks at their hop.
    most : int
        Emitters remembered at most; the longest silent makes room, and is counted.
    """

    gate_hz: float = 5e3
    merge_gap_s: float = 1.0
    gone_s: float = 5.0
    forget_s: float = 3600.0
    immediate_db: float = 9.0
    confirm_m: int = 2
    confirm_n: int = 4
    most: int = 512


@dataclass(slots=True)
class _Track:
    """One emitter or candidate."""

    number: int  # 0: not confirmed yet
    center_hz: float
    bandwidth_hz: float
    weight: float
    snr_db: float
    excess_db: float
    peak_dbfs: float
    first_ns: int
    last_ns: int
    sightings: int = 1
    dwells: int = 0
    on_ns: int = 0
    looks: list[bool] = field(default_factory=list)
    missed: int = 0
    on_air: bool = True
    whole: bool = False  # some hop saw all of it
    bands: dict[int, tuple[float, float]] = field(default_factory=dict)

    @property
    def low_hz(self) -> float:
        """Lower edge over all hops that saw it last."""
        return min(low for low, _ in self.bands.values())

    @property
    def high_hz(self) -> float:
        """Upper edge over all hops that saw it last."""
        return max(high for _, high in self.bands.values())


class Tracker:
    """Follows emitters of one site.

    Feed it every dwell, those without detections too: an emitter ends when its frequency was
    looked at and found empty, not when nobody looked.

    Parameters
    ----------
    following : Following, optional

    Attributes
    ----------
    dropped : int
        Emitters and candidates pushed out because there were too many.
    """

    def __init__(self, following: Following | None = None) -> None:
        self.following = following or Following()
        self.dropped = 0
        self._tracks: list[_Track] = []
        self._numbers = 0

    def update(
        self, detections: Sequence[Detection], *, hop: int, grid: Grid, time_ns: int
    ) -> list[Emitter]:
        """Take one dwell's detections.

        Parameters
        ----------
        detections : sequence of Detection
            All of one dwell, possibly none.
        hop : int
        grid : Grid
            What the dwell looked at.
        time_ns : int
            Its first sample.

        Returns
        -------
        list of Emitter
            Those seen in this dwell (phase ``new`` or ``active``) and those that are now ``gone``.
        """
        seen: list[_Track] = []
        for detection in sorted(detections, key=lambda d: -d.power_dbfs):
            track = self._owner(detection)
            if track is None:
                track = self._begin(detection)
            else:
                self._extend(track, detection, again=any(track is other for other in seen))
            if not any(track is other for other in seen):
                seen.append(track)
        unseen = [track for track in self._tracks if not any(track is other for other in seen)]
        events = [self._confirm(track) for track in seen]
        events += [self._miss(track, hop, grid, time_ns) for track in unseen]
        oldest_ns = time_ns - round(self.following.forget_s * 1e9)
        limit = self.following.confirm_n
        self._tracks = [
            track
            for track in self._tracks
            if track.last_ns >= oldest_ns and (track.number or track.missed < limit)
        ]
        return [event for event in events if event is not None]

    def on_air_hz(self, grid: Grid) -> list[tuple[float, float]]:
        """Bands of confirmed emitters on the air that a hop sees: `detect`'s ``followed_hz``."""
        return [
            (track.low_hz, track.high_hz)
            for track in self._tracks
            if track.number
            and track.on_air
            and track.high_hz >= grid.low_hz
            and track.low_hz <= grid.high_hz
        ]

    def _owner(self, detection: Detection) -> _Track | None:
        """Nearest track whose gate or band holds the detection."""
        best, best_distance = None, float("inf")
        for track in self._tracks:
            distance = abs(track.center_hz - detection.center_freq_hz)
            half = max(track.bandwidth_hz, track.high_hz - track.low_hz, detection.bandwidth_hz) / 2
            touching = False
            if "edge" in detection.doubts and detection.hop not in track.bands:
                # The rest of a signal that another hop saw up to its own kept edge.
                touching = detection.low_hz <= track.high_hz and detection.high_hz >= track.low_hz
            near = distance <= max(self.following.gate_hz, half) or touching
            if near and distance < best_distance:
                best, best_distance = track, distance
        return best

    def _begin(self, detection: Detection) -> _Track:
        """Start a candidate, making room where there is none."""
        if len(self._tracks) >= self.following.most:
            silent = min(self._tracks, key=lambda track: (track.number > 0, track.last_ns))
            self._tracks.remove(silent)
            self.dropped += 1
        track = _Track(
            0,
            detection.center_freq_hz,
            detection.bandwidth_hz,
            0.0,
            detection.snr_db,
            detection.excess_db,
            detection.peak_dbfs,
            detection.time_ns,
            detection.time_ns,
        )
        self._tracks.append(track)
        self._extend(track, detection, again=False)
        return track

    def _extend(self, track: _Track, detection: Detection, *, again: bool) -> None:
        """Add a detection; ``again`` where it is another piece in the same dwell."""
        power = float(from_db(detection.power_dbfs))
        low_hz = detection.center_freq_hz - detection.bandwidth_hz / 2
        high_hz = detection.center_freq_hz + detection.bandwidth_hz / 2
        if "edge" in detection.doubts:
            low_hz, high_hz = min(low_hz, detection.low_hz), max(high_hz, detection.high_hz)
        if again:
            known = track.bands.get(detection.hop, (low_hz, high_hz))
            low_hz, high_hz = min(low_hz, known[0]), max(high_hz, known[1])
            track.bands[detection.hop] = (low_hz, high_hz)
            track.bandwidth_hz = max(track.bandwidth_hz, high_hz - low_hz)
            return
        gap_ns = detection.time_ns - track.last_ns
        if track.dwells and gap_ns > 0:
            if track.missed and gap_ns > self.following.merge_gap_s * 1e9:
                track.sightings += 1
            elif not track.missed:
                track.on_ns += gap_ns  # nobody saw it silent in between
        track.bands[detection.hop] = (low_hz, high_hz)
        whole = "edge" not in detection.doubts
        if whole or not track.whole:
            self._place(track, detection, power, whole=whole)
        track.snr_db = max(track.snr_db, detection.snr_db)
        track.excess_db = max(track.excess_db, detection.excess_db)
        track.peak_dbfs = max(track.peak_dbfs, detection.peak_dbfs)
        track.on_ns += round(detection.duration_s * 1e9)
        track.last_ns = max(track.last_ns, detection.stop_ns)
        track.dwells += 1
        track.missed = 0
        track.looks = [*track.looks, True][-self.following.confirm_n :]

    def _place(self, track: _Track, detection: Detection, power: float, *, whole: bool) -> None:
        """Update centre and width; a hop that sees the signal whole knows better than its rests."""
        if whole:
            center, width = detection.center_freq_hz, detection.bandwidth_hz
        else:
            center, width = (track.low_hz + track.high_hz) / 2, track.high_hz - track.low_hz
        if whole and not track.whole:
            track.whole, track.weight = True, 0.0
            track.bandwidth_hz = width
        # Weights fade, so that a drifting carrier is followed and its latest place reported.
        track.weight = 0.7 * track.weight + power
        track.center_hz += power / track.weight * (center - track.center_hz)
        # Speech pauses: what a transmission occupies is the width of its loud moments.
        track.bandwidth_hz = max(
            width, track.bandwidth_hz + WIDTH_FADE * (width - track.bandwidth_hz)
        )

    def _confirm(self, track: _Track) -> Emitter | None:
        """Give a candidate its number once it is certain."""
        track.on_air = True
        if track.number:
            return _emitter(track, "active")
        enough = track.looks.count(True) >= self.following.confirm_m
        if track.excess_db < self.following.immediate_db and not enough:
            return None
        self._numbers += 1
        track.number = self._numbers
        return _emitter(track, "new")

    def _miss(self, track: _Track, hop: int, grid: Grid, time_ns: int) -> Emitter | None:
        """Count a look at a silent emitter; it is gone after long enough."""
        if hop not in track.bands and not grid.low_hz <= track.center_hz <= grid.high_hz:
            return None
        track.missed += 1
        track.looks = [*track.looks, False][-self.following.confirm_n :]
        silent_s = (time_ns - track.last_ns) / 1e9
        if track.on_air and track.number and silent_s > self.following.gone_s:
            track.on_air = False
            return _emitter(track, "gone")
        return None


def _emitter(track: _Track, phase: str) -> Emitter:
    """What is known of a track now."""
    assert phase in ("new", "active", "gone")
    return Emitter(
        number=track.number,
        phase=phase,  # type: ignore[arg-type]
        center_freq_hz=track.center_hz,
        bandwidth_hz=track.bandwidth_hz,
        snr_db=track.snr_db,
        excess_db=track.excess_db,
        peak_dbfs=track.peak_dbfs,
        first_seen_ns=track.first_ns,
        last_seen_ns=track.last_ns,
        sightings=track.sightings,
        dwells=track.dwells,
        on_s=track.on_ns / 1e9,
    )
