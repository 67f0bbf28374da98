"""The exam timetable as it is kept; memory answers, the disk remembers."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, select

from dashboard import schema
from dashboard.database import upsert
from dashboard.errors import Refused
from dashboard.phases import NewSession, Now, Session, now_of
from dashboard.store import Store


class SessionCard(Session, frozen=True, kw_only=True):
    """A session with where it stands now."""

    now: Now


class Timetable:
    """All sessions.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.reader.connect() as connection:
            self._sessions = {session.id: session for session in sessions_of(connection)}

    @property
    def sessions(self) -> list[Session]:
        """Every session, ended ones too."""
        return list(self._sessions.values())

    def cards(self, now_ns: int) -> list[SessionCard]:
        """Every session and where it stands, the latest exam first."""
        return [_card(session, now_ns) for session in latest_first(self.sessions)]

    def session(self, number: int) -> Session:
        """One session.

        Raises
        ------
        Refused
            No such session (404).
        """
        if (session := self._sessions.get(number)) is None:
            raise Refused("session.unknown", 404, id=number)
        return session

    def add(self, wish: NewSession, author: str) -> SessionCard:
        """Put a session into the timetable.

        Raises
        ------
        Refused
            Times in the wrong order, or papers open twice at one time and site (409).
        """
        now_ns = self._store.now_ns()
        if wish.stop_ns <= wish.start_ns or wish.armed_s > wish.drill_s:
            raise Refused("session.backwards", 409, name=wish.name)
        for other in self.sessions:
            if not other.ended_ns and other.overlaps(wish):
                raise Refused("session.overlaps", 409, name=wish.name, other=other.name)
        values = msgspec.structs.asdict(wish)
        number = len(self._sessions) + 1
        session = Session(**values, id=number, author=author, created_ns=now_ns)
        self._keep(session, author, "session.added")
        return _card(session, now_ns)

    def end(self, number: int, author: str) -> SessionCard:
        """Take a session out of the timetable.

        Raises
        ------
        Refused
            No such session (404), or taken out before (409).
        """
        session = self.session(number)
        if session.ended_ns:
            raise Refused("session.ended", 409, id=number)
        now_ns = self._store.now_ns()
        ended = msgspec.structs.replace(session, ended_ns=now_ns, ended_by=author)
        self._keep(ended, author, "session.ended")
        return _card(ended, now_ns)

    def _keep(self, session: Session, author: str, act: str) -> None:
        row = msgspec.structs.asdict(session)
        with self._store.writing() as connection:
            upsert(connection, schema.exams, [row])
            self._store.note(connection, author, act, str(session.id), row)
        self._sessions = {**self._sessions, session.id: session}


def sessions_of(connection: Connection) -> list[Session]:
    """Every session of a store, ended ones too."""
    columns = [schema.exams.c[name] for name in Session.__struct_fields__]
    rows = connection.execute(select(*columns).order_by(schema.exams.c.id))
    return [Session(**row._mapping) for row in rows]


def latest_first(sessions: Iterable[Session]) -> list[Session]:
    """Sessions as people look for them."""
    return sorted(sessions, key=lambda one: (-one.start_ns, -one.id))


def _card(session: Session, now_ns: int) -> SessionCard:
    return SessionCard(**msgspec.structs.asdict(session), now=now_of(session, now_ns))
