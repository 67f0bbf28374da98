"""Which emitters are one transmission, and what the place of it says. Pure.

Several sensors of a site hear the same transmitter at slightly different frequencies (crystals
differ) and times (hops do).  A transmitter that is silent for minutes comes back as a new emitter.
All of that is one alarm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

from msgspec import Meta, Struct

from dashboard.alarms import Alarm, Part
from sensors.messages import EmitterEvent, Note

BASE_GATE_HZ = 2500.0
"""About one bin of a sensor: a measured centre is not better than that at low SNR."""
CRYSTAL_PPM = 5.0
"""What two TCXO dongles may differ by when neither was calibrated."""
REJOIN_S = 1800.0
"""A transmitter that comes back within this time is the same alarm."""
SAME_TIME_S = 10.0
"""Two sites hear one transmission when their sightings are this close."""
CLEARLY_STRONGER_DB = 3.0
SKIRT_DB = 35.0
SKIRT_WIDTHS = 1.25
BESIDE_NS = 500_000_000
"""Two emitters of one sensor that overlap for less are one that was given up and found again."""

Weight = Annotated[int, Meta(ge=-100, le=100)]


class Weights(Struct, forbid_unknown_fields=True, frozen=True):
    """Points that the place of an emitter adds to suspicion; ``[suspicion]`` in monitor.toml."""

    only_here: Weight = 10
    also_elsewhere: Weight = -10
    stronger_inside: Weight = 10
    stronger_outside: Weight = -10
    several_sensors: Weight = 5


class Surroundings(Struct, frozen=True):
    """What the centre knows about the places.

    Attributes
    ----------
    live_sites : int
        Sites that report now.
    live_sensors : dict
        Sensors that report now, by site.
    positions : dict
        Sensor id -> hall, fence ... as its site says.
    """

    live_sites: int = 0
    live_sensors: dict[str, int] = {}
    positions: dict[str, str] = {}


OUTSIDE = ("fence", "gate", "roof", "street", "outside")


def gate_hz(center_freq_hz: float, bandwidth_a_hz: float, bandwidth_b_hz: float) -> float:
    """How far two centres may lie apart and still be one transmission.

    One bin, plus the crystals' difference, plus half of the *narrower* width: two wide signals
    overlap early, but a handheld beside a broadband source does not disappear into it.
    """
    crystal_hz = CRYSTAL_PPM * 1e-6 * center_freq_hz
    return BASE_GATE_HZ + crystal_hz + min(bandwidth_a_hz, bandwidth_b_hz) / 2


def home_of(event: EmitterEvent, alarms: Iterable[Alarm]) -> Alarm | None:
    """Find the alarm that a new emitter of a sensor belongs to.

    Parameters
    ----------
    event : EmitterEvent
        The first one of its emitter.
    alarms : iterable of Alarm
        Candidates near its frequency.

    Returns
    -------
    Alarm or None
        The one nearest in frequency, at the same site, that was on the air less than `REJOIN_S`
        ago.  A sensor that hears two emitters *at the same time* says that they are two: an alarm
        with such a part is no candidate.
    """
    best, best_hz = None, float("inf")
    for alarm in alarms:
        away_hz = abs(alarm.center_freq_hz - event.center_freq_hz)
        if alarm.site == event.site and away_hz < best_hz and _takes(alarm, event):
            best, best_hz = alarm, away_hz
    return best


def _takes(alarm: Alarm, heard: EmitterEvent | Part) -> bool:
    """Whether what a sensor heard is the alarm's transmission, or only the skirt of it."""
    if is_skirt(heard, alarm):
        return True
    return (
        _near(alarm, heard.center_freq_hz, heard.bandwidth_hz)
        and _gap_s(alarm, heard.first_seen_ns, heard.last_seen_ns) <= REJOIN_S
        and not _heard_beside(alarm, heard)
    )


def is_skirt(heard: EmitterEvent | Part, alarm: Alarm) -> bool:
    """Whether a weak emission is what a strong one spills into its neighbourhood.

    At the same sensor, at the same time, `SKIRT_DB` weaker and no further away than the strong one
    is wide (a quarter more): keying and limited phase noise make such shadows, and a person would
    box them with their cause.  It stays in the alarm as a part, with its own frequency.
    """
    return any(
        part.sensor == heard.sensor
        and part.snr_db - heard.snr_db >= SKIRT_DB
        and abs(part.center_freq_hz - heard.center_freq_hz) <= SKIRT_WIDTHS * part.bandwidth_hz
        and part.first_seen_ns < heard.last_seen_ns
        and heard.first_seen_ns < part.last_seen_ns
        for part in alarm.parts
    )


