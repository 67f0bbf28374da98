"""An alarm as people and scripts see it: the sentence first, then the numbers. Pure."""

from __future__ import annotations

from msgspec import Struct

from dashboard.alarms import Alarm, AlarmState
from sensors.messages import Note

LONG_S = 120.0
"""From here on people read minutes."""
SHORT_BURST_S = 5.0
"""Mean time on the air up to which repeated sightings are called bursts."""


def sentence(alarm: Alarm) -> list[Note]:
    """What the card says first, as notes of the catalogue; the page joins them with commas."""
    count, on_s = alarm.sightings()
    mean_on_s = on_s / max(count, 1)
    freq_mhz = round(alarm.center_freq_hz / 1e6, 4)
    span_s = (alarm.last_seen_ns - alarm.first_seen_ns) / 1e9
    bursts = count >= 2 and mean_on_s <= SHORT_BURST_S
    minutes = round(on_s / 60, 1)
    long = on_s >= LONG_S
    what = Note(id="sentence.heard", args={"freq_mhz": freq_mhz, "on_s": round(on_s, 1)})
    if long:
        what = Note(id="sentence.heard_min", args={"freq_mhz": freq_mhz, "on_min": minutes})
    if bursts and count >= 3:
        every_s = (span_s - mean_on_s) / (count - 1)
        args: dict[str, str | float | int] = {"freq_mhz": freq_mhz, "on_s": round(mean_on_s, 1)}
        if every_s >= 90:
            what = Note(id="sentence.bursts_min", args={**args, "every_min": round(every_s / 60)})
        else:
            what = Note(id="sentence.bursts_s", args={**args, "every_s": round(every_s)})
    elif bursts:
        args = {"freq_mhz": freq_mhz, "on_s": round(mean_on_s, 1), "count": count}
        what = Note(id="sentence.bursts", args=args)
    elif alarm.on_air and mean_on_s > SHORT_BURST_S and long:
        what = Note(id="sentence.steady_min", args={"freq_mhz": freq_mhz, "on_min": minutes})
    elif alarm.on_air and mean_on_s > SHORT_BURST_S:
        what = Note(id="sentence.steady", args={"freq_mhz": freq_mhz, "on_s": round(on_s)})
    told = ("reason.only_here", "reason.also_elsewhere", "reason.stronger_inside")
    return [what, *(note for note in alarm.context if note.id in told)]


class SensorLevel(Struct, frozen=True):
    """Best SNR at one sensor."""

    sensor: str
    snr_db: float


class Card(Struct, frozen=True):
    """An alarm as the HTTP interface shows it; every page and script reads this form.

    Attributes
    ----------
    clock_doubtful : bool
        Its times cannot be; lists order it by when it was heard of here.
    """

    id: str
    site: str
    sensors: list[str]
    state: AlarmState
    center_freq_hz: float
    bandwidth_hz: float
    first_seen_ns: int
    last_seen_ns: int
    snr_db: float
    sightings: int
    label: str
    suspicion: int
    reasons: list[Note]
    label_confidence: float
    sentence: list[Note]
    on_air: bool
    on_s: float
    excess_db: float
    levels: list[SensorLevel]
    owner: str
    drill: bool
    opened_ns: int
    changed_ns: int
    overdue: bool
    known: int
    level: int
    clock_doubtful: bool = False


def card(alarm: Alarm) -> Card:
    """Show an alarm."""
    loudest = alarm.loudest
    count, on_s = alarm.sightings()
    labelled = max(alarm.parts, key=lambda part: part.label_confidence)
    levels = alarm.sensors()
    return Card(
        id=alarm.id,
        site=alarm.site,
        sensors=list(levels),
        state=alarm.state,
        center_freq_hz=loudest.center_freq_hz,
        bandwidth_hz=loudest.bandwidth_hz,
        first_seen_ns=alarm.first_seen_ns,
        last_seen_ns=alarm.last_seen_ns,
        snr_db=loudest.snr_db,
        sightings=count,
        label=labelled.label,
        suspicion=alarm.suspicion,
        reasons=alarm.reasons(),
        label_confidence=labelled.label_confidence,
        sentence=sentence(alarm),
        on_air=alarm.on_air,
        on_s=on_s,
        excess_db=max(part.excess_db for part in alarm.parts),
        levels=[SensorLevel(sensor, snr_db) for sensor, snr_db in levels.items()],
        owner=alarm.owner,
        drill=alarm.drill,
        opened_ns=alarm.opened_ns,
        changed_ns=alarm.changed_ns,
        overdue=alarm.overdue,
        known=alarm.known,
        level=alarm.level,
        clock_doubtful=alarm.clock_doubtful,
    )
