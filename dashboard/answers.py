"""What the endpoints of ``/api/v1`` answer: plain functions of a checked request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from dashboard import queries, state
from dashboard.access import Identity
from dashboard.accounts import Accounts
from dashboard.actions import Action
from dashboard.alarm_list import AlarmCounts, alarm_cards, alarm_counts
from dashboard.approvals import Approval
from dashboard.asking import Asking
from dashboard.audit import Entry
from dashboard.audit_log import AuditCheck, audit_entries, check_chain
from dashboard.bundle import Bundles
from dashboard.config import MonitorFile
from dashboard.content import Content
from dashboard.cutout import Cutouts
from dashboard.drills import LastDrills
from dashboard.errors import Refused
from dashboard.evidence import ClipCard, Evidence
from dashboard.known import KnownEmitters
from dashboard.notices import Notice
from dashboard.pairs import Pairs
from dashboard.picture import Frame
from dashboard.plans import Plans
from dashboard.recorder import OFFSET_DB, STEP_DB, Recorder, history
from dashboard.reviews import Reviews
from dashboard.saving import OpenFile
from dashboard.second import SecondPerson
from dashboard.staff import Staff
from dashboard.store import Store
from dashboard.taking import Taking
from dashboard.timetable import Timetable
from sensors.bandplan import BandPlan

MAX_DIGITS = 18
TEN_MINUTES_NS = 600 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Monitor:
    """What the endpoints read and write.

    Attributes
    ----------
    store : Store
    board : callable
        The sites as they are now, see `dashboard.state`.
    clock_ns : callable
    recorder : Recorder
    accounts : Accounts
    known : KnownEmitters
    evidence : Evidence
    cutouts : Cutouts
    content : Content
    timetable : Timetable
    plans : Plans
    drills : LastDrills
    pairs : Pairs
    second : SecondPerson
    band_plan : BandPlan
    reviews : Reviews
    asking : Asking
    staff : Staff
    taking : Taking
    file : MonitorFile
        As it was started with.
    bundles : Bundles
    """

    store: Store
    board: Callable[[], state.Board]
    clock_ns: Callable[[], int]
    recorder: Recorder
    accounts: Accounts
    known: KnownEmitters
    evidence: Evidence
    cutouts: Cutouts
    content: Content
    timetable: Timetable
    plans: Plans
    drills: LastDrills
    pairs: Pairs
    second: SecondPerson
    band_plan: BandPlan
    reviews: Reviews
    asking: Asking
    staff: Staff
    taking: Taking
    file: MonitorFile
    bundles: Bundles


@dataclass(frozen=True, slots=True)
class Call:
    """One request, checked against its endpoint's types."""

    monitor: Monitor
    who: Identity
    path: dict[str, str]
    query: Any = None
    body: Any = None

    def number(self, unknown: str) -> int:
        """The ``id`` in the address; one that no row can have is as unknown as one that none has.

        Raises
        ------
        Refused
            With the message id ``unknown`` (404).
        """
        text = self.path["id"]
        if len(text) > MAX_DIGITS:
            raise Refused(unknown, 404, id=text[:40])
        return int(text)


def get_sites(call: Call) -> list[state.SiteCard]:
    """Every site with its sensors, the worst first."""
    monitor = call.monitor
    return state.cards(
        monitor.board(), monitor.clock_ns(), monitor.timetable.sessions, monitor.drills.by_site
    )


def get_sensors(call: Call) -> list[state.SensorCard]:
    """Every sensor, the worst first."""
    sensors = [sensor for site in get_sites(call) for sensor in site.sensors]
    return sorted(sensors, key=lambda sensor: state.WORST_FIRST.index(sensor.state))


def get_coverage(call: Call) -> state.Coverage:
    """Chance of hearing one 2 s message, by band, now."""
    site = call.monitor.board().get(call.path["site"])
    if site is None:
        raise Refused("site.unknown", 404, site=call.path["site"])
    return state.coverage(site, call.monitor.clock_ns())


def get_alarms(call: Call) -> list[msgspec.Raw]:
    """Alarms, the last seen first."""
    return alarm_cards(call.monitor.store.reader, call.query)


