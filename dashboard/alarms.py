"""One alarm per emitter and site: what was heard, and by whom. Pure.

`dashboard.fuse` decides which emitters of a site's sensors are one transmission.  Here is the alarm
they end up in, as a value: every change returns a new one.
"""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import msgspec
from msgspec import Struct

from sensors.messages import EmitterEvent, Note

AlarmState = Literal[
    "new", "acknowledged", "investigating", "handed_over", "dismissed", "closed", "reopened"
]
WAITING: frozenset[AlarmState] = frozenset(("new", "reopened"))
"""States in which nobody has taken notice yet."""
OPEN_STATES: frozenset[AlarmState] = WAITING.union(("acknowledged", "investigating", "handed_over"))
MAX_PARTS_PER_SENSOR = 16
AHEAD_NS = 60 * 1_000_000_000  # a site's clock may be so far ahead of ours
EARLIEST_NS = 1_577_836_800 * 1_000_000_000  # 2020: a computer without a battery begins in 1970


class Part(Struct, frozen=True):
    """One emitter of one sensor inside an alarm.

    Attributes
    ----------
    sensor, emitter : str
        ``emitter`` is empty where older parts of the sensor were folded into one.
    on_air : bool
        Not yet closed by the sensor.
    heard_ns : int
        When its newest event came, by the monitor's clock: a site's clock may be wrong.
    """

    sensor: str
    emitter: str
    on_air: bool
    center_freq_hz: float
    bandwidth_hz: float
    snr_db: float
    excess_db: float
    peak_dbfs: float
    first_seen_ns: int
    last_seen_ns: int
    sightings: int
    on_s: float
    label: str = ""
    label_confidence: float = 0.0
    suspicion: int = 0
    reasons: list[Note] = []
    heard_ns: int = 0

    @classmethod
    def of(cls, event: EmitterEvent, now_ns: int) -> Part:
        """Take over what the newest event says."""
        return cls(
            sensor=event.sensor,
            emitter=event.emitter,
            on_air=event.phase != "close",
            center_freq_hz=event.center_freq_hz,
            bandwidth_hz=event.bandwidth_hz,
            snr_db=event.snr_db,
            excess_db=event.excess_db,
            peak_dbfs=event.peak_dbfs,
            first_seen_ns=event.first_seen_ns,
            last_seen_ns=event.last_seen_ns,
            sightings=event.sightings,
            on_s=event.on_s,
            label=event.label,
            label_confidence=event.label_confidence,
            suspicion=event.suspicion,
            reasons=event.reasons,
            heard_ns=now_ns,
        )

    def merged(self, later: Part) -> Part:
        """Two emitters of the sensor as one old part; the stronger one gives the measurements."""
        strong, weak = (later, self) if later.snr_db >= self.snr_db else (self, later)
        return msgspec.structs.replace(
            strong,
            emitter="",
            on_air=False,
            first_seen_ns=min(self.first_seen_ns, later.first_seen_ns),
            last_seen_ns=max(self.last_seen_ns, later.last_seen_ns),
            sightings=self.sightings + later.sightings,
            on_s=self.on_s + later.on_s,
            suspicion=max(self.suspicion, later.suspicion),
            reasons=union(strong.reasons, weak.reasons),
        )


