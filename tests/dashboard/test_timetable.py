from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dashboard.audit_log import AuditQuery, audit_entries
from dashboard.errors import Refused
from dashboard.phases import NewSession, Session, current, now_of
from dashboard.state import beat, cards
from dashboard.store import Store
from dashboard.timetable import Timetable
from sensors.messages import Heartbeat
from tests.dashboard.conftest import SECOND, START_NS, Clock

Open = Callable[..., Store]
HOUR = 3600 * SECOND


def wish(name: str = "maths", start_h: float = 2, hours: float = 2, **changes: Any) -> NewSession:
    start_ns = START_NS + round(start_h * HOUR)
    return NewSession(name, start_ns, start_ns + round(hours * HOUR), **changes)


def session(number: int = 1, **changes: Any) -> Session:
    fields = {name: getattr(wish(**changes), name) for name in NewSession.__struct_fields__}
    return Session(**fields, id=number, author="li", created_ns=START_NS)


def refused(call: Callable[[], object]) -> tuple[str, int]:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.message_id, caught.value.status


@pytest.mark.parametrize(
    ("minutes", "phase", "remaining_s"),
    [
        (0, "survey", 3600),
        (59.99, "survey", 0.6),
        (60, "drill", 1800),
        (90, "armed", 1800),
        (120, "open", 7200),
        (239, "open", 60),
        (240, "closing", 1800),
        (270, "sealed", 0),
        (10_000, "sealed", 0),
    ],
)
def test_phases_follow_from_the_times(minutes: float, phase: str, remaining_s: float) -> None:
    standing = now_of(session(), START_NS + round(minutes * 60 * SECOND))
    assert (standing.phase, standing.remaining_s) == (phase, pytest.approx(remaining_s))


def test_a_phase_of_no_length_is_left_out() -> None:
    brief = session(drill_s=0.0, armed_s=0.0, closing_s=0.0)
    phases = {now_of(brief, START_NS + m * 60 * SECOND).phase for m in range(0, 300, 5)}
    assert phases == {"survey", "open", "sealed"}


def test_the_session_that_counts_at_a_site() -> None:
    day = [
        session(1, name="maths"),
        session(2, name="physics", start_h=4.25, hours=1.5),
        session(3, name="only there", start_h=20, site="school-9"),
    ]

    def shown(hours: float, site: str = "school-3") -> tuple[str, str] | None:
        standing = current(day, site, START_NS + round(hours * HOUR))
        return None if standing is None else (standing.name, standing.phase)

    assert shown(0) == ("maths", "survey")
    assert shown(4.1) == ("maths", "closing")
    assert shown(4.3) == ("physics", "open")  # although maths is still being collected
    assert shown(9) == ("physics", "sealed")
    assert shown(9, "school-9") == ("only there", "survey")
    assert current([], "school-3", START_NS) is None


def test_a_session_is_kept_and_written_into_the_log(open_store: Open) -> None:
    store = open_store()
    made = Timetable(store).add(wish(), "li")
    assert (made.id, made.author, made.now.phase) == (1, "li", "survey")
    store.close()
    again = open_store()
    timetable = Timetable(again)
    assert timetable.cards(START_NS) == [made]
    timetable.end(1, "wang")
    entries = audit_entries(again.reader, AuditQuery())
    told = [(e.actor, e.act, e.subject) for e in entries if e.act.startswith("session.")]
    assert told == [("li", "session.added", "1"), ("wang", "session.ended", "1")]
    assert [one.ended_by for one in Timetable(again).sessions] == ["wang"]


def test_impossible_sessions_are_refused(open_store: Open) -> None:
    timetable = Timetable(open_store())
    assert refused(lambda: timetable.add(wish(hours=0), "li")) == ("session.backwards", 409)
    late_drill = wish(drill_s=60.0, armed_s=120.0)
    assert refused(lambda: timetable.add(late_drill, "li")) == ("session.backwards", 409)
    timetable.add(wish(), "li")
    for clash in (wish(start_h=3), wish(start_h=3, site="school-3"), wish(start_h=0, hours=9)):
        assert refused(lambda clash=clash: timetable.add(clash, "li")) == (  # type: ignore[misc]
            "session.overlaps",
            409,
        )
    timetable.add(wish(start_h=4), "li")
    assert refused(lambda: timetable.end(9, "li")) == ("session.unknown", 404)
    timetable.end(1, "li")
    assert refused(lambda: timetable.end(1, "li")) == ("session.ended", 409)
    assert timetable.add(wish(start_h=3, hours=1), "li").id == 3


def test_sites_show_their_session(open_store: Open, clock: Clock) -> None:
    timetable = Timetable(open_store())
    timetable.add(wish(site="school-3"), "li")
    board = {}
    for site in ("school-3", "school-4"):
        board = beat(board, Heartbeat(site, "", 1, 1, []), clock())
    clock.wait(2 * 3600)
    shown = {card.site: card.session for card in cards(board, clock(), timetable.sessions)}
    assert shown["school-4"] is None
    there = shown["school-3"]
    assert there is not None and (there.phase, there.remaining_s) == ("open", 7200.0)