def get_alarm_counts(call: Call) -> AlarmCounts:
    """How many alarms there are, in all and by state."""
    return alarm_counts(call.monitor.store.reader, call.query)


def get_alarm(call: Call) -> msgspec.Raw:
    """One alarm."""
    found = queries.alarm_card(call.monitor.store.reader, call.path["id"])
    if found is None:
        raise Refused("alarm.unknown", 404, alarm=call.path["id"])
    return found


def get_actions(call: Call) -> list[Action]:
    """What was done about an alarm, in order."""
    get_alarm(call)
    return queries.actions_of(call.monitor.store.reader, call.path["id"])


def post_action(call: Call) -> msgspec.Raw | Approval:
    """Do something about an alarm; answers with the alarm as it is afterwards.

    Where that takes two persons, answers with the request that the second one decides.
    """
    waiting = call.monitor.second.act(call.path["id"], call.body, call.who)
    return waiting or get_alarm(call)


def get_evidence(call: Call) -> list[ClipCard]:
    """Recordings of an alarm, in order of time."""
    get_alarm(call)
    return call.monitor.evidence.listing(call.path["id"])


def get_evidence_file(call: Call) -> OpenFile:
    """One file of a recording."""
    get_alarm(call)
    return call.monitor.taking.open_file(call.path["id"], call.path["name"], call.who)


def get_notices(call: Call) -> list[Notice]:
    """Gaps, silence and lost devices, the newest first."""
    return queries.notices(call.monitor.store.reader, call.query)


def get_audit(call: Call) -> list[Entry]:
    """The audit log's hash chain."""
    return audit_entries(call.monitor.store.reader, call.query)


def get_audit_check(call: Call) -> AuditCheck:
    """Follow the chain from its first row."""
    return check_chain(call.monitor.store.reader)


class Waterfall(Struct, frozen=True):
    """A window of the recorded waterfall.

    Attributes
    ----------
    levels : bytes
        ``height`` rows of ``width`` codes in Base64, oldest row and lowest frequency first; 0 is
        unseen, code c is ``offset_db + c * step_db`` dBFS, the maximum (or, where that was asked
        for, the mean power) of what is under the pixel.
    """

    sensor: str
    start_ns: int
    stop_ns: int
    start_hz: float
    stop_hz: float
    width: int
    height: int
    offset_db: float
    step_db: float
    levels: bytes


def frame_of(call: Call, sensor: str) -> Frame:
    """Window of a `queries.SpectrumQuery` with what was not given filled in.

    Raises
    ------
    Refused
        Nothing is known of the sensor, or the window is empty (404).
    """
    asked = call.query
    bands = [
        band
        for site in call.monitor.board().values()
        for health in site.heartbeat.sensors
        if health.sensor == sensor
        for band in health.bands
    ]
    if not bands and not asked.stop_hz:
        raise Refused("sensor.unknown", 404, sensor=sensor)
    stop_ns = asked.stop_ns or call.monitor.clock_ns()
    frame = Frame(
        start_ns=asked.start_ns or stop_ns - TEN_MINUTES_NS,
        stop_ns=stop_ns,
        start_hz=asked.start_hz or min((band.start_hz for band in bands), default=0.0),
        stop_hz=asked.stop_hz or max((band.stop_hz for band in bands), default=0.0),
        width=asked.width,
        height=asked.height,
    )
    if frame.stop_hz <= frame.start_hz or frame.stop_ns <= frame.start_ns:
        raise Refused("spectrum.empty", 404)
    return frame


def get_spectrum(call: Call) -> Waterfall:
    """Read tiles and reduce them to pixels."""
    sensor = call.path["sensor"]
    frame = frame_of(call, sensor)
    picture = history(call.monitor.recorder, sensor, frame, call.query.value)
    return Waterfall(
        sensor=sensor,
        start_ns=frame.start_ns,
        stop_ns=frame.stop_ns,
        start_hz=frame.start_hz,
        stop_hz=frame.stop_hz,
        width=frame.width,
        height=frame.height,
        offset_db=OFFSET_DB,
        step_db=STEP_DB,
        levels=picture.tobytes(),
    )
