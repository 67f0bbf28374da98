"""What was looked at in a session beside alarms: recorded time, drills, and what sites told."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, func, or_, select

from dashboard import schema
from dashboard.drills import TOLD, Drill, drills_of
from dashboard.notices import Notice
from dashboard.report_span import MOST, Span
from dashboard.reviews import SECOND, Review, missing


class Unseen(Struct, frozen=True):
    """Time of the session that nobody has looked through again.

    Attributes
    ----------
    until_ns : int
        When it should have been.
    overdue : bool
    """

    site: str
    start_ns: int
    stop_ns: int
    until_ns: int
    overdue: bool


class Looked(Struct, frozen=True):
    """Reviews, drills and notices.

    Attributes
    ----------
    allowed_s : float
        Within which recorded time is to be looked through; 0 for no such rule.
    late : list of int
        Numbers of the reviews that came later than that.
    notices : list of Notice
        Warnings and alarms about sites that touched the session.
    """

    allowed_s: float
    reviews: list[Review]
    reviews_left: int
    late: list[int]
    missing: list[Unseen]
    drills: list[Drill]
    notices: list[Notice]
    notices_left: int


def looked_of(
    connection: Connection,
    sites: Sequence[str],
    recording: Sequence[str],
    span: Span,
    allowed_s: float,
) -> Looked:
    """Read reviews, drills and notices of the session's sites; those with sensors are reviewed."""
    reviews, allowed_ns = _reviews(connection, sites, span), round(allowed_s * SECOND)
    late = [
        one.id
        for one in reviews
        if allowed_ns and one.created_ns > max(one.start_ns, span.start_ns) + allowed_ns
    ]
    notices, left = _notices(connection, sites, span)
    return Looked(
        allowed_s=allowed_s,
        reviews=reviews[:MOST],
        reviews_left=len(reviews[MOST:]),
        late=late,
        missing=_missing(reviews, recording, span, allowed_ns) if allowed_ns else [],
        drills=_drills(connection, sites, span),
        notices=notices,
        notices_left=left,
    )


def _reviews(connection: Connection, sites: Sequence[str], span: Span) -> list[Review]:
    table = schema.reviews
    query = (
        select(table)
        .where(table.c.stop_ns > span.start_ns, table.c.start_ns < span.stop_ns)
        .order_by(table.c.start_ns, table.c.id)
    )
    found = (Review(**row._mapping) for row in connection.execute(query))
    return [one for one in found if one.site in set(sites)]


def _missing(
    reviews: Sequence[Review], sites: Sequence[str], span: Span, allowed_ns: int
) -> list[Unseen]:
    found = []
    for site in sites:
        seen = [(one.start_ns, one.stop_ns) for one in reviews if one.site == site]
        for start_ns, stop_ns in missing((span.start_ns, span.stop_ns), seen):
            if stop_ns - start_ns >= SECOND:
                until_ns = start_ns + allowed_ns
                found.append(Unseen(site, start_ns, stop_ns, until_ns, span.now_ns > until_ns))
    return found


def _drills(connection: Connection, sites: Sequence[str], span: Span) -> list[Drill]:
    table = schema.notices
    query = select(table).where(
        table.c.note_id == TOLD,
        table.c.start_ns >= span.eve_ns,
        table.c.start_ns < span.end_ns,
    )
    told = [Notice.of_row(row) for row in connection.execute(query)]
    found = drills_of(one for one in told if one.site in set(sites))
    return sorted(found, key=lambda drill: (drill.start_ns, drill.site))[:MOST]


def _notices(connection: Connection, sites: Sequence[str], span: Span) -> tuple[list[Notice], int]:
    """Warnings and alarms that touched the session, those of the centre itself too."""
    table = schema.notices
    ours = (
        (table.c.start_ns < span.end_ns)
        & or_(table.c.stop_ns == 0, table.c.stop_ns >= span.begin_ns)
        & (table.c.level != "info")
        & table.c.site.in_([*sites, ""])
    )
    count = connection.scalar(select(func.count()).select_from(table).where(ours)) or 0
    query = select(table).where(ours).order_by(table.c.start_ns, table.c.id).limit(MOST)
    found = [Notice.of_row(row) for row in connection.execute(query)]
    return found, count - len(found)
