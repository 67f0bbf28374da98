from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Executable, delete, update

from dashboard import audit_log, schema
from dashboard.audit import GENESIS
from dashboard.audit_log import AuditQuery, audit_entries, check_chain
from dashboard.store import Store
from tests.dashboard.conftest import SECOND, START_NS, Clock

Open = Callable[..., Store]


@pytest.fixture
def store(open_store: Open) -> Store:
    """Ten rows: two people in turn, the acts alarm.x and known.y."""
    store = open_store()
    with store.writing() as connection:
        for k in range(10):
            act = "alarm.x" if k % 3 else "known.y"
            store.note(connection, ("li", "wang")[k % 2], act, f"s{k % 4}", {"k": k})
    return store


def numbers(store: Store, query: AuditQuery) -> list[int]:
    return [entry.seq for entry in audit_entries(store.reader, query)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (AuditQuery(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        (AuditQuery(newest=True, limit=3), [10, 9, 8]),
        (AuditQuery(newest=True, before=8, limit=3), [7, 6, 5]),
        (AuditQuery(after=3, before=6), [4, 5]),
        (AuditQuery(actor="wang"), [2, 4, 6, 8, 10]),
        (AuditQuery(act="known."), [1, 4, 7, 10]),
        (AuditQuery(act="%"), []),
        (AuditQuery(subject="s3"), [4, 8]),
        (AuditQuery(actor="li", act="alarm.", newest=True), [9, 5, 3]),
    ],
)
def test_rows_by_who_and_what(store: Store, query: AuditQuery, expected: list[int]) -> None:
    assert numbers(store, query) == expected


def test_rows_by_time(open_store: Open, clock: Clock) -> None:
    store = open_store()
    for k in range(6):
        with store.writing() as connection:
            store.note(connection, ("li", "wang")[k % 2], "alarm.x", "s", {})
        clock.wait(60)
    span = {"since_ns": START_NS + 60 * SECOND, "until_ns": START_NS + 240 * SECOND}
    assert numbers(store, AuditQuery(**span)) == [2, 3, 4]
    assert numbers(store, AuditQuery(**span, actor="wang", newest=True)) == [4, 2]
    assert numbers(store, AuditQuery(until_ns=START_NS)) == []


@pytest.mark.parametrize("at_a_time", [1, 3, 5000])
def test_the_chain_holds(store: Store, monkeypatch: pytest.MonkeyPatch, at_a_time: int) -> None:
    monkeypatch.setattr(audit_log, "AT_A_TIME", at_a_time)
    check = check_chain(store.reader)
    assert (check.entries, check.first_broken) == (10, 0)
    assert check.head == audit_entries(store.reader, AuditQuery(after=9))[0].hash


def tamper(store: Store, statement: Executable) -> None:
    """Change the store behind the monitor's back."""
    with store.writing() as connection:
        connection.execute(statement)


@pytest.mark.parametrize("at_a_time", [1, 3, 5000])
def test_a_row_that_was_changed_or_taken_out_is_named(
    store: Store, monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    monkeypatch.setattr(audit_log, "AT_A_TIME", at_a_time)
    table = schema.audit
    good = audit_entries(store.reader, AuditQuery(after=5, limit=1))[0].hash
    tamper(store, update(table).where(table.c.seq == 7).values(actor="nobody"))
    check = check_chain(store.reader)
    assert (check.entries, check.first_broken, check.head) == (6, 7, good)
    tamper(store, delete(table).where(table.c.seq == 4))
    check = check_chain(store.reader)
    assert (check.entries, check.first_broken) == (3, 4)
    tamper(store, delete(table).where(table.c.seq == 1))
    check = check_chain(store.reader)
    assert (check.entries, check.first_broken, check.head) == (0, 1, GENESIS)


def test_an_empty_log_holds(open_store: Open) -> None:
    check = check_chain(open_store().reader)
    assert (check.entries, check.first_broken, check.head) == (0, 0, GENESIS)
