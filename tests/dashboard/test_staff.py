"""Rights are not raised by one alone: whatever way somebody tries, a second person was there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dashboard.access import ROLES, Identity, Role
from dashboard.account import AccountCard, AccountChange, NewAccount, NewToken
from dashboard.accounts import Accounts
from dashboard.approvals import DEFAULT_ACTS, Act, Approval, Decision, PairSection
from dashboard.pairs import Pairs
from dashboard.staff import Staff
from dashboard.store import Store
from tests.dashboard.conftest import Clock
from tests.dashboard.test_pairs import refused

pytestmark = pytest.mark.usefixtures("quick_hashes")

Open = Callable[..., Store]
LI, WANG = (Identity(name, "admin") for name in ("li", "wang"))


def word(name: str) -> str:
    return f"{name} {name} {name} {name}"


class Office:
    """A centre with so many administrators."""

    def __init__(self, store: Store, *admins: str, acts: tuple[Act, ...] = DEFAULT_ACTS) -> None:
        self.store = store
        self.accounts = Accounts(store)
        self.pairs = Pairs(store, self.accounts, PairSection(acts=acts))
        self.staff = Staff(store, self.accounts, self.pairs)
        for name in admins:
            self.accounts.create(NewAccount(name, "admin", word(name)), "operator")

    def ask(self, name: str, who: Identity = LI, **wish: Any) -> Approval:
        answer = self.staff.change(name, AccountChange(**wish), who)
        assert isinstance(answer, Approval), "it was done at once"
        return answer

    def approve(self, approval: Approval, who: Identity, **changes: Any) -> Approval:
        values = {"decision": "approve", "hash": approval.hash, "password": word(who.name)}
        return self.pairs.decide(approval.id, Decision(**{**values, **changes}), who)


@pytest.fixture
def office(open_store: Open, clock: Clock) -> Office:
    office = Office(open_store(), "li", "wang")
    for name, role in (("bo", "officer"), ("tian", "technician")):
        office.accounts.create(NewAccount(name, role, word(name)), "li")
    clock.wait(60)
    return office


def test_the_first_people_are_made_by_one(open_store: Open) -> None:
    """The link of the first start, then the only administrator; the second one ends that."""
    office = Office(open_store())
    master = Identity("operator", "admin")
    for number, who in ((1, master), (2, master)):
        card = office.staff.create(NewAccount(f"a{number}", "admin", word("x")), who)
        assert isinstance(card, AccountCard)
    third = NewAccount("a3", "officer", word("x"))
    assert refused(lambda: office.staff.create(third, master)) == ("pair.needs_account", 409)
    answer = office.staff.create(third, Identity("a1", "admin"))
    assert isinstance(answer, Approval) and "a3" not in office.accounts.roles()


@pytest.mark.parametrize("name", ["operator", "monitor", "nobody"])
def test_nobody_is_called_like_who_acts_without_an_account(office: Office, name: str) -> None:
    """Otherwise the printed link could ask in somebody's name."""
    wish = NewAccount(name, "technician", word(name))
    assert refused(lambda: office.staff.create(wish, LI)) == ("account.taken", 409)
    token = NewToken(name, "technician")
    assert refused(lambda: office.accounts.make_token(token, "li")) == ("account.taken", 409)


def test_one_administrator_is_never_locked_out(open_store: Open) -> None:
    office = Office(open_store(), "li")
    office.staff.create(NewAccount("bo", "officer", word("bo")), LI)
    office.staff.change("bo", AccountChange(role="supervisor"), LI)
    office.staff.change("li", AccountChange(password=word("new")), Identity("operator", "admin"))
    assert office.accounts.roles() == {"li": "admin", "bo": "supervisor"}
    assert office.accounts.by_password("li", word("new")) == LI


@pytest.mark.parametrize("role", ROLES)
def test_who_could_be_a_second_person_is_made_by_two(office: Office, role: Role) -> None:
    answer = office.staff.create(NewAccount("new", role, word("new")), LI)
    if role in ("technician", "auditor"):
        assert office.accounts.roles()["new"] == role
        return
    assert isinstance(answer, Approval) and "new" not in office.accounts.roles()
    assert word("new") not in str(answer) and "scrypt" not in str(answer)
    office.approve(answer, WANG)
    assert office.accounts.by_password("new", word("new")) == Identity("new", role)


@pytest.mark.parametrize(
    ("name", "wish", "two"),
    [
        ("tian", {"role": "officer"}, True),
        ("bo", {"role": "technician"}, True),
        ("bo", {"role": "officer"}, False),  # as it is
        ("bo", {"password": word("new")}, True),
        ("li", {"password": word("new")}, True),  # one's own has an address of its own
        ("bo", {"disabled": True}, False),  # who must go goes at once
        ("wang", {"disabled": True}, True),  # but not the one who could say no
        ("wang", {"role": "officer"}, True),
    ],
)
def test_which_changes_take_two(office: Office, name: str, wish: dict[str, Any], two: bool) -> None:
    answer = office.staff.change(name, AccountChange(**wish), LI)
    assert isinstance(answer, Approval) == two


