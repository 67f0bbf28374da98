"""Two persons: nobody alone, nothing but what was on the screen, everything in the log."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text

from dashboard import schema, state
from dashboard.access import MAX_FAILURES, Identity, Role
from dashboard.account import NewAccount
from dashboard.accounts import Accounts
from dashboard.actions import Wish
from dashboard.approvals import (
    DEFAULT_ACTS,
    Approval,
    ApprovalQuery,
    Decision,
    PairSection,
    approvals,
    in_force,
    request_hash,
)
from dashboard.audit import Entry, canonical, first_broken
from dashboard.errors import Refused
from dashboard.pair_rules import note_rules
from dashboard.pairs import Pairs
from dashboard.phases import NewSession
from dashboard.second import Handover, SecondPerson, SignOff
from dashboard.store import Store
from dashboard.timetable import Timetable
from sensors.messages import Heartbeat, SensorHealth
from tests.dashboard.conftest import SECOND, START_NS, Clock, Site, emitter_event

pytestmark = pytest.mark.usefixtures("quick_hashes")

Open = Callable[..., Store]
LI, WANG, WU = (Identity(name, "supervisor") for name in ("li", "wang", "wu"))


class Room:
    """A desk with three people and one strong alarm."""

    def __init__(self, store: Store, **section: Any) -> None:
        self.store = store
        self.told: list[Approval] = []
        self.accounts = Accounts(store)
        for who in (LI, WANG, WU):
            self.hire(who.name, who.role)
        self.hire("tian", "technician")
        self.board: state.Board = {}
        values = PairSection(**{"acts": DEFAULT_ACTS, **section})
        self.pairs = Pairs(store, self.accounts, values, self.told.append)
        self.timetable = Timetable(store)
        self.second = SecondPerson(store, self.pairs, self.timetable, lambda: self.board)
        self.site = Site()
        store.ingest([self.site.says(emitter_event(suspicion=80))])
        (self.alarm,) = store.desk.alarms

    def hire(self, name: str, role: Role) -> None:
        self.accounts.create(NewAccount(name, role, f"{name} {name} {name}"), "admin")

    def dismissal(self, who: Identity = LI, **wish: Any) -> Approval:
        asked = Wish(**{"action": "dismiss", "reason": "false", **wish})
        approval = self.second.act(self.alarm, asked, who)
        assert approval is not None
        return approval

    def decide(self, approval: Approval, who: Identity, **changes: Any) -> Approval:
        values = {"decision": "approve", "hash": approval.hash, "password": f"{who.name} " * 3}
        values["password"] = values["password"].strip()
        return self.pairs.decide(approval.id, Decision(**{**values, **changes}), who)

    def state_of_alarm(self) -> str:
        return self.store.desk.alarms[self.alarm].state

    def log(self) -> list[tuple[str, str, dict[str, Any]]]:
        with self.store.reader.connect() as connection:
            rows = connection.execute(select(schema.audit).order_by(schema.audit.c.seq))
            entries = [Entry(**row._mapping) for row in rows]
        assert first_broken(entries) is None
        acts = [(e.actor, e.act, json.loads(e.detail)) for e in entries]
        return [one for one in acts if not one[1].startswith(("account", "session"))]


@pytest.fixture
def room(open_store: Open) -> Room:
    return Room(open_store())


def refused(call: Callable[[], object]) -> tuple[str, int]:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.message_id, caught.value.status


def test_a_strong_alarm_is_dismissed_by_two(room: Room) -> None:
    approval = room.dismissal(note="taxi")
    assert (approval.state, room.state_of_alarm()) == ("waiting", "new")
    assert approval.what["alarm"]["suspicion"] == 80
    decided = room.decide(approval, WANG, note="I heard it too")
    assert (decided.state, decided.decided_by, room.state_of_alarm()) == (
        "approved",
        "wang",
        "dismissed",
    )
    assert room.told == [approval, decided]
    assert approvals(room.store.reader, ApprovalQuery()) == [decided]
    actors = [(actor, act) for actor, act, _ in room.log()]
    assert actors == [
        ("monitor", "alarm.opened"),
        ("li", "pair.waiting"),
        ("wang", "pair.approved"),
        ("li", "alarm.dismiss"),
    ]
    carried_out = room.log()[-1][2]
    assert (carried_out["approved_by"], carried_out["note"]) == ("wang", "taxi")


def test_who_approves_has_seen_exactly_that(room: Room) -> None:
    approval = room.dismissal()
    told = request_hash("dismissal", room.alarm, canonical(approval.what), "li", approval.wanted_ns)
    assert told == approval.hash
    other = approval.hash[:-1] + ("0" if approval.hash[-1] != "0" else "1")
    assert refused(lambda: room.decide(approval, WANG, hash=other)) == ("pair.other_hash", 409)
    # Whatever somebody edits in the database, it is not approved under the old hash.
    for change in ("hash = 'x'", "what = '{}'", "subject = 'other'", "wanted_by = 'wu'"):
        with room.store.writing() as connection:
            connection.execute(text(f"UPDATE approvals SET {change}"))
        assert refused(lambda: room.decide(approval, WANG))[0] == "pair.other_hash"
        row = {**msgspec.structs.asdict(approval), "what": canonical(approval.what)}
        with room.store.writing() as connection:
            connection.execute(schema.approvals.update().values(row))
    assert room.state_of_alarm() == "new"


@pytest.mark.parametrize(
    ("who", "changes", "error"),
    [
        (LI, {}, ("pair.own", 403)),
        (LI, {"decision": "refuse"}, ("pair.own", 403)),
        (WANG, {"decision": "withdraw"}, ("pair.not_own", 403)),
        (WANG, {"password": ""}, ("http.bad_password", 403)),
        (WANG, {"password": "li li li"}, ("http.bad_password", 403)),
        (Identity("tian", "technician"), {}, ("http.forbidden", 403)),
        (Identity("operator", "admin"), {}, ("pair.needs_account", 403)),
        (Identity("script", "admin"), {}, ("pair.needs_account", 403)),
    ],
)
def test_nobody_else_is_the_second_person(
    room: Room, who: Identity, changes: dict[str, Any], error: tuple[str, int]
) -> None:
    approval = room.dismissal()
    assert refused(lambda: room.decide(approval, who, **changes)) == error
    assert room.state_of_alarm() == "new"
    assert room.decide(approval, WANG).state == "approved"


def test_who_has_no_account_cannot_ask(room: Room) -> None:
    who = Identity("operator", "admin")
    assert refused(lambda: room.dismissal(who)) == ("pair.needs_account", 409)


def test_passwords_cannot_be_guessed(room: Room) -> None:
    approval = room.dismissal()
    for _ in range(MAX_FAILURES):
        assert refused(lambda: room.decide(approval, WANG, password="x"))[1] == 403
    assert refused(lambda: room.decide(approval, WANG)) == ("http.too_many_tries", 429)


def test_a_request_is_decided_once_and_asked_once(room: Room) -> None:
    approval = room.dismissal()
    assert refused(lambda: room.dismissal(WU)) == ("pair.waits", 409)
    assert room.decide(approval, WANG, decision="refuse", password="").state == "refused"
    assert refused(lambda: room.decide(approval, WU)) == ("pair.over", 409)
    again = room.dismissal(WU)
    assert room.decide(again, WU, decision="withdraw").state == "withdrawn"
    assert room.state_of_alarm() == "new"
    assert refused(lambda: room.pairs.decide(99, Decision("refuse", ""), LI)) == (
        "pair.unknown",
        404,
    )


def test_a_request_ends_after_a_quarter_of_an_hour(room: Room, clock: Clock) -> None:
    approval = room.dismissal()
    clock.wait(899)
    room.pairs.expire()
    assert approvals(room.store.reader, ApprovalQuery(state="waiting"))
    clock.wait(1)
    assert refused(lambda: room.decide(approval, WANG)) == ("pair.over", 409)
    room.pairs.expire()
    (ended,) = approvals(room.store.reader, ApprovalQuery())
    assert (ended.state, ended.decided_by) == ("expired", "")
    assert room.told[-1] == ended
    assert room.log()[-1][:2] == ("monitor", "pair.expired")
    assert room.decide(room.dismissal(), WANG).state == "approved"


def test_what_can_no_longer_be_done_stays_undone(room: Room) -> None:
    """Approval and act are one transaction: neither without the other."""
    approval = room.dismissal()
    room.store.act(room.alarm, Wish(action="acknowledge"), "wu")
    room.store.act(room.alarm, Wish(action="close", reason="found"), "wu")
    before = room.log()
    assert refused(lambda: room.decide(approval, WANG)) == ("alarm.not_from", 409)
    assert room.log() == before
    assert approvals(room.store.reader, ApprovalQuery())[0].state == "waiting"


@pytest.mark.parametrize(
    "wish",
    [Wish(action="acknowledge"), Wish(action="dismiss"), Wish(action="dismiss", reason="other")],
)
def test_what_is_wrong_is_refused_before_anybody_is_asked(room: Room, wish: Wish) -> None:
    if wish.action == "acknowledge":
        assert room.second.act(room.alarm, wish, LI) is None
    else:
        assert refused(lambda: room.second.act(room.alarm, wish, LI))[1] == 409
    assert approvals(room.store.reader, ApprovalQuery()) == []


@pytest.mark.parametrize(
    ("changes", "wish", "two"),
    [
        ({"suspicion": 69}, Wish(action="dismiss", reason="false"), False),
        ({"suspicion": 70}, Wish(action="dismiss", reason="licensed"), True),
        ({"drill": True}, Wish(action="dismiss", reason="test"), False),
        ({}, Wish(action="close", reason="gone"), True),
        ({}, Wish(action="close", reason="found"), False),
    ],
)
def test_which_ends_of_an_alarm_take_two(
    room: Room, changes: dict[str, Any], wish: Wish, two: bool
) -> None:
    event = {"emitter": "e2", "center_freq_hz": 3e8, "suspicion": 90, **changes}
    room.store.ingest([room.site.says(emitter_event(**event))])
    (key,) = set(room.store.desk.alarms) - {room.alarm}
    room.store.act(key, Wish(action="acknowledge"), "li")
    assert (room.second.act(key, wish, LI) is not None) == two


def test_a_shift_is_taken_over_by_who_was_named(room: Room) -> None:
    room.store.act(room.alarm, Wish(action="acknowledge"), "li")
    approval = room.second.hand_over(Handover("wang", "quiet so far"), LI)
    (line,) = approval.what["alarms"]
    assert (line["id"], line["owner"], approval.what["num_open"]) == (room.alarm, "li", 1)
    assert refused(lambda: room.decide(approval, WU)) == ("pair.not_named", 403)
    room.decide(approval, WANG)
    assert room.store.desk.alarms[room.alarm].owner == "wang"
    assert room.log()[-1][2]["approved_by"] == "wang"


@pytest.mark.parametrize("to", ["li", "tian", "nobody"])
def test_a_shift_goes_to_somebody_who_can_take_it(room: Room, to: str) -> None:
    assert refused(lambda: room.second.hand_over(Handover(to), LI)) == ("shift.to_whom", 409)


def test_the_baselines_of_an_exam_are_signed_by_two(room: Room) -> None:
    start_ns = START_NS + 3600 * SECOND
    exam = NewSession("maths", start_ns, start_ns + 3600 * SECOND, site="school-3")
    number = room.timetable.add(exam, "li").id
    assert refused(lambda: room.second.sign_off(number, SignOff(), LI)) == (
        "session.no_baseline",
        409,
    )
    sensors = [
        SensorHealth(f"school-3/{name}", name, "scene:hall", "go", baseline=f"b-{name}")
        for name in ("hall", "fence")
    ]
    heartbeat = Heartbeat("school-3", "No. 3", START_NS, START_NS, sensors)
    room.board = state.beat({}, heartbeat, START_NS)
    approval = room.second.sign_off(number, SignOff("drill passed"), LI)
    assert approval.what["baselines"] == {"school-3/hall": "b-hall", "school-3/fence": "b-fence"}
    officer = Identity("bo", "officer")
    room.hire("bo", "officer")
    assert refused(lambda: room.decide(approval, officer)) == ("http.forbidden", 403)
    room.decide(approval, WANG)
    (signed,) = approvals(room.store.reader, ApprovalQuery(act="baseline", subject=str(number)))
    assert (signed.state, signed.wanted_by, signed.decided_by) == ("approved", "li", "wang")
    assert refused(lambda: room.second.sign_off(99, SignOff(), LI)) == ("session.unknown", 404)


def test_where_one_is_enough_it_is_done_at_once_and_kept(open_store: Open) -> None:
    room = Room(open_store(), acts=())
    assert room.second.act(room.alarm, Wish(action="dismiss", reason="false"), LI) is None
    approval = room.second.hand_over(Handover("wang"), LI)
    assert (approval.state, approval.decided_by) == ("single", "")
    assert approvals(room.store.reader, ApprovalQuery(act="shift")) == [approval]


def test_what_the_file_does_not_say() -> None:
    assert in_force(PairSection(), insecure=False).acts == DEFAULT_ACTS
    assert in_force(PairSection(), insecure=True).acts == ()
    assert in_force(PairSection(acts=("shift",)), insecure=True).acts == ("shift",)


def test_rules_that_change_are_in_the_log(open_store: Open) -> None:
    store = open_store()
    strict = PairSection(acts=DEFAULT_ACTS)
    for rules in (PairSection(acts=()), strict, strict, PairSection(acts=("shift",))):
        note_rules(store, rules)
    with store.reader.connect() as connection:
        rows = connection.execute(select(schema.audit.c.act, schema.audit.c.detail)).all()
    assert [row.act for row in rows] == ["pair.rules"] * 2
    last = json.loads(rows[-1].detail)
    assert (last["acts"], last["before"]["acts"]) == (["shift"], list(DEFAULT_ACTS))


def test_requests_survive_a_restart(room: Room, open_store: Open) -> None:
    approval = room.dismissal()
    room.store.close()
    again = Room.__new__(Room)
    store = open_store()
    again.store, again.accounts, again.alarm = store, Accounts(store), room.alarm
    again.pairs = Pairs(store, again.accounts, PairSection(acts=DEFAULT_ACTS))
    again.second = SecondPerson(store, again.pairs, Timetable(store), dict)
    assert again.decide(approval, WANG).state == "approved"
    assert again.state_of_alarm() == "dismissed"
