"""What takes two at the desk: dismissing a strong alarm, a shift, an exam's baselines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import Connection, select

from dashboard import schema, state
from dashboard.access import ROLES, Identity
from dashboard.account import Name
from dashboard.actions import Wish, act
from dashboard.alarms import Alarm
from dashboard.approvals import Approval
from dashboard.errors import Refused
from dashboard.pairs import Changed, Pairs
from dashboard.records import decode
from dashboard.store import Store
from dashboard.timetable import Timetable

MAX_LISTED = 200
"""Open alarms in a hand-over; the sheet says how many there are."""

Remark = Annotated[str, Meta(max_length=2000)]


class Handover(Struct, forbid_unknown_fields=True, frozen=True):
    """Body of ``POST /api/v1/handovers``: who takes over, and what that person should know."""

    to: Name
    note: Remark = ""


class SignOff(Struct, forbid_unknown_fields=True, frozen=True):
    """Body of ``POST /api/v1/sessions/{id}/baselines``."""

    note: Remark = ""


class SecondPerson:
    """Asks for one where the rules say so, and carries out what was approved.

    Parameters
    ----------
    store : Store
    pairs : Pairs
    timetable : Timetable
    board : callable
        The sites as they are now.
    """

    def __init__(
        self,
        store: Store,
        pairs: Pairs,
        timetable: Timetable,
        board: Callable[[], state.Board],
    ) -> None:
        self._store = store
        self._pairs = pairs
        self._timetable = timetable
        self._board = board
        pairs.carriers["dismissal"] = self._dismiss
        pairs.carriers["shift"] = self._take_over
        pairs.carriers["baseline"] = lambda *_: None  # the signatures are all that it is

    def act(self, alarm_id: str, wish: Wish, who: Identity) -> Approval | None:
        """Do something about an alarm, or ask for a second person; then answer with the request.

        Raises
        ------
        Refused
            `dashboard.actions.act` or `dashboard.pairs.Pairs.want` refuses.
        """
        with self._store.reader.connect() as connection:
            alarm = self._store.alarm(connection, alarm_id)
        if not self._is_critical(alarm, wish):
            self._store.act(alarm_id, wish, who.name)
            return None
        act(alarm, wish, who.name, self._store.now_ns())  # what would be refused is refused now
        what = {**msgspec.to_builtins(wish), "alarm": alarm_line(alarm)}
        return self._pairs.want("dismissal", alarm_id, what, who)

    def hand_over(self, wish: Handover, who: Identity) -> Approval:
        """Hand a shift over: open alarms and the state of the sites on one sheet.

        Raises
        ------
        Refused
            To oneself, or to somebody who may not act (409).
        """
        role = self._pairs.people.roles().get(wish.to)
        if wish.to == who.name or role is None or "act" not in ROLES[role]:
            raise Refused("shift.to_whom", 409, name=wish.to)
        table = schema.alarms
        query = select(table.c.body).where(table.c.is_open.is_(True))
        with self._store.reader.connect() as connection:
            alarms = [decode(body) for body in connection.scalars(query)]
        alarms.sort(key=lambda alarm: (-alarm.suspicion, alarm.opened_ns))
        cards = state.cards(self._board(), self._store.now_ns())
        what = {
            "to": wish.to,
            "note": wish.note.strip(),
            "num_open": len(alarms),
            "alarms": [alarm_line(alarm) for alarm in alarms[:MAX_LISTED]],
            "sites": {card.site: card.state for card in cards},
        }
        return self._pairs.want("shift", wish.to, what, who)

    def sign_off(self, number: int, wish: SignOff, who: Identity) -> Approval:
        """Put the baselines that an exam's sites use now before a second person.

        Raises
        ------
        Refused
            No such exam (404), or a sensor without a baseline (409).
        """
        session = self._timetable.session(number)
        cards = state.cards(self._board(), self._store.now_ns())
        sensors = [s for card in cards if session.site in ("*", card.site) for s in card.sensors]
        without = sorted(s.sensor for s in sensors if not s.baseline)
        if without or not sensors:
            raise Refused("session.no_baseline", 409, sensors=", ".join(without) or session.site)
        baselines = {sensor.sensor: sensor.baseline for sensor in sensors}
        what = {"session": session.name, "note": wish.note.strip(), "baselines": baselines}
        return self._pairs.want("baseline", str(number), what, who)

    def _is_critical(self, alarm: Alarm, wish: Wish) -> bool:
        """Whether it takes two: whatever the reason, for it is the one who dismisses that picks it.

        An emitter that was found may be closed by who found it.
        """
        ends = wish.action == "dismiss" or (wish.action == "close" and wish.reason != "found")
        return ends and not alarm.drill and alarm.suspicion >= self._pairs.strong

    def _dismiss(self, connection: Connection, changed: Changed, approval: Approval) -> None:
        given = {name: approval.what[name] for name in Wish.__struct_fields__}
        wish = msgspec.convert(given, Wish)
        by = {"approval": approval.id, "approved_by": approval.decided_by}
        author = approval.wanted_by
        changed.append(self._store.carry_out(connection, approval.subject, wish, author, **by))

    def _take_over(self, connection: Connection, changed: Changed, approval: Approval) -> None:
        """Give what the one had in hand to the other."""
        wish = Wish(action="assign", owner=approval.subject)
        for line in approval.what["alarms"]:
            alarm = self._store.alarm(connection, line["id"])
            if alarm.is_open and alarm.owner == approval.wanted_by:
                by = {"approval": approval.id, "approved_by": approval.decided_by}
                author = approval.wanted_by
                changed.append(self._store.carry_out(connection, alarm.id, wish, author, **by))


def alarm_line(alarm: Alarm) -> dict[str, object]:
    """An alarm in one line of what is signed."""
    return {
        "id": alarm.id,
        "site": alarm.site,
        "state": alarm.state,
        "owner": alarm.owner,
        "suspicion": alarm.suspicion,
        "center_freq_hz": alarm.center_freq_hz,
        "first_seen_ns": alarm.first_seen_ns,
        "sightings": alarm.sightings()[0],
    }
