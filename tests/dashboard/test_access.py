from __future__ import annotations

from collections.abc import Callable

import pytest

from dashboard.access import FAILURE_WINDOW_NS, MAX_FAILURES, ROLES, SESSION_NS, Door, Identity
from dashboard.account import AccountChange, NewAccount, NewToken
from dashboard.accounts import Accounts
from dashboard.errors import Refused
from dashboard.passwords import check_password, hash_password
from dashboard.store import Store
from tests.dashboard.conftest import Clock

Open = Callable[..., Store]
PASSWORD = "correct horse battery"


@pytest.fixture
def accounts(open_store: Open, quick_hashes: None) -> Accounts:
    accounts = Accounts(open_store())
    accounts.create(NewAccount("li", "admin", PASSWORD), "operator")
    accounts.create(NewAccount("wang", "officer", PASSWORD), "li")
    return accounts


@pytest.fixture
def door(accounts: Accounts, clock: Clock) -> Door:
    return Door(accounts, "master", "rfproctor", clock)


def refused(call: Callable[[], object]) -> tuple[str, int]:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.message_id, caught.value.status


def test_a_hash_knows_its_password_and_no_other() -> None:
    stored = hash_password("密码 with spaces")
    assert check_password("密码 with spaces", stored)
    assert not check_password("密码 with space", stored)
    assert hash_password("same") != hash_password("same")


def test_the_right_token_is_never_throttled(door: Door, clock: Clock) -> None:
    for _ in range(MAX_FAILURES):
        assert refused(lambda: door.sign_in("", "wrong")) == ("http.bad_token", 401)
    assert refused(lambda: door.sign_in("", "master")) == ("http.too_many_tries", 429)
    assert refused(lambda: door.by_token("wrong")) == ("http.bad_token", 401)
    assert door.by_token("master") == Identity("operator", "admin")
    clock.wait(FAILURE_WINDOW_NS / 1e9 + 1)
    assert door.sign_in("", "master") == Identity("operator", "admin")


def test_without_a_master_token_the_empty_one_opens_nothing(
    accounts: Accounts, clock: Clock
) -> None:
    door = Door(accounts, "", "rfproctor", clock)
    assert refused(lambda: door.by_token("")) == ("http.bad_token", 401)
    assert refused(lambda: door.sign_in("", "")) == ("http.bad_token", 401)
    assert door.by_session("") is None


def test_passwords_open_and_guessing_is_stopped(door: Door) -> None:
    assert door.sign_in("wang", PASSWORD) == Identity("wang", "officer")
    for name in ("wang", "nobody") * (MAX_FAILURES // 2):
        assert refused(lambda name=name: door.sign_in(name, "guess")) == (  # type: ignore[misc]
            "http.bad_password",
            401,
        )
    assert refused(lambda: door.sign_in("wang", PASSWORD))[1] == 429


def test_sessions_last_over_a_restart_and_end(
    open_store: Open, door: Door, accounts: Accounts, clock: Clock
) -> None:
    key = door.open_session(Identity("wang", "officer"))
    assert door.by_session(key) == Identity("wang", "officer")
    assert door.by_session(key + "x") is None
    accounts._store.close()
    again = Door(Accounts(open_store()), "", "rfproctor", clock)
    assert again.by_session(key) == Identity("wang", "officer")
    clock.wait(SESSION_NS / 1e9 + 1)
    assert again.by_session(key) is None


def test_signing_out_ends_the_session(door: Door) -> None:
    key = door.open_session(Identity("wang", "officer"))
    door.close_session(key)
    assert door.by_session(key) is None


def test_a_role_that_is_taken_away_counts_at_once(door: Door, accounts: Accounts) -> None:
    key = door.open_session(Identity("wang", "officer"))
    accounts.change("wang", AccountChange(role="technician"), "li")
    assert door.by_session(key) == Identity("wang", "technician")
    accounts.change("wang", AccountChange(disabled=True), "li")
    assert door.by_session(key) is None
    assert refused(lambda: door.sign_in("wang", PASSWORD))[1] == 401


def test_a_new_password_ends_the_sessions_of_the_old_one(door: Door, accounts: Accounts) -> None:
    key = door.open_session(Identity("wang", "officer"))
    accounts.change("wang", AccountChange(password="another long one"), "wang")
    assert door.by_session(key) is None
    assert door.sign_in("wang", "another long one").name == "wang"


def test_the_last_administrator_stays(accounts: Accounts) -> None:
    for change in (AccountChange(role="auditor"), AccountChange(disabled=True)):
        assert refused(lambda change=change: accounts.change("li", change, "li")) == (  # type: ignore[misc]
            "account.last_admin",
            409,
        )
    accounts.change("wang", AccountChange(role="admin"), "li")
    assert accounts.change("li", AccountChange(disabled=True), "wang").disabled


def test_names_are_taken_once(accounts: Accounts) -> None:
    assert refused(lambda: accounts.create(NewAccount("wang", "radio", PASSWORD), "li"))[1] == 409
    accounts.make_token(NewToken("script", "auditor"), "li")
    assert refused(lambda: accounts.make_token(NewToken("script", "admin"), "li"))[1] == 409
    assert refused(lambda: accounts.create(NewAccount("script", "radio", PASSWORD), "li"))[1] == 409


def test_tokens_open_until_they_end(door: Door, accounts: Accounts, clock: Clock) -> None:
    made = accounts.make_token(NewToken("script", "auditor", days=2), "li")
    assert door.by_token(made.token) == Identity("script", "auditor")
    assert all(card.token == "" for card in accounts.token_cards())
    clock.wait(3 * 86_400)
    assert refused(lambda: door.by_token(made.token))[1] == 401
    clock.wait(-3 * 86_400)
    accounts.drop_token("script", "li")
    assert refused(lambda: door.by_token(made.token))[1] == 401


def test_nothing_secret_is_stored(open_store: Open, door: Door, accounts: Accounts) -> None:
    key = door.open_session(Identity("wang", "officer"))
    token = accounts.make_token(NewToken("script", "auditor"), "li").token
    with accounts._store.reader.connect() as connection:
        text = ""
        for table in ("accounts", "sessions", "tokens", "audit"):
            text += str(connection.exec_driver_sql(f"select * from {table}").all())
    for secret in (key, token, PASSWORD):
        assert secret not in text


def test_the_least_that_each_role_needs() -> None:
    assert "act" not in ROLES["auditor"] | ROLES["technician"]
    assert "audit" not in ROLES["officer"] | ROLES["radio"] | ROLES["technician"]
    assert [role for role, may in ROLES.items() if "accounts" in may] == ["admin"]
