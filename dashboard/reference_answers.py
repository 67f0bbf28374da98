"""``GET /api/v1/reference/{sensor}``: what a recorded window was compared with at the time."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct
from sqlalchemy import Engine

from dashboard.answers import Call, frame_of
from dashboard.approvals import ApprovalQuery, approvals
from dashboard.recorder import OFFSET_DB, STEP_DB, in_use_since, references
from dashboard.references import reduced
from sensors.messages import Freq, TimeNs

MOST = 400
"""References of one answer: the newest; a baseline that knows the hours changes 24 times a day."""
MOST_SIGNED = 4


class ReferenceQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """The window as in ``GET /api/v1/spectrum/{sensor}``, and its columns."""

    start_ns: TimeNs = 0
    stop_ns: TimeNs = 0
    start_hz: Freq = 0.0
    stop_hz: Freq = 0.0
    width: Annotated[int, Meta(ge=1, le=4096)] = 1200

    height: ClassVar[int] = 1


class Signed(Struct, frozen=True):
    """An exam for which people signed a baseline.

    Attributes
    ----------
    session : str
    wanted_by, decided_by : str
        The second is empty where this centre wants no second person.
    time_ns : int
    """

    session: str
    wanted_by: str
    decided_by: str
    time_ns: int


class Levels(Struct, frozen=True):
    """Codes of the columns, in Base64, as in ``Waterfall.levels``; 0 where there is nothing."""

    baseline: bytes
    threshold: bytes


class PastReference(Struct, frozen=True):
    """What was compared with, from when to when.

    Attributes
    ----------
    baseline : str
        Short hash.
    start_ns, stop_ns : int
        Begin of the first and end of the last row that was recorded under it.
    levels : int
        Index into ``levels`` of the answer.
    signed : list of Signed
        The newest first.
    """

    baseline: str
    start_ns: int
    stop_ns: int
    levels: int
    signed: list[Signed]


class References(Struct, frozen=True):
    """References of a window, in order of time; each band has its own, so that several may overlap.

    Attributes
    ----------
    since_ns : dict
        When each baseline came into use, which may be long before the window.
    """

    sensor: str
    start_hz: float
    stop_hz: float
    width: int
    offset_db: float
    step_db: float
    references: list[PastReference]
    levels: list[Levels]
    since_ns: dict[str, int]


def get_references(call: Call) -> References:
    """Baselines and thresholds of a window, each once however often it counted."""
    sensor = call.path["sensor"]
    frame = frame_of(call, sensor)
    window = (frame.start_ns, frame.stop_ns, frame.start_hz, frame.stop_hz)
    found = references(call.monitor.recorder, sensor, *window)[-MOST:]
    signed = _signed(call.monitor.store.reader, sensor) if found else {}
    numbers: dict[bytes, int] = {}
    levels: list[Levels] = []
    past: list[PastReference] = []
    since_ns: dict[str, int] = {}
    for one in found:
        if one.baseline not in since_ns:
            since_ns[one.baseline] = in_use_since(call.monitor.recorder, one)
        baseline, threshold = (row.tobytes() for row in reduced(one, frame))
        number = numbers.setdefault(baseline + threshold, len(levels))
        if number == len(levels):
            levels.append(Levels(baseline, threshold))
        names = signed.get(one.baseline, [])[:MOST_SIGNED]
        past.append(PastReference(one.baseline, one.first_ns, one.stop_ns, number, names))
    return References(
        sensor=sensor,
        start_hz=frame.start_hz,
        stop_hz=frame.stop_hz,
        width=frame.width,
        offset_db=OFFSET_DB,
        step_db=STEP_DB,
        references=past,
        levels=levels,
        since_ns=since_ns,
    )


def _signed(reader: Engine, sensor: str) -> dict[str, list[Signed]]:
    """Who signed which baseline of a sensor."""
    result: dict[str, list[Signed]] = {}
    for one in approvals(reader, ApprovalQuery(act="baseline", limit=1000)):
        if one.state in ("approved", "single") and sensor in one.what["baselines"]:
            result.setdefault(one.what["baselines"][sensor], []).append(
                Signed(one.what["session"], one.wanted_by, one.decided_by, one.decided_ns)
            )
    return result
