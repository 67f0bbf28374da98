"""No act that takes two is done by one, whatever way that one tries."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from dashboard import state
from dashboard.access import Door, Identity
from dashboard.account import AccountChange, NewAccount, NewToken
from dashboard.approvals import Act, Approval
from dashboard.phases import NewSession
from dashboard.second import Handover, SignOff
from dashboard.staff import Staff
from dashboard.store import Store
from sensors.messages import Heartbeat, SensorHealth
from tests.dashboard.conftest import SECOND, START_NS, Clock
from tests.dashboard.test_pairs import refused
from tests.dashboard.test_taking import Depot

pytestmark = pytest.mark.usefixtures("quick_hashes")

Open = Callable[..., Store]
ACTS: tuple[Act, ...] = ("dismissal", "shift", "baseline", "account", "export")
ADMIN, OTHER = Identity("chen", "admin"), Identity("deng", "admin")


class Place(Depot):
    """Everything that takes two on the page, asked for by one administrator."""

    def __init__(self, store: Store, folder: Path) -> None:
        super().__init__(store, folder, acts=ACTS)
        self.staff = Staff(store, self.accounts, self.pairs)
        for who in (ADMIN, OTHER):
            self.hire(who.name, who.role)
        health = SensorHealth("school-3/hall", "hall", "scene:hall", "go", baseline="b")
        beat = Heartbeat("school-3", "No. 3", START_NS, START_NS, [health])
        self.board = state.beat({}, beat, START_NS)
        exam = NewSession("maths", START_NS + SECOND, START_NS + 3600 * SECOND)
        self.exam = self.timetable.add(exam, "chen").id

    def wanted(self, act: Act) -> Approval:
        """Ask for it."""
        if act == "dismissal":
            return self.dismissal(ADMIN)
        if act == "shift":
            return self.second.hand_over(Handover(OTHER.name), ADMIN)
        if act == "baseline":
            return self.second.sign_off(self.exam, SignOff(), ADMIN)
        if act == "export":
            return self.ask(ADMIN)
        answer = self.staff.change("tian", AccountChange(role="supervisor"), ADMIN)
        assert isinstance(answer, Approval)
        return answer

    def done(self, approval: Approval) -> bool:
        """Whether it was carried out."""
        with self.store.reader.connect() as connection:
            query = f"SELECT state FROM approvals WHERE id = {approval.id}"
            ((now,),) = connection.exec_driver_sql(query).all()
        return bool(now == "approved")


@pytest.fixture
def place(open_store: Open, tmp_path: Path, clock: Clock) -> Place:
    place = Place(open_store(), tmp_path / "evidence")
    clock.wait(60)
    return place


@pytest.mark.parametrize("act", ACTS)
def test_not_by_who_asked(place: Place, act: Act, clock: Clock) -> None:
    """Nor in another session, with a token, or as the link of the first start."""
    approval = place.wanted(act)
    door = Door(place.accounts, "master", "cookie", clock)
    own = place.accounts.by_password("chen", "chen chen chen")
    assert own == ADMIN
    again = door.by_session(door.open_session(own))
    assert again is not None and again == ADMIN
    assert refused(lambda: place.decide(approval, again)) == ("pair.own", 403)
    token = place.accounts.make_token(NewToken("script", "admin"), "chen").token
    for key in (token, "master"):
        who = door.by_token(key)
        error = ("pair.not_named", 403) if act == "shift" else ("pair.needs_account", 403)
        tried = partial(place.decide, approval, who, password="chen chen chen")
        assert refused(tried) == error
    assert not place.done(approval)


@pytest.mark.parametrize("act", ACTS)
def test_not_by_an_account_for_the_purpose(place: Place, act: Act, clock: Clock) -> None:
    """Made meanwhile, opened again or taken over with a new password."""
    approval = place.wanted(act)
    clock.wait(1)
    wish = NewAccount("self2", "admin", "self2 self2 self2")
    assert isinstance(place.staff.create(wish, ADMIN), Approval), "that alone takes two"
    place.accounts.create(wish, "chen")  # whoever made it
    made = Identity("self2", "admin")
    error = ("pair.not_named", 403) if act == "shift" else ("pair.new_account", 403)
    assert refused(lambda: place.decide(approval, made)) == error
    change = AccountChange(password="deng deng deng")
    assert isinstance(place.staff.change("deng", change, ADMIN), Approval)
    place.accounts.change("deng", change, "chen")
    assert refused(lambda: place.decide(approval, OTHER)) == ("pair.new_account", 403)
    assert not place.done(approval)


@pytest.mark.parametrize("act", ACTS)
def test_not_anything_else_than_was_on_the_screen(place: Place, act: Act) -> None:
    approval = place.wanted(act)
    other = {"hash": approval.hash[::-1]}
    assert refused(lambda: place.decide(approval, OTHER, **other)) == ("pair.other_hash", 409)
    for edit in ("what = replace(what, '}', ',\"x\":1}')", "wanted_by = 'wu'", "wanted_ns = 1"):
        before = _row(place.store, approval)
        with place.store.writing() as connection:
            connection.exec_driver_sql(f"UPDATE approvals SET {edit} WHERE id = {approval.id}")
        assert _row(place.store, approval) != before
        error = refused(lambda: place.decide(approval, OTHER))[0]
        assert error in ("pair.other_hash", "pair.new_account")
        with place.store.writing() as connection:
            connection.exec_driver_sql(
                "UPDATE approvals SET what = ?, wanted_by = ?, wanted_ns = ? WHERE id = ?"
                if connection.dialect.name == "sqlite"
                else "UPDATE approvals SET what = %s, wanted_by = %s, wanted_ns = %s WHERE id = %s",
                (*before, approval.id),
            )
    assert place.decide(approval, OTHER).state == "approved"


@pytest.mark.parametrize("act", ACTS)
def test_not_twice(place: Place, act: Act) -> None:
    approval = place.wanted(act)
    assert refused(lambda: place.wanted(act)) == ("pair.waits", 409)
    place.decide(approval, OTHER)
    assert place.done(approval)
    assert refused(lambda: place.decide(approval, OTHER)) == ("pair.over", 409)


@pytest.mark.parametrize("act", ACTS)
def test_not_too_late(place: Place, act: Act, clock: Clock) -> None:
    approval = place.wanted(act)
    clock.wait(900)
    assert refused(lambda: place.decide(approval, OTHER)) == ("pair.over", 409)
    place.pairs.expire()
    assert refused(lambda: place.decide(approval, OTHER)) == ("pair.over", 409)
    assert not place.done(approval)


def _row(store: Store, approval: Approval) -> tuple[Any, ...]:
    with store.reader.connect() as connection:
        query = f"SELECT what, wanted_by, wanted_ns FROM approvals WHERE id = {approval.id}"
        return tuple(connection.exec_driver_sql(query).one())
