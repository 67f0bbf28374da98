"""All recordings of a site: paged, checked when they came, with who asked for them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.asking import ANSWER
from dashboard.clips import DATA, META, SUFFIXES
from dashboard.errors import Refused
from dashboard.evidence import Evidence
from dashboard.recordings import RecordingQuery, Recordings
from dashboard.store import Store
from dashboard.taking import Export, Taking
from tests.dashboard.test_evidence import NAME, SAMPLES, kept, put
from tests.dashboard.test_pairs import LI, WANG, Room

pytestmark = pytest.mark.usefixtures("quick_hashes")

ASKED = "20270115T090000.000Z_433.0000M_asked-77"


class Archive(Room):
    """One recording of an alarm, and a later one that somebody ordered."""

    def __init__(self, store: Store, folder: Path, *acts: str) -> None:
        super().__init__(store, acts=acts)
        self.folder = folder
        self.evidence = Evidence(folder, store)
        self.taking = Taking(store, self.evidence, self.pairs)
        self.recordings = Recordings(store, self.evidence, self.pairs)
        store.ingest([self.site.says(kept()), self.site.says(kept(ASKED, "asked-77"))])
        with store.writing() as connection:
            for number, order in ((76, "record"), (77, "record"), (78, "drill")):
                detail = {"order": order, "number": number, "accepted": True}
                store.note(connection, f"li{number}", ANSWER, "school-3", detail)
            detail = {"order": "record", "number": 77, "accepted": True}
            store.note(connection, "another", ANSWER, "school-4", detail)

    def arrive(self, name: str) -> None:
        put(self.folder, *SUFFIXES, name=name)
        self.evidence.arrived("school-3", self.folder / "school-3" / (name + DATA))


@pytest.fixture
def make(open_store: Callable[..., Store], tmp_path: Path) -> Callable[..., Archive]:
    return lambda *acts: Archive(open_store(), tmp_path, *acts)


def test_the_newest_first_with_who_asked_and_whether_it_is_what_was_signed(
    make: Callable[..., Archive],
) -> None:
    archive = make()
    asked, of_alarm = archive.recordings.listing("school-3", RecordingQuery())
    assert (asked.name, asked.asked_by, asked.alarms) == (ASKED, "li77", [])
    assert (of_alarm.name, of_alarm.asked_by, of_alarm.alarms) == (NAME, "", [archive.alarm])
    assert {one.state for one in (asked, of_alarm)} == {"announced"}
    assert {one.verified for one in (asked, of_alarm)} == {None}

    archive.arrive(ASKED)
    put(archive.folder, *SUFFIXES)
    (archive.folder / "school-3" / (NAME + DATA)).write_bytes(SAMPLES[:-1] + b"\0")
    archive.evidence.arrived("school-3", archive.folder / "school-3" / (NAME + META))
    asked, of_alarm = archive.recordings.listing("school-3", RecordingQuery())
    assert (asked.state, asked.verified, asked.bytes) == ("complete", True, len(SAMPLES))
    assert asked.center_freq_hz == 170e6
    assert (of_alarm.state, of_alarm.verified) == ("complete", False)

    (first,) = archive.recordings.listing("school-3", RecordingQuery(limit=1))
    (second,) = archive.recordings.listing("school-3", RecordingQuery(before=first.name, limit=1))
    assert (first.name, second.name) == (ASKED, NAME)
    assert archive.recordings.listing("school-3", RecordingQuery(before=second.name)) == []
    assert archive.recordings.listing("school-4", RecordingQuery()) == []


def test_a_file_is_checked_and_on_record_when_it_is_taken(make: Callable[..., Archive]) -> None:
    archive = make()
    for name, why, status in (
        (ASKED + DATA, "evidence.announced", 409),
        (ASKED, "recording.unknown", 404),
        ("../monitor.db", "recording.unknown", 404),
        (ASKED + ".txt", "recording.unknown", 404),
    ):
        with pytest.raises(Refused) as refused:
            archive.recordings.open_file("school-3", name, LI)
        assert (refused.value.message_id, refused.value.status) == (why, status)
    archive.arrive(ASKED)
    opened = archive.recordings.open_file("school-3", ASKED + DATA, LI)
    with opened.file:
        assert opened.file.read() == SAMPLES
    actor, act, detail = archive.log()[-1]
    assert (actor, act, detail["file"]) == ("li", "evidence.taken", ASKED + DATA)
    assert detail["sha256"] == hashlib.sha256(SAMPLES).hexdigest()


def test_where_it_takes_two_it_takes_two_here_too(make: Callable[..., Archive]) -> None:
    archive = make("export")
    archive.arrive(ASKED)
    archive.arrive(NAME)
    for name in (ASKED, NAME):
        with pytest.raises(Refused, match=r"recording\.takes_two"):
            archive.recordings.open_file("school-3", name + DATA, LI)
    wanted = archive.taking.ask(archive.alarm, Export([NAME]), LI)
    archive.decide(wanted, WANG)
    archive.recordings.open_file("school-3", NAME + DATA, LI).file.close()
    assert archive.log()[-1][2]["approved_by"] == "wang"
    with pytest.raises(Refused, match=r"recording\.takes_two"):
        archive.recordings.open_file("school-3", NAME + DATA, WANG)
    wanted = archive.taking.ask_of_site("school-3", Export([ASKED]), LI)
    archive.decide(wanted, WANG)
    archive.recordings.open_file("school-3", ASKED + DATA, LI).file.close()
    for site, name in (("school-4", ASKED), ("school-3", "none")):
        with pytest.raises(Refused, match=r"recording\.unknown"):
            archive.taking.ask_of_site(site, Export([name]), LI)


def test_files_that_came_before_their_announcement_are_checked_all_the_same(
    make: Callable[..., Archive],
) -> None:
    archive = make()
    early = "20270115T093000.000Z_433.0000M_early"
    archive.arrive(early)
    assert [act for _, act, _ in archive.log() if act == "evidence.arrived"] == []
    archive.store.ingest([archive.site.says(kept(early, "early"))])
    assert archive.recordings.listing("school-3", RecordingQuery())[0].verified
    assert archive.recordings.listing("school-3", RecordingQuery())[0].verified
    assert [act for _, act, _ in archive.log() if act == "evidence.arrived"] == ["evidence.arrived"]
