"""The record of one exam session: what the file needs, gathered from the store and the history.

It is read in one moment of the store, so that its numbers agree with each other and with the head
of the audit log that it names.  Long lists are cut where a person stops reading; what was left out
is counted, and the audit head proves it too.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine

from dashboard.config import MonitorFile
from dashboard.errors import Refused
from dashboard.phases import Session, now_of
from dashboard.reading import moment
from dashboard.report_acts import Acts, acts_of
from dashboard.report_alarms import Alarms, alarms_of
from dashboard.report_people import People, people_of
from dashboard.report_reviews import Looked, looked_of
from dashboard.report_sites import SiteFacts, sites_of
from dashboard.report_span import Span
from dashboard.report_watch import Watching, watching_of
from dashboard.tiles import TileFiles
from dashboard.timetable import sessions_of


class Report(Struct, frozen=True, kw_only=True):
    """The whole record; ``--json`` prints it as it is.

    Attributes
    ----------
    monitor, version : str
        The centre, and the rfproctor that made this record.
    made_ns : int
    session : Session
    phase : str
        In which the session was when the record was made.
    span : Span
    lacks : list of str
        What this record lacks, as message ids below ``report.lack``: nothing here is smoothed over.
    """

    kind: Literal["report"] = "report"
    monitor: str
    version: str
    made_ns: int
    session: Session
    phase: str
    span: Span
    sites: list[SiteFacts]
    people: People
    watching: Watching
    alarms: Alarms
    looked: Looked
    acts: Acts
    lacks: list[str]


def report_of(
    reader: Engine, files: TileFiles, config: MonitorFile, number: int, now_ns: int
) -> Report:
    """Gather the record of a session.

    Raises
    ------
    Refused
        No such session (404).
    """
    with moment(reader) as connection:
        session = session_of(connection, number)
        span = Span.of(session, now_ns)
        sites = sites_of(connection, session.site, span)
        names = [site.site for site in sites]
        recording = [site.site for site in sites if site.sensors]
        people = people_of(connection, session, span)
        alarms = alarms_of(connection, session.site, span)
        acts = acts_of(connection, session.site, span, [line.id for line in alarms.lines])
        looked = looked_of(connection, names, recording, span, config.desk.review_s)
        watching = watching_of(connection, files, sites, span, people.signed())
    return Report(
        monitor=config.monitor.id,
        version=version("rfproctor"),
        made_ns=now_ns,
        session=session,
        phase="removed" if session.ended_ns else now_of(session, now_ns).phase,
        span=span,
        sites=sites,
        people=people,
        watching=watching,
        alarms=alarms,
        looked=looked,
        acts=acts,
        lacks=_lacks(people, watching, alarms, looked, acts),
    )


def session_of(connection: Connection, number: int) -> Session:
    """One session, as the store has it.

    Raises
    ------
    Refused
        No such session (404).
    """
    found = [one for one in sessions_of(connection) if one.id == number]
    if not found:
        raise Refused("session.unknown", 404, id=number)
    return found[0]


def _lacks(
    people: People, watching: Watching, alarms: Alarms, looked: Looked, acts: Acts
) -> list[str]:
    """What somebody who signs this should know first."""
    drills = looked.drills
    found = {
        "unsigned": not people.signed(),
        "no_shift": not people.handovers,
        "no_history": not watching.recorded,
        "gaps": bool(watching.gaps),
        "baseline": any(band.differs for band in watching.bands),
        "no_drill": not drills,
        "drill_failed": any(not drill.passed for drill in drills),
        "alarms_open": bool(alarms.open),
        "reviews": bool(looked.missing),
        "reviews_late": bool(looked.late),
        "undelivered": bool(acts.undelivered),
        "chain": bool(acts.head.broken),
        "unanswered": any(order.accepted is not True for order in acts.orders),
    }
    return [name for name, lacking in found.items() if lacking]


def as_json(report: Report) -> bytes:
    """The record for machines: one line."""
    return msgspec.json.encode(report)
