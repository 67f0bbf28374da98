"""Detections over time to emitters: one for each transmission, however it drifts or is keyed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .signals import Detection, Emitter
from .trace import SKIRT_DB, Trace
from .values import Grid

SHADOW_DB = 20.0
SHADOW_HZ = 500e3
"""What appears only together with something this much stronger and this near is its splatter:
keying clicks, a transmitter's own noise, gain pumping.  Seen once without it, it counts."""

WHOLE_NS = 1_000_000_000
"""So long what is cut by a hop's edge waits for the next hop; that may be another dongle's."""

SKIRT_NS = 2_000_000_000
"""What touches the skirts of an emitter belongs to it so long after it was seen."""


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


class Tracker:
    """Follows emitters of one site.

    Feed it every dwell, those without detections too: an emitter ends when its frequency was
    looked at and found empty, not when nobody looked.

    Parameters
    ----------
    following : Following, optional
    grids : sequence of Grid
        What each hop keeps, by its number: where a hop cuts a signal another one may see it whole.

    Attributes
    ----------
    dropped : int
        Emitters and candidates pushed out because there were too many.
    """

    def __init__(self, following: Following | None = None, grids: Sequence[Grid] = ()) -> None:
        self.following = following or Following()
        self.grids = tuple(grids)
        self.dropped = 0
        self._tracks: list[Trace] = []
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
        seen: list[Trace] = []
        for detection in sorted(detections, key=lambda d: -d.power_dbfs):
            track = self._owner(detection)
            if track is None:
                track = self._begin(detection)
            if any(track is other for other in seen):
                track.add_piece(detection)
                continue
            gap_ns = self.following.merge_gap_s * 1e9
            track.extend(detection, gap_ns, self.following.confirm_n)
            track.shadowed = track.shadowed and _in_shadow(detection, detections)
            self._absorb(track)
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

    def _owner(self, detection: Detection) -> Trace | None:
        """Nearest track whose gate or band holds the detection."""
        best, best_distance = None, float("inf")
        for track in self._tracks:
            distance = abs(track.center_freq_hz - detection.center_freq_hz)
            half = max(track.bandwidth_hz, track.high_hz - track.low_hz, detection.bandwidth_hz) / 2
            # The rest of a signal that another hop saw up to its own kept edge, or its skirt.
            rest = "edge" in detection.doubts and detection.hop not in track.bands
            fresh = detection.time_ns - track.last_ns < SKIRT_NS
            part = fresh and (rest or track.skirt(detection)) and track.touches(detection)
            near = part or distance <= max(self.following.gate_hz, half)
            if near and distance < best_distance:
                best, best_distance = track, distance
        return best

    def _begin(self, detection: Detection) -> Trace:
        """Start a candidate, making room where there is none."""
        if len(self._tracks) >= self.following.most:
            silent = min(self._tracks, key=lambda track: (track.number > 0, track.last_ns))
            self._tracks.remove(silent)
            self.dropped += 1
        track = Trace.begin(detection)
        self._tracks.append(track)
        return track

    def _absorb(self, track: Trace) -> None:
        """Drop candidates that turn out to be the skirt of a stronger signal."""
        self._tracks = [
            other
            for other in self._tracks
            if other is track
            or other.number
            or not other.cut
            or other.power_dbfs > track.power_dbfs - SKIRT_DB
            or other.reach_high_hz < track.reach_low_hz
            or other.reach_low_hz > track.reach_high_hz
        ]

    def _confirm(self, track: Trace) -> Emitter | None:
        """Give a candidate its number once it is certain."""
        track.on_air = True
        if track.number:
            return track.emitter("active")
        enough = track.looks.count(True) >= self.following.confirm_m
        # What a hop saw only in part waits for the hop that sees it whole.
        sure = track.excess_db >= self.following.immediate_db and not track.cut
        if track.shadowed or not (sure or enough) or self._waits(track):
            return None
        self._numbers += 1
        track.number = self._numbers
        return track.emitter("new")

    def _waits(self, track: Trace) -> bool:
        """Whether a hop that may see the whole of it has not looked yet, and soon will."""
        return (
            track.cut
            and not track.beyond
            and track.last_ns - track.first_ns < WHOLE_NS
            and any(
                hop not in track.bands and track.meets(grid) for hop, grid in enumerate(self.grids)
            )
        )

    def _miss(self, track: Trace, hop: int, grid: Grid, time_ns: int) -> Emitter | None:
        """Count a look at a silent emitter; it is gone after long enough."""
        waiting = track.cut and not (track.number or track.beyond)
        if waiting and hop not in track.bands and track.meets(grid):
            track.beyond = True  # and nothing there of which it could be the rest
            return self._confirm(track)
        if hop not in track.bands and not grid.low_hz <= track.center_freq_hz <= grid.high_hz:
            return None
        track.missed += 1
        track.looks = [*track.looks, False][-self.following.confirm_n :]
        silent_s = (time_ns - track.last_ns) / 1e9
        if track.on_air and track.number and silent_s > self.following.gone_s:
            track.on_air = False
            return track.emitter("gone")
        return None


def _in_shadow(detection: Detection, detections: Sequence[Detection]) -> bool:
    """Whether something much stronger stands beside it in the same dwell."""
    return any(
        other.power_dbfs > detection.power_dbfs + SHADOW_DB
        and abs(other.center_freq_hz - detection.center_freq_hz) < SHADOW_HZ
        for other in detections
    )
