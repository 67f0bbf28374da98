"""What people are told of a silence: all of it, but for the moments that belong to starting."""

import pytest
from msgspec.structs import replace

from sensors.config import load_site
from sensors.herald import Herald
from sensors.keys import own_keys
from sensors.link import Link
from sensors.listener import Listener
from sensors.messages import Note, NoticeEvent
from sensors.outbox import OutboxFull
from sensors.outbox_damage import open_outbox
from sensors.reports import ClipReport
from sensors.task import tasks_of
from sensors.visit import Gap
from sensors.wire import read_event, read_record

S = 1_000_000_000


@pytest.fixture
def told(tmp_path):
    """A herald and what it has put into a real outbox."""
    keys = own_keys(tmp_path / "keys.json")
    outbox, _ = open_outbox(tmp_path / "outbox.db", keys)
    with Link(outbox, keys, "s", ("s/hall",)) as link:
        herald = Herald("s", link)

        def events() -> list[NoticeEvent]:
            return [
                read_event(read_record(one.signed.record).payload) for one in outbox.after(0, 100)
            ]

        yield herald, events
    outbox.close()


@pytest.mark.parametrize(
    ("cause", "seconds", "level"),
    [
        ("ledger.gap_unexplained", 1.2, "warning"),
        ("source.dongle_lost", 0.4, "warning"),
        ("ledger.gap_baseline", 0.4, None),
        ("ledger.gap_starting", 2.0, None),
        ("ledger.gap_starting", 9.0, "info"),
    ],
)
def test_gaps(told, cause, seconds, level):
    herald, events = told
    herald.gap(Gap("s/hall", S, S + round(seconds * S), cause, {}))
    if level is None:
        assert events() == []
        return
    [notice] = events()
    assert (notice.level, notice.note.id, notice.sensor) == (level, cause, "s/hall")
    assert notice.note.args["seconds"] == seconds


@pytest.mark.parametrize("failed", [False, True])
def test_clips_that_had_to_go_are_named_whether_the_new_one_was_kept_or_not(told, tmp_path, failed):
    herald, events = told
    path = tmp_path / "site.toml"
    path.write_text('[site]\nid = "s"\n[[dongle]]\nsource = "scene:quiet"\nname = "hall"\n')
    (task,) = tasks_of(load_site(path), "tcp://127.0.0.1:1", survey=False)
    gone = [f"20260607T10000{n}.000Z_169.5000M_s-hall-{n}" for n in range(3)]
    why = {"path": "x", "reason": "No space left on device"}
    report = ClipReport("s/hall", 4, 7 * S, deleted=gone)
    if failed:
        report = replace(report, message_id="evidence.refused", fields=why)
    else:
        report = replace(report, files=[str(path)], num_samples=1, start_ns=S, stop_ns=2 * S)
    herald.clip(Listener("s", task), report)
    said = {one.note.id: one for one in events()}
    assert said.keys() == {"evidence.deleted", "evidence.refused" if failed else "evidence.kept"}
    assert said["evidence.deleted"].note.args == {"count": 3, "first": gone[0]}
    assert said["evidence.deleted"].level == "warning"


def test_events_that_could_not_be_kept_are_owned_up_to(told, monkeypatch):
    herald, events = told
    keep = herald._link.publish

    def full(event):
        raise OutboxFull("outbox.db")

    monkeypatch.setattr(herald._link, "publish", full)
    for number in range(3):
        herald.notice("s/hall", "info", Note(f"lost-{number}"), S)
    monkeypatch.setattr(herald._link, "publish", keep)
    herald.notice("s/hall", "info", Note("kept"), S)
    herald.notice("s/hall", "info", Note("kept too"), S)
    assert [event.note.id for event in events()] == ["kept", "notice.unkept", "kept too"]
    assert (events()[1].level, events()[1].note.args) == ("alarm", {"count": 3, "seconds": 0})
    assert events()[1].start_ns < events()[1].stop_ns
