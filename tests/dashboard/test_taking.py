"""Recordings leave with two names, for who asked, the files that were agreed on, for a while."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.access import Identity
from dashboard.account import AccountChange, NewAccount, NewToken
from dashboard.approvals import Approval
from dashboard.clips import DATA, LIST, META
from dashboard.evidence import Evidence
from dashboard.store import Store
from dashboard.taking import Export, Taking
from tests.dashboard.conftest import Clock
from tests.dashboard.test_evidence import NAME, SAMPLES, clip_files, kept
from tests.dashboard.test_pairs import LI, WANG, WU, Room, refused

pytestmark = pytest.mark.usefixtures("quick_hashes")

Open = Callable[..., Store]


class Depot(Room):
    """A room in which a recording of the alarm has arrived."""

    def __init__(self, store: Store, folder: Path, **section: Any) -> None:
        super().__init__(store, **section)
        self.evidence = Evidence(folder, store)
        self.taking = Taking(store, self.evidence, self.pairs)
        store.ingest([self.site.says(kept(emitter="e1"))])
        (folder / "school-3").mkdir(parents=True)
        for name, content in clip_files().items():
            (folder / "school-3" / name).write_bytes(content)

    def ask(self, who: Identity = LI) -> Approval:
        return self.taking.ask(self.alarm, Export([NAME], "for the police"), who)

    def take(self, who: Identity = LI, name: str = NAME + DATA) -> bytes:
        opened = self.taking.open_file(self.alarm, name, who)
        with opened.file:
            return opened.file.read()


@pytest.fixture
def depot(open_store: Open, tmp_path: Path, clock: Clock) -> Depot:
    depot = Depot(open_store(), tmp_path / "evidence")
    clock.wait(60)
    return depot


def test_a_recording_leaves_when_two_agree(depot: Depot) -> None:
    assert refused(depot.take) == ("evidence.takes_two", 409)
    approval = depot.ask()
    assert approval.what["clips"].keys() == {NAME}
    assert refused(depot.take) == ("evidence.takes_two", 409)
    depot.decide(approval, WANG)
    assert depot.take() == SAMPLES
    for suffix in (META, LIST):
        assert depot.take(name=NAME + suffix)
    actor, act, detail = depot.log()[-1]
    assert (actor, act, detail["approved_by"]) == ("li", "evidence.taken", "wang")


def test_it_leaves_for_who_asked_and_nobody_else(depot: Depot) -> None:
    depot.decide(depot.ask(), WANG)
    depot.accounts.make_token(NewToken("script", "admin"), "li")
    for who in (WANG, WU, Identity("script", "admin"), Identity("operator", "admin")):
        assert refused(lambda who=who: depot.take(who)) == ("evidence.takes_two", 409)


def test_nobody_agrees_alone(depot: Depot, clock: Clock) -> None:
    approval = depot.ask()
    assert refused(lambda: depot.decide(approval, LI)) == ("pair.own", 403)
    depot.accounts.make_token(NewToken("script", "admin"), "li")
    script = Identity("script", "admin")
    assert refused(lambda: depot.decide(approval, script)) == ("pair.needs_account", 403)
    assert refused(lambda: depot.ask(script)) == ("pair.needs_account", 409)
    clock.wait(1)
    depot.accounts.create(NewAccount("self2", "radio", "self2 self2 self2"), "li")
    self2 = Identity("self2", "radio")
    assert refused(lambda: depot.decide(approval, self2)) == ("pair.new_account", 403)
    depot.hire("bo", "officer")
    bo = Identity("bo", "officer")
    assert refused(lambda: depot.decide(approval, bo)) == ("http.forbidden", 403)
    assert refused(depot.take) == ("evidence.takes_two", 409)


def test_an_agreement_is_for_what_was_read_and_ends(depot: Depot, clock: Clock) -> None:
    approval = depot.ask()
    depot.decide(approval, WANG)
    assert refused(lambda: depot.decide(approval, WANG)) == ("pair.over", 409)
    clock.wait(899)
    assert depot.take() == SAMPLES
    clock.wait(1)
    assert refused(depot.take) == ("evidence.takes_two", 409)
    late = depot.ask()
    clock.wait(900)
    assert refused(lambda: depot.decide(late, WANG)) == ("pair.over", 409)


def test_an_edited_agreement_is_none(depot: Depot) -> None:
    depot.decide(depot.ask(), WANG)
    with depot.store.writing() as connection:
        connection.exec_driver_sql("UPDATE approvals SET wanted_by = 'wu'")
    assert refused(lambda: depot.take(WU)) == ("evidence.takes_two", 409)


def test_what_is_not_there_cannot_be_asked_for(depot: Depot) -> None:
    nothing = Export(["20260101T000000.000Z-none"])
    assert refused(lambda: depot.taking.ask(depot.alarm, nothing, LI)) == ("evidence.unknown", 404)
    assert refused(lambda: depot.taking.ask("none", Export([NAME]), LI)) == ("alarm.unknown", 404)
    assert refused(lambda: depot.take(name="monitor.db")) == ("evidence.unknown", 404)


def test_one_person_at_a_small_centre_takes_it_alone(open_store: Open, tmp_path: Path) -> None:
    depot = Depot(open_store(), tmp_path / "evidence")
    depot.accounts.create(NewAccount("chen", "admin", "chen chen chen"), "operator")
    assert refused(depot.take)[0] == "evidence.takes_two"
    for name in ("li", "wang", "wu"):
        depot.accounts.change(name, AccountChange(disabled=True), "chen")
    assert depot.take(Identity("chen", "admin")) == SAMPLES
