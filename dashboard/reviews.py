"""What was recorded during an exam is looked through again, within hours, by somebody else.

The rule is the one for the recordings of a strong room: every interval within six hours, by a
person who was not on duty then.  What nobody looked through in time is a notice, which people
further up can have sent to them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import insert, select

from dashboard import schema
from dashboard.duty import Duty
from dashboard.errors import Refused
from dashboard.notices import Notice
from dashboard.notify import REVIEW_OVERDUE
from dashboard.phases import EVERY_SITE, Session
from dashboard.store import Store
from sensors.messages import Id, Note, TimeNs

SECOND = 1_000_000_000
LOOK_BACK_NS = 14 * 86_400 * SECOND
"""Exams before that are history: their recordings are gone."""
Span = tuple[int, int]


class NewReview(Struct, forbid_unknown_fields=True, frozen=True):
    """Body of ``POST /api/v1/reviews``: this time of this site was looked through.

    Attributes
    ----------
    findings : str
        What was found; "nothing" is a finding too.
    """

    site: Id
    start_ns: TimeNs
    stop_ns: TimeNs
    findings: Annotated[str, Meta(min_length=1, max_length=2000)]


class ReviewQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """``GET /api/v1/reviews``: of time between the two, the newest first; empty and 0 for any.

    Attributes
    ----------
    before : int
        Only reviews with a lower number: the next page.
    """

    since_ns: TimeNs = 0
    until_ns: TimeNs = 0
    site: Annotated[str, Meta(max_length=64)] = ""
    before: Annotated[int, Meta(ge=0, le=2**62)] = 0
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000


class Review(Struct, frozen=True):
    """A review as it is kept."""

    id: int
    site: str
    start_ns: int
    stop_ns: int
    findings: str
    author: str
    created_ns: int


class Due(Struct, frozen=True):
    """Time of an exam that nobody has looked through yet.

    Attributes
    ----------
    session : int
    until_ns : int
        When it should have been.
    overdue : bool
    own_watch : bool
        Who asks was on duty then: somebody else must look.
    """

    session: int
    name: str
    site: str
    start_ns: int
    stop_ns: int
    until_ns: int
    overdue: bool
    own_watch: bool = False


class Reviews:
    """All reviews, and what is still to be reviewed.

    Parameters
    ----------
    store : Store
    sessions : callable
        The exam timetable now.
    sites : callable
        Names of the sites that are known now.
    allowed_s : float
        0 for no such rule.
    is_person : callable
        Whether a name is somebody's, not a script's: scripts look through nothing.
    tell : callable
        Told of every review, from any thread.
    """

    def __init__(
        self,
        store: Store,
        sessions: Callable[[], Sequence[Session]],
        sites: Callable[[], Iterable[str]],
        allowed_s: float,
        is_person: Callable[[str], bool] = lambda name: True,
        tell: Callable[[Review], None] = lambda review: None,
    ) -> None:
        self._store = store
        self._is_person = is_person
        self._tell = tell
        self._sessions = sessions
        self._sites = sites
        self._allowed_ns = round(allowed_s * SECOND)
        table = schema.notices
        lasting = select(table).where(table.c.note_id == REVIEW_OVERDUE, table.c.stop_ns == 0)
        with store.reader.connect() as connection:
            told = [Notice.of_row(row) for row in connection.execute(lasting)]
        self._told = {notice.key: notice for notice in told}

    def reviews(self, query: ReviewQuery) -> list[Review]:
        """What was looked through, the newest first."""
        table = schema.reviews
        wanted = select(table).where(table.c.stop_ns > query.since_ns)
        if query.until_ns:
            wanted = wanted.where(table.c.start_ns < query.until_ns)
        if query.site:
            wanted = wanted.where(table.c.site == query.site)
        if query.before:
            wanted = wanted.where(table.c.id < query.before)
        wanted = wanted.order_by(table.c.id.desc()).limit(query.limit)
        with self._store.reader.connect() as connection:
            return [Review(**row._mapping) for row in connection.execute(wanted)]

    def due(self, who: str = "") -> list[Due]:
        """What is still to be looked through, the most urgent first; and whether ``who`` may."""
        if not self._allowed_ns:
            return []
        now_ns = self._store.now_ns()
        recent = [
            one
            for one in self._sessions()
            if not one.ended_ns and one.start_ns < now_ns and one.stop_ns > now_ns - LOOK_BACK_NS
        ]
        if not recent:
            return []
        since_ns = min(session.start_ns for session in recent)
        seen, duty = self._seen(since_ns), self._duty(who, since_ns) if who else None
        found = []
        for session in recent:
            whole = (session.start_ns, min(session.stop_ns, now_ns))
            sites = self._sites() if session.site == EVERY_SITE else [session.site]
            for site in sites:
                for start_ns, stop_ns in missing(whole, seen.get(site, ())):
                    if stop_ns - start_ns < SECOND:
                        continue  # browsers count in steps of 256 ns
                    until_ns = start_ns + self._allowed_ns
                    found.append(
                        Due(
                            session=session.id,
                            name=session.name,
                            site=site,
                            start_ns=start_ns,
                            stop_ns=stop_ns,
                            until_ns=until_ns,
                            overdue=now_ns > until_ns,
                            own_watch=bool(duty and duty.includes(site, start_ns, stop_ns)),
                        )
                    )
        return sorted(found, key=lambda one: (one.until_ns, one.site))

    def add(self, wish: NewReview, author: str) -> Review:
        """Say that a time was looked through.

        Raises
        ------
        Refused
            A time that ends before it begins or has not passed, by a script, or by who was on
            duty then (409).
        """
        now_ns = self._store.now_ns()
        if wish.stop_ns <= wish.start_ns or wish.stop_ns > now_ns:
            raise Refused("review.backwards", 409)
        if not self._is_person(author):
            raise Refused("review.needs_account", 409)
        with self._store.writing() as connection:
            duty = Duty(connection, author, wish.start_ns)
            if duty.includes(wish.site, wish.start_ns, wish.stop_ns):
                raise Refused("review.own_watch", 409, site=wish.site)
            row = {**msgspec.structs.asdict(wish), "author": author, "created_ns": now_ns}
            added = connection.execute(insert(schema.reviews).values(row))
            (number,) = added.inserted_primary_key or (0,)
            self._store.note(connection, author, "review.made", str(number), row)
        review = Review(**{**row, "id": number})
        self._tell(review)
        return review

    def tend(self) -> None:
        """Say what became overdue, once, and when it no longer is."""
        notices = [_notice(one) for one in self.due() if one.overdue]
        late = {notice.key: notice for notice in notices}
        for key, notice in late.items():
            if key not in self._told:
                self._store.notice(notice)
        for key, notice in self._told.items():
            if key not in late:
                ended = msgspec.structs.replace(notice, stop_ns=self._store.now_ns())
                self._store.notice(ended)
        self._told = late

    def _seen(self, since_ns: int) -> dict[str, list[Span]]:
        """What was looked through since then, by site."""
        table = schema.reviews
        query = select(table.c.site, table.c.start_ns, table.c.stop_ns)
        spans: dict[str, list[Span]] = defaultdict(list)
        with self._store.reader.connect() as connection:
            for row in connection.execute(query.where(table.c.stop_ns > since_ns)):
                spans[row.site].append((row.start_ns, row.stop_ns))
        return spans

    def _duty(self, who: str, since_ns: int) -> Duty:
        with self._store.reader.connect() as connection:
            return Duty(connection, who, since_ns)


def missing(whole: Span, parts: Iterable[Span]) -> list[Span]:
    """What of a span none of the parts covers, in order."""
    start, stop = whole
    gaps = []
    for first, last in sorted(parts):
        if first > start:
            gaps.append((start, min(first, stop)))
        start = max(start, last)
        if start >= stop:
            break
    if start < stop:
        gaps.append((start, stop))
    return [(first, last) for first, last in gaps if first < last]


def _notice(late: Due) -> Notice:
    return Notice(
        site=late.site,
        sensor="",
        level="alarm",
        note=Note(REVIEW_OVERDUE, {"name": late.name, "minutes": _minutes(late)}),
        start_ns=late.until_ns,
    )


def _minutes(late: Due) -> int:
    return round((late.stop_ns - late.start_ns) / SECOND / 60)
