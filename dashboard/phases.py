"""An exam's phases, derived from its times.  Pure: the time is an argument.

``survey`` until the drill begins, ``drill`` while the watch is tried out, ``armed`` before the
papers open, ``open`` while they are written, ``closing`` while they are collected, then ``sealed``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from sensors.messages import TimeNs

Phase = Literal["survey", "drill", "armed", "open", "closing", "sealed"]
EVERY_SITE = "*"
SECOND = 1_000_000_000

Title = Annotated[str, Meta(min_length=1, max_length=200)]
Where = Annotated[str, Meta(max_length=64, pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9._/-]*)$")]
Lead = Annotated[float, Meta(ge=0, le=7 * 86_400)]


class NewSession(Struct, forbid_unknown_fields=True, frozen=True):
    """Body of ``POST /api/v1/sessions``.

    Attributes
    ----------
    name : str
    start_ns, stop_ns : int
        Papers open and papers in, UTC.
    site : str
        ``*`` for every site.
    drill_s, armed_s : float
        The drill and the armed watch begin so long before the papers open.
    closing_s : float
        Sealed so long after the papers are in.
    """

    name: Title
    start_ns: TimeNs
    stop_ns: TimeNs
    site: Where = EVERY_SITE
    drill_s: Lead = 3600.0
    armed_s: Lead = 1800.0
    closing_s: Lead = 1800.0


class Session(NewSession, frozen=True, kw_only=True):
    """A session as it is kept.

    Attributes
    ----------
    id : int
    author : str
    created_ns : int
    ended_ns : int
        When somebody took it out of the timetable; 0 while it counts.  None is ever deleted.
    ended_by : str
    """

    id: int
    author: str
    created_ns: int
    ended_ns: int = 0
    ended_by: str = ""

    def until(self) -> tuple[tuple[Phase, int], ...]:
        """Phases in order, each with its end."""
        return (
            ("survey", self.start_ns - round(self.drill_s * SECOND)),
            ("drill", self.start_ns - round(self.armed_s * SECOND)),
            ("armed", self.start_ns),
            ("open", self.stop_ns),
            ("closing", self.stop_ns + round(self.closing_s * SECOND)),
        )

    def overlaps(self, other: NewSession) -> bool:
        """Whether both have their papers open at one site at one time."""
        same = self.site == other.site or EVERY_SITE in (self.site, other.site)
        return same and self.start_ns < other.stop_ns and other.start_ns < self.stop_ns


class Now(Struct, frozen=True):
    """Where a session stands.

    Attributes
    ----------
    id : int
    name : str
    phase : Phase
    until_ns : int
        End of the phase; 0 when sealed.
    remaining_s : float
    start_ns, stop_ns : int
    """

    id: int
    name: str
    phase: Phase
    until_ns: int
    remaining_s: float
    start_ns: int
    stop_ns: int


def now_of(session: Session, now_ns: int) -> Now:
    """Where a session stands at a time."""
    phase: Phase
    phase, until_ns = "sealed", 0
    for name, end_ns in session.until():
        if now_ns < end_ns:
            phase, until_ns = name, end_ns
            break
    return Now(
        id=session.id,
        name=session.name,
        phase=phase,
        until_ns=until_ns,
        remaining_s=round(max(until_ns - now_ns, 0) / SECOND, 3),
        start_ns=session.start_ns,
        stop_ns=session.stop_ns,
    )


def current(sessions: Iterable[Session], site: str, now_ns: int) -> Now | None:
    """The session that counts at a site: open papers first, then what comes next, then the last.

    While the papers of one exam are collected the drill of the next may have begun: the one that
    is further on is shown.
    """
    own = [one for one in sessions if not one.ended_ns and one.site in (EVERY_SITE, site)]
    own.sort(key=lambda one: (one.start_ns, one.id))
    standings = [now_of(one, now_ns) for one in own]
    for standing in standings:
        if standing.phase == "open":
            return standing
    for standing in standings:
        if standing.phase != "sealed":
            return standing
    return standings[-1] if standings else None