def twin_of(alarm: Alarm, alarms: Iterable[Alarm]) -> Alarm | None:
    """Find another alarm that turned out to be the same transmission.

    The first look at an emitter measures worst: the centre of a burst of two tones is off by half
    their distance until both were heard.  Two sensors may therefore open an alarm each and agree
    later.  An alarm that somebody has taken in hand is never taken away.
    """
    for other in alarms:
        if (
            other.id != alarm.id
            and other.site == alarm.site
            and "new" in (alarm.state, other.state)
            and alarm.is_open
            and other.is_open
            and (
                all(is_skirt(part, alarm) for part in other.parts)
                or all(is_skirt(part, other) for part in alarm.parts)
                or (
                    _near(alarm, other.center_freq_hz, other.bandwidth_hz)
                    and _gap_s(alarm, other.first_seen_ns, other.last_seen_ns) <= SAME_TIME_S
                    and not any(_heard_beside(alarm, part) for part in other.parts)
                )
            )
        ):
            return other
    return None


def context_of(
    alarm: Alarm, elsewhere: Iterable[Alarm], around: Surroundings, weights: Weights
) -> list[Note]:
    """What the place says about an alarm.

    Parameters
    ----------
    alarm : Alarm
    elsewhere : iterable of Alarm
        Alarms of other sites near its frequency.
    around : Surroundings
    weights : Weights
    """
    notes: list[Note] = []
    other_sites = {
        other.site
        for other in elsewhere
        if other.site != alarm.site
        and _near(alarm, other.center_freq_hz, other.bandwidth_hz)
        and _gap_s(alarm, other.first_seen_ns, other.last_seen_ns) <= SAME_TIME_S
    }
    if other_sites:
        args: dict[str, str | float | int] = {"sites": len(other_sites) + 1}
        notes.append(Note(id="reason.also_elsewhere", args=args, weight=weights.also_elsewhere))
    elif around.live_sites >= 2:
        args = {"sites": around.live_sites}
        notes.append(Note(id="reason.only_here", args=args, weight=weights.only_here))

    levels = alarm.sensors()
    total = max(around.live_sensors.get(alarm.site, 0), len(levels))
    if len(levels) >= 2:
        args = {"heard": len(levels), "sensors": total}
        notes.append(Note(id="reason.several_sensors", args=args, weight=weights.several_sensors))
    if stronger := _stronger_side(levels, around.positions, weights):
        notes.append(stronger)
    return notes


def _stronger_side(
    levels: Mapping[str, float], positions: Mapping[str, str], weights: Weights
) -> Note | None:
    """Compare the best sensor inside with the best one outside, where both sides heard it."""
    inside = {s: snr for s, snr in levels.items() if positions.get(s, "") not in (*OUTSIDE, "")}
    outside = {s: snr for s, snr in levels.items() if positions.get(s, "") in OUTSIDE}
    if not inside or not outside:
        return None
    best_in, best_out = max(inside, key=inside.__getitem__), max(outside, key=outside.__getitem__)
    difference_db = inside[best_in] - outside[best_out]
    if abs(difference_db) < CLEARLY_STRONGER_DB:
        return None
    best = best_in if difference_db > 0 else best_out
    side = "inside" if difference_db > 0 else "outside"
    return Note(
        id=f"reason.stronger_{side}",
        args={"position": positions[best], "by_db": round(abs(difference_db), 1)},
        weight=weights.stronger_inside if difference_db > 0 else weights.stronger_outside,
    )


def _near(alarm: Alarm, center_freq_hz: float, bandwidth_hz: float) -> bool:
    """Whether the frequencies may be the same transmission."""
    away_hz = abs(alarm.center_freq_hz - center_freq_hz)
    return away_hz <= gate_hz(center_freq_hz, alarm.bandwidth_hz, bandwidth_hz)


def _gap_s(alarm: Alarm, first_seen_ns: int, last_seen_ns: int) -> float:
    """Time between the two; negative where they overlap."""
    return max(first_seen_ns - alarm.last_seen_ns, alarm.first_seen_ns - last_seen_ns) / 1e9


def _heard_beside(alarm: Alarm, event: EmitterEvent | Part) -> bool:
    """Whether the sensor hears another emitter of this alarm at the same time."""
    return any(
        part.sensor == event.sensor
        and part.emitter not in ("", event.emitter)
        and part.first_seen_ns + BESIDE_NS < event.last_seen_ns
        and event.first_seen_ns + BESIDE_NS < part.last_seen_ns
        for part in alarm.parts
    )
