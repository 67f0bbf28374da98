"""What the endpoints of the desk answer: known emitters, parts of an alarm, the timetable."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from dashboard import queries
from dashboard.alarms import Part
from dashboard.answers import Call, get_alarm, get_sensors
from dashboard.cutout import Cutout
from dashboard.known import Known
from dashboard.known_csv import CsvRow, read_csv, read_rows
from dashboard.notify import Delivery
from dashboard.saving import OpenFile
from dashboard.sightings import Sightings, sightings_of
from dashboard.timetable import SessionCard
from sensors.messages import Note


class BaselineCard(Struct, frozen=True):
    """The baseline that a sensor compares with now.

    Attributes
    ----------
    baseline : str
        Short hash; empty when it detects without one.
    """

    site: str
    sensor: str
    baseline: str
    gain_db: float | None
    age_s: float


def get_baselines(call: Call) -> list[BaselineCard]:
    """Which baseline each sensor uses, those without one first."""
    cards = [
        BaselineCard(sensor.site, sensor.sensor, sensor.baseline, sensor.gain_db, sensor.age_s)
        for sensor in get_sensors(call)
    ]
    return sorted(cards, key=lambda card: (card.baseline != "", card.sensor))


class CsvImport(Struct, forbid_unknown_fields=True, frozen=True):
    """Body of ``POST /api/v1/known/import``.

    Attributes
    ----------
    csv : str
        The text of a CSV file.
    skip_refused : bool
        Leave out the rows that cannot be taken, instead of taking none.
    """

    csv: Annotated[str, Meta(max_length=500_000)]
    skip_refused: bool = False


def get_known(call: Call) -> list[Known]:
    """Every entry, ended ones too, the newest first."""
    return call.monitor.known.entries()


def post_known(call: Call) -> Known:
    """Add a known emitter."""
    return call.monitor.known.add([call.body], call.who.name)[0]


def post_known_import(call: Call) -> list[Known]:
    """Add the stations of a CSV file: all or none, or what is right and new of them."""
    if call.body.skip_refused:
        wishes = [row.entry for row in post_known_preview(call) if row.entry is not None]
    else:
        wishes = read_csv(call.body.csv)
    return call.monitor.known.add(wishes, call.who.name)


def post_known_preview(call: Call) -> list[CsvRow]:
    """Read the stations of a CSV file and keep nothing."""
    there = call.monitor.known.current()
    rows: list[CsvRow] = []
    for row in read_rows(call.body.csv):
        if row.entry is not None and row.entry in there:
            row = CsvRow(row.line, refused=Note("known.csv_already", {"line": row.line}))
        elif row.entry is not None:
            there.add(row.entry)
        rows.append(row)
    return rows


def delete_known(call: Call) -> Known:
    """End an entry."""
    return call.monitor.known.end(call.number("known.unknown"), call.who.name)


def get_sessions(call: Call) -> list[SessionCard]:
    """The exam timetable, the latest exam first."""
    return call.monitor.timetable.cards(call.monitor.clock_ns())


def post_session(call: Call) -> SessionCard:
    """Put a session into the timetable."""
    return call.monitor.timetable.add(call.body, call.who.name)


def delete_session(call: Call) -> SessionCard:
    """Take a session out of the timetable."""
    return call.monitor.timetable.end(call.number("session.unknown"), call.who.name)


def get_parts(call: Call) -> list[Part]:
    """What each sensor heard, emitter by emitter, the earliest first."""
    get_alarm(call)
    parts = queries.parts_of(call.monitor.store.reader, call.path["id"])
    return sorted(parts, key=lambda part: part.first_seen_ns)


def get_sightings(call: Call) -> Sightings:
    """When it was on the air, and when it is expected next."""
    get_alarm(call)
    monitor = call.monitor
    return sightings_of(monitor.store.reader, call.path["id"], monitor.clock_ns())


def get_cutout(call: Call) -> Cutout:
    """A recording as a picture: levels, never what was said."""
    get_alarm(call)
    path = call.path
    return call.monitor.cutouts.of(path["id"], path["name"], call.query, call.who.name)


def get_audio(call: Call) -> OpenFile:
    """A recording as sound."""
    get_alarm(call)
    path = call.path
    return call.monitor.content.audio(path["id"], path["name"], call.query, call.who.name)


def get_bundle(call: Call) -> OpenFile:
    """Everything that proves an alarm, for somebody who has nothing else."""
    return call.monitor.bundles.make(call.path["id"], call.query, call.who)


def get_deliveries(call: Call) -> list[Delivery]:
    """What was sent to whom, and whether it arrived."""
    return queries.deliveries(call.monitor.store.reader, call.query.limit)