class Alarm(Struct, frozen=True, dict=True):
    """One emitter at one site.

    Attributes
    ----------
    id, site : str
    state : AlarmState
    parts : tuple of Part
        At least one; at most `MAX_PARTS_PER_SENSOR` of one sensor.
    opened_ns, changed_ns : int
        Monitor's clock.
    owner : str
        Who has it in hand; empty for nobody.
    context : list of Note
        What only the centre can know: this site only, stronger in the hall ...
    drill : bool
        Made by an injected test signal.
    raised_ns : int
        When it last became one that nobody has taken notice of; monitor's clock.
    overdue : bool
        Nobody took notice in the time that the centre allows.
    level : int
        How far up people were told that it is overdue; 0 while it is not.
    known : int
        Number of the entry among the known emitters by which it was dismissed; 0 for none.
    """

    id: str
    site: str
    state: AlarmState
    parts: tuple[Part, ...]
    opened_ns: int
    changed_ns: int
    owner: str = ""
    context: list[Note] = []
    drill: bool = False
    raised_ns: int = 0
    overdue: bool = False
    known: int = 0
    level: int = 0

    @cached_property
    def loudest(self) -> Part:
        """The part whose measurements stand for the alarm."""
        return max(self.parts, key=lambda part: part.snr_db)

    @property
    def center_freq_hz(self) -> float:
        """Centre as the sensor with the best signal measured it."""
        return self.loudest.center_freq_hz

    @property
    def bandwidth_hz(self) -> float:
        """Bandwidth as the sensor with the best signal measured it."""
        return self.loudest.bandwidth_hz

    @property
    def first_seen_ns(self) -> int:
        """Start of the first sighting."""
        return min(part.first_seen_ns for part in self.parts)

    @property
    def last_seen_ns(self) -> int:
        """End of the last sighting."""
        return max(part.last_seen_ns for part in self.parts)

    @property
    def heard_ns(self) -> int:
        """When its newest event came, monitor's clock; 0 where nobody wrote that down."""
        return max(part.heard_ns for part in self.parts)

    @property
    def clock_doubtful(self) -> bool:
        """Whether the site's times cannot be: after they came here, or before there were any."""
        heard_ns = self.heard_ns
        return heard_ns > 0 and not EARLIEST_NS <= self.last_seen_ns <= heard_ns + AHEAD_NS

    @property
    def listed_ns(self) -> tuple[int, int]:
        """First and last sighting as lists order them: none stands on top for ever."""
        seen = (self.first_seen_ns, self.last_seen_ns)
        return (self.opened_ns, self.heard_ns) if self.clock_doubtful else seen

    @property
    def on_air(self) -> bool:
        """Whether a sensor still hears it."""
        return any(part.on_air for part in self.parts)

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.state in OPEN_STATES

    def sensors(self) -> dict[str, float]:
        """Best SNR of each sensor that heard it, strongest first."""
        best: dict[str, float] = {}
        for part in self.parts:
            best[part.sensor] = max(part.snr_db, best.get(part.sensor, part.snr_db))
        return dict(sorted(best.items(), key=lambda item: -item[1]))

    def sightings(self) -> tuple[int, float]:
        """Times and seconds on the air, of the sensor that heard it most often.

        Several sensors hear the same transmission: their counts do not add up.
        """
        counts: dict[str, tuple[int, float]] = {}
        for part in self.parts:
            count, on_s = counts.get(part.sensor, (0, 0.0))
            counts[part.sensor] = (count + part.sightings, on_s + part.on_s)
        return max(counts.values())

    def reasons(self) -> list[Note]:
        """Every reason once, the weightiest first."""
        notes = self.context
        for part in sorted(self.parts, key=lambda part: part.snr_db, reverse=True):
            notes = union(notes, part.reasons)
        return sorted(notes, key=lambda note: -note.weight)

    @property
    def suspicion(self) -> int:
        """0-100: the most that a sensor found, plus what the centre knows."""
        base = max(part.suspicion for part in self.parts)
        return min(max(base + sum(note.weight for note in self.context), 0), 100)


def union(first: list[Note], second: list[Note]) -> list[Note]:
    """Notes of both lists, one of each id; those of the first list stand."""
    known = {note.id for note in first}
    return [*first, *(note for note in second if note.id not in known)]


def open_alarm(alarm_id: str, event: EmitterEvent, now_ns: int) -> Alarm:
    """Begin an alarm with its first event."""
    return Alarm(
        id=alarm_id,
        site=event.site,
        state="new",
        parts=(Part.of(event, now_ns),),
        opened_ns=now_ns,
        changed_ns=now_ns,
        raised_ns=now_ns,
        drill=event.drill,
    )


def hear(alarm: Alarm, event: EmitterEvent, now_ns: int) -> Alarm:
    """Add or update the part that an event belongs to.

    A closed alarm is reopened by a sighting that began after it was closed; a dismissed one stays
    dismissed: somebody decided that this emitter is not worth an alarm.
    """
    new = Part.of(event, now_ns)
    kept = [p for p in alarm.parts if (p.sensor, p.emitter) != (new.sensor, new.emitter)]
    was_there = len(kept) < len(alarm.parts)
    own = sorted(
        (part for part in kept if part.sensor == new.sensor), key=lambda part: part.first_seen_ns
    )
    others = [part for part in kept if part.sensor != new.sensor]
    while len(own) >= MAX_PARTS_PER_SENSOR:
        own[:2] = [own[0].merged(own[1])]
    returns = alarm.state == "closed" and not was_there and new.on_air
    return msgspec.structs.replace(
        alarm,
        parts=(*others, *own, new),
        state="reopened" if returns else alarm.state,
        raised_ns=now_ns if returns else alarm.raised_ns,
        changed_ns=now_ns,
        drill=alarm.drill and event.drill,
    )


def absorb(alarm: Alarm, other: Alarm, now_ns: int) -> Alarm:
    """Take over everything that was heard in another alarm of the same transmission."""
    parts = list(alarm.parts)
    for sensor in {part.sensor for part in other.parts}:
        own = [part for part in (*alarm.parts, *other.parts) if part.sensor == sensor]
        own.sort(key=lambda part: part.first_seen_ns)
        while len(own) > MAX_PARTS_PER_SENSOR:
            own[:2] = [own[0].merged(own[1])]
        parts = [part for part in parts if part.sensor != sensor] + own
    return msgspec.structs.replace(
        alarm, parts=tuple(parts), changed_ns=now_ns, drill=alarm.drill and other.drill
    )


def explain(alarm: Alarm, entry: int) -> Alarm:
    """Dismiss an alarm that a known emitter explains; raise it again when it no longer does.

    Only while nobody has taken it in hand: what people decided stands.

    Parameters
    ----------
    alarm : Alarm
    entry : int
        Number of the known emitter; 0 when none explains it.
    """
    if alarm.state == "new" and entry:
        return msgspec.structs.replace(alarm, state="dismissed", known=entry)
    if alarm.state == "dismissed" and alarm.known and not entry:
        raised_ns = alarm.changed_ns
        return msgspec.structs.replace(alarm, state="reopened", known=0, raised_ns=raised_ns)
    return alarm
