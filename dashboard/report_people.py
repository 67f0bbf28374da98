"""Who was answerable during a session: shifts with both persons, signatures, who was signed in."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, func, or_, select, true

from dashboard import schema
from dashboard.approvals import Approval
from dashboard.duty import WATCH_NS
from dashboard.phases import EVERY_SITE, Session
from dashboard.report_span import MOST, Span


class Agreed(Struct, frozen=True):
    """What one person wanted and a second one decided.

    Attributes
    ----------
    act, subject : str
        Of a shift, the subject is who takes over.
    wanted_by, decided_by, state, note : str
    intact : bool
        The request's hash still fits what is kept of it.
    what : dict
        What was on the second person's screen, without lists of alarms.
    """

    id: int
    act: str
    subject: str
    wanted_by: str
    wanted_ns: int
    decided_by: str
    decided_ns: int
    state: str
    note: str
    intact: bool
    what: dict[str, Any]


class Worked(Struct, frozen=True):
    """Somebody who did something about alarms: how often, from when to when."""

    name: str
    role: str
    acts: int
    first_ns: int
    last_ns: int


class People(Struct, frozen=True):
    """Everybody who answers for the session.

    Attributes
    ----------
    handovers : list of Agreed
        Shifts that were handed over, from 12 h before: who had the watch when it began.
    sign_offs : list of Agreed
        Signatures under the baselines of this session.
    others : list of Agreed
        Every other request for a second person.
    worked : list of Worked
    """

    handovers: list[Agreed]
    sign_offs: list[Agreed]
    others: list[Agreed]
    others_left: int
    worked: list[Worked]

    def signed(self) -> dict[str, str]:
        """Baselines that were signed last: short hash by sensor."""
        done = [one for one in self.sign_offs if one.state in ("approved", "single")]
        return dict(done[-1].what.get("baselines", {})) if done else {}


def people_of(connection: Connection, session: Session, span: Span) -> People:
    """Read requests and actions."""
    table = schema.approvals
    wanted = (
        select(table)
        .where(
            or_(
                (table.c.act == "baseline") & (table.c.subject == str(session.id)),
                (table.c.act == "shift") & (table.c.wanted_ns >= span.begin_ns - WATCH_NS),
                table.c.act.not_in(("baseline", "shift")) & (table.c.wanted_ns >= span.begin_ns),
            ),
            table.c.wanted_ns < span.end_ns,
        )
        .order_by(table.c.id)
    )
    found = [_agreed(Approval.of_row(row)) for row in connection.execute(wanted)]
    others = [one for one in found if one.act not in ("shift", "baseline")]
    return People(
        handovers=[one for one in found if one.act == "shift"],
        sign_offs=[one for one in found if one.act == "baseline"],
        others=others[:MOST],
        others_left=len(others[MOST:]),
        worked=_worked(connection, session.site, span),
    )


def _agreed(approval: Approval) -> Agreed:
    what = {key: value for key, value in approval.what.items() if key not in ("alarms", "password")}
    return Agreed(
        id=approval.id,
        act=approval.act,
        subject=approval.subject,
        wanted_by=approval.wanted_by,
        wanted_ns=approval.wanted_ns,
        decided_by=approval.decided_by,
        decided_ns=approval.decided_ns,
        state=approval.state,
        note=approval.note or str(what.get("note", "")),
        intact=approval.hash == approval.hash_now(),
        what=what,
    )


def _worked(connection: Connection, site: str, span: Span) -> list[Worked]:
    actions, accounts, alarms = schema.actions, schema.accounts, schema.alarms
    times = actions.c.time_ns
    here: ColumnElement[bool] = true()
    if site != EVERY_SITE:
        here = actions.c.alarm.in_(select(alarms.c.id).where(alarms.c.site == site))
    query = (
        select(actions.c.author, func.count(), func.min(times), func.max(times))
        .where(times >= span.begin_ns, times < span.end_ns, here)
        .group_by(actions.c.author)
        .order_by(func.min(times))
    )
    rows = connection.execute(query).all()
    found = connection.execute(select(accounts.c.name, accounts.c.role)).all()
    roles = {row.name: row.role for row in found}
    return [Worked(name, roles.get(name, ""), *rest) for name, *rest in rows]