def test_a_closed_account_is_opened_by_two(office: Office) -> None:
    office.staff.change("bo", AccountChange(disabled=True), LI)
    approval = office.ask("bo", disabled=False)
    assert "bo" not in office.accounts.roles()
    office.approve(approval, WANG)
    assert office.accounts.roles()["bo"] == "officer"


def test_who_asked_and_who_agreed_are_in_the_log(office: Office) -> None:
    approval = office.ask("tian", role="supervisor")
    assert approval.what["before"]["role"] == "technician"
    office.approve(approval, WANG)
    with office.store.reader.connect() as connection:
        rows = connection.exec_driver_sql("SELECT actor, act, detail FROM audit ORDER BY seq DESC")
        (actor, act, detail), *_ = rows.all()
    assert (actor, act) == ("li", "account.changed")
    assert '"approved_by":"wang"' in detail and '"role":"supervisor"' in detail


def test_nobody_agrees_to_what_they_asked(office: Office, clock: Clock) -> None:
    """By any session or token, nor through an account that was made or taken over meanwhile."""
    approval = office.ask("tian", role="admin")
    assert refused(lambda: office.approve(approval, LI)) == ("pair.own", 403)
    office.accounts.make_token(NewToken("script", "admin"), "li")
    script = Identity("script", "admin")
    assert refused(lambda: office.approve(approval, script)) == ("pair.needs_account", 403)
    clock.wait(1)
    office.accounts.create(NewAccount("self2", "admin", word("self2")), "li")  # whoever made it
    self2 = Identity("self2", "admin")
    assert refused(lambda: office.approve(approval, self2)) == ("pair.new_account", 403)
    office.accounts.change("wang", AccountChange(password=word("wang")), "li")
    assert refused(lambda: office.approve(approval, WANG)) == ("pair.new_account", 403)
    assert office.accounts.roles()["tian"] == "technician"


def test_only_what_was_on_the_screen_is_done_once(office: Office, clock: Clock) -> None:
    approval = office.ask("tian", role="officer")
    other = office.ask("bo", role="admin")
    assert refused(lambda: office.approve(approval, WANG, hash=other.hash))[0] == "pair.other_hash"
    with office.store.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE approvals SET what = replace(what, 'officer', 'admin')"
            f" WHERE id = {approval.id}"
        )
    assert refused(lambda: office.approve(approval, WANG))[0] == "pair.other_hash"
    office.approve(other, WANG)
    assert refused(lambda: office.approve(other, WANG)) == ("pair.over", 409)
    again = office.ask("bo", role="officer")
    clock.wait(900)
    assert refused(lambda: office.approve(again, WANG)) == ("pair.over", 409)
    assert office.accounts.roles()["bo"] == "admin"


def test_an_account_that_changed_meanwhile_is_asked_about_anew(
    office: Office, clock: Clock
) -> None:
    approval = office.ask("bo", role="supervisor")
    clock.wait(1)
    office.staff.change("bo", AccountChange(disabled=True), WANG)
    assert refused(lambda: office.approve(approval, WANG)) == ("account.changed_since", 409)
    made = office.staff.create(NewAccount("new", "radio", word("new")), LI)
    assert isinstance(made, Approval)
    office.accounts.create(NewAccount("new", "technician", word("other")), "wang")
    assert refused(lambda: office.approve(made, WANG)) == ("account.taken", 409)


def test_a_password_does_not_outlive_the_program(office: Office) -> None:
    approval = office.ask("bo", password=word("new"))
    role = office.ask("tian", role="officer")
    again = Office.__new__(Office)
    again.store, again.accounts = office.store, Accounts(office.store)
    again.pairs = Pairs(office.store, again.accounts, PairSection(acts=DEFAULT_ACTS))
    again.staff = Staff(office.store, again.accounts, again.pairs)
    assert refused(lambda: again.approve(approval, WANG)) == ("account.ask_again", 409)
    assert again.accounts.by_password("bo", word("bo")) is not None
    assert again.approve(role, WANG).state == "approved"


def test_a_new_password_ends_the_sessions(office: Office) -> None:
    bo = Identity("bo", "officer")
    office.accounts.open_session("d" * 64, bo, 2**62)
    office.approve(office.ask("bo", password=word("new")), WANG)
    assert office.accounts.by_session("d" * 64, 0) is None
    assert office.accounts.by_password("bo", word("new")) == bo
